"""Decks at their doors: outlined, built once whatever happens, fetched by those who may."""

from __future__ import annotations

import io
import re
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone
from pptx import Presentation

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from biolab.kernel.leases import LEASE
from exports_app.decks.images import Fetched
from exports_app.decks.slides import Slide
from exports_app.models import DeckJob
from exports_app.services.decks import TRIES, ask_deck, build_deck, due_decks
from tests.exports.doors import client_of
from tests.factories.exports import TEN, approve, make_export, make_export_bench
from tests.factories.governance import Bench
from tests.factories.sessions import make_member

pytestmark = pytest.mark.django_db

SLIDES = [{"title": "One", "bullets": ["a", "b"]}, {"title": "Two", "body": "c", "notes": "d"}]
BUILD, GENERATE = "/api/v1/slides/build", "/api/v1/chat/generate"


@pytest.fixture
def bench() -> Bench:
    return make_export_bench(readings=40)


def post(person: User, path: str, body: Any) -> Any:
    return client_of(person).post(path, body, format="json")


def build(job_id: str) -> bool:
    return build_deck(
        job_id=_job(job_id).pk, clock=timezone.now, fetch=lambda url: Fetched(None, trouble="No net here.")
    )


def _job(job_id: str) -> DeckJob:
    return next(job for job in DeckJob.objects.all() if job.public_id == job_id)


def fetched(person: User, job_id: str) -> Any:
    return client_of(person).get(f"/api/v1/slides/download?jobId={job_id}")


def test_slides_become_a_presentation_that_its_asker_fetches(bench: Bench) -> None:
    asked = post(bench.asker, BUILD, SLIDES)
    said = asked.json()
    job_id = said["jobId"]

    assert asked.status_code == 200
    assert (said["status"], said["resultUrl"], said["errorMessage"]) == ("pending", None, None)
    assert fetched(bench.asker, job_id).status_code == 409
    assert build(job_id)
    assert not build(job_id)

    told = client_of(bench.asker).get(f"/api/v1/slides/jobs/{job_id}").json()
    answer = client_of(bench.asker).get(told["resultUrl"])
    deck = Presentation(io.BytesIO(b"".join(answer.streaming_content)))

    assert (told["status"], told["progress"]) == ("completed", 1.0)
    assert answer["Content-Disposition"] == f'attachment; filename="presentation-{job_id}.pptx"'
    assert [page.shapes.title.text_frame.text for page in deck.slides] == ["One", "Two"]
    assert deck.slides[1].placeholders[1].text_frame.text == "c"
    for other in (bench.outsider, bench.lead):
        assert fetched(other, job_id).status_code == 404
        assert client_of(other).get(f"/api/v1/slides/jobs/{job_id}").status_code == 404
    assert fetched(bench.asker, "nonsense").status_code == 422
    assert fetched(bench.asker, f"job_{'0' * 26}").status_code == 404
    assert client_of(bench.asker).get("/api/v1/slides/download").status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        [{"title": "", "bullets": ["a"]}],
        [{"title": "x" * 101, "bullets": ["a"]}],
        [{"title": "x", "bullets": []}],
        [{"title": "x"}],
        [{"title": "x", "bullets": ["a"], "body": "b"}],
        [{"title": "x", "bullets": ["a" * 201]}],
        [{"title": "x", "bullets": [1]}],
        [{"title": "x", "bullets": ["a"], "image": {"url": "file:///etc/passwd"}}],
        [{"title": "x", "bullets": ["a"]}] * 101,
    ],
)
def test_a_bad_slide_or_none_is_refused_and_nothing_is_asked_for(body: Any) -> None:
    assert post(make_member(None), BUILD, body).status_code == 422
    assert not DeckJob.objects.exists()


def test_a_prompt_is_outlined_in_as_many_slides_as_any_of_its_names_says() -> None:
    person = make_member(None)
    for name in ("slideCount", "numSlides", "slide_count"):
        said = post(person, GENERATE, {"prompt": "Yeast grows. Foam rises. We stop.", name: 3}).json()
        assert [slide["bullets"] for slide in said] == [["Yeast grows."], ["Foam rises."], ["We stop."]]
        assert {slide["source"] for slide in said} == {"facts"}

    refused = [
        post(person, GENERATE, body).status_code
        for body in (
            {"prompt": "x"}, {"prompt": "x", "slideCount": 0}, {"prompt": "x", "slideCount": 21},
            {"prompt": " ", "slideCount": 1}, {"prompt": "x", "slideCount": 2, "numSlides": 3},
        )
    ]  # fmt: skip
    assert refused == [422] * 5
    assert post(person, f"{GENERATE}?sessionId=sess_none", {"prompt": "x", "slideCount": 1}).status_code == 404


def test_a_sessions_deck_tells_its_record_and_names_its_events(bench: Bench) -> None:
    approve(make_export(bench), bench)
    path = f"/api/sessions/{bench.session.public_id}/deck"
    began = timezone.now()

    asked = post(bench.asker, path, {"slideCount": 8, "audience": "the board"})
    assert asked.status_code == 202, asked.content
    job_id = asked.json()["jobId"]
    assert build(job_id)

    assert timezone.now() - began < timedelta(seconds=10)
    answer = fetched(bench.reviewer, job_id)
    deck = Presentation(io.BytesIO(b"".join(answer.streaming_content)))
    titles = [page.shapes.title.text_frame.text for page in deck.slides]
    assert titles == [bench.session.name, "What was done", "pH", "temperature", "Deviations", "Approvals", "Next steps"]
    assert sum(shape.has_chart for page in deck.slides for shape in page.shapes) == 2
    notes = [page.notes_slide.notes_text_frame.text for page in deck.slides]
    sequences = set(bench.session.events.values_list("sequence", flat=True))
    named = [int(word) for text in notes for word in re.findall(r"event #(\d+)", text)]
    assert named
    assert set(named) <= sequences
    assert f"event #{bench.session.events.get(kind='session.completed').sequence}" in notes[0]
    assert "Version 1: approved, 2 of 2 stages signed" in notes[5]
    outlined = post(bench.asker, f"{GENERATE}?sessionId={bench.session.public_id}", {"prompt": "x", "slideCount": 2})
    assert [slide["title"] for slide in outlined.json()] == titles[:2]

    observer = make_member(bench.team, Role.OBSERVER)
    count = DeckJob.objects.count()
    assert post(bench.outsider, path, {}).status_code == 404
    assert post(observer, path, {}).status_code == 403
    assert post(observer, f"{BUILD}?sessionId={bench.session.public_id}", SLIDES).status_code == 403
    assert fetched(bench.outsider, job_id).status_code == 404
    assert DeckJob.objects.count() == count


def test_a_worker_that_died_costs_a_while_and_one_that_was_slow_publishes_nothing() -> None:
    job = ask_deck(slides=[Slide("One", ("a",))], by=make_member(None), at=TEN)
    times = iter([TEN, TEN, TEN])
    DeckJob.objects.filter(pk=job.pk).update(
        status="in_progress", lease=uuid.uuid4(), lease_until=TEN + LEASE, attempts=1
    )

    assert due_decks(at=TEN) == []
    assert not build_deck(job_id=job.pk, clock=lambda: next(times))
    assert due_decks(at=TEN + LEASE) == [job.pk]

    def robbed(url: str) -> Fetched:
        DeckJob.objects.filter(pk=job.pk).update(lease=uuid.uuid4())
        return Fetched(None)

    DeckJob.objects.filter(pk=job.pk).update(
        slides=[{**job.slides[0], "image": {"url": "http://x", "alt": "", "provider": ""}}]
    )
    assert not build_deck(job_id=job.pk, clock=lambda: TEN + LEASE, fetch=robbed)
    job.refresh_from_db()
    assert (job.status, job.stored_as, job.attempts) == ("in_progress", "", 2)
    assert build_deck(job_id=job.pk, clock=lambda: TEN + 3 * LEASE, fetch=lambda url: Fetched(None, trouble="none"))


def test_what_goes_wrong_is_tried_again_and_then_given_up() -> None:
    job = ask_deck(slides=[Slide("One", ("a",))], by=make_member(None), at=TEN)
    DeckJob.objects.filter(pk=job.pk).update(slides=[{"title": "no slide"}])
    at = TEN

    for turn in range(1, TRIES + 1):
        assert not build_deck(job_id=job.pk, clock=partial(datetime.fromtimestamp, at.timestamp(), UTC))
        job.refresh_from_db()
        assert (job.status, job.attempts) == ("failed" if turn == TRIES else "pending", turn)
        assert due_decks(at=at) == []
        at += timedelta(hours=1)

    assert job.error == "KeyError while building."
    assert due_decks(at=at) == []


def test_who_asks_too_often_is_told_when_again(settings: Any) -> None:
    settings.DECK_RATE = "2/min"
    person = make_member(None)

    answers = [post(person, GENERATE, {"prompt": "x", "slideCount": 1}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[2]["Retry-After"]) <= 60
    assert post(make_member(None), GENERATE, {"prompt": "x", "slideCount": 1}).status_code == 200
