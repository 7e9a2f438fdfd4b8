"""The pages as documents: who gets them, what the forms write without a script, and how many queries they cost."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from biolab.accounts.models import User
from exports_app.models import NarrativeExport
from governance_app.models import Signature
from sessions_app.models import Note
from tests.factories.exports import approve, fresh, make_export, make_export_bench
from tests.factories.governance import PASSWORD
from tests.factories.sessions import SessionFactory, make_member
from tests.sessions.kit import kinds

pytestmark = pytest.mark.django_db


def browser_of(person: User | None) -> Client:
    """Return a browser in which ``person`` has signed in."""
    client = Client()
    if person is not None:
        client.force_login(person)
    return client


def test_pages_lead_strangers_to_the_sign_in_page() -> None:
    bench = make_export_bench()

    for path in ("/", "/sessions/new", "/waiting", f"/sessions/{bench.session.public_id}"):
        answer = browser_of(None).get(path)
        assert (answer.status_code, answer["Location"]) == (302, f"/sign-in?next={path}")


def test_another_teams_session_is_nowhere_to_be_found() -> None:
    bench = make_export_bench()
    export = make_export(bench)
    sid = bench.session.public_id
    stranger = browser_of(bench.outsider)

    assert bench.session.name not in stranger.get("/").content.decode()
    for path in ("", "/panels/notes", f"/exports/{export.public_id}"):
        assert stranger.get(f"/sessions/{sid}{path}").status_code == 404
    for path in ("/notes", "/moves/pause", "/steps/0", "/exports", f"/exports/{export.public_id}/sign"):
        assert stranger.post(f"/sessions/{sid}{path}", {"content": "x", "status": "completed"}).status_code == 404
    assert Note.objects.count() == 0
    assert NarrativeExport.objects.count() == 1


def test_an_observer_reads_and_finds_no_form_to_write_with() -> None:
    bench = make_export_bench(ended=False)
    observer = make_member(bench.team, "observer")
    sid = bench.session.public_id

    page = browser_of(observer).get(f"/sessions/{sid}")
    written = browser_of(observer).post(f"/sessions/{sid}/notes", {"content": "I was here"})

    assert page.status_code == 200
    assert f"/sessions/{sid}/notes" not in page.content.decode()
    assert written.status_code == 403
    assert Note.objects.count() == 0


def test_forms_work_without_a_script() -> None:
    bench = make_export_bench(ended=False)
    sid = bench.session.public_id
    browser = browser_of(bench.asker)

    answers = [
        browser.post(f"/sessions/{sid}/notes", {"content": "Foam", "type": "anomaly"}),
        browser.post(f"/sessions/{sid}/steps/0", {"status": "in_progress"}),
        browser.post(f"/sessions/{sid}/moves/pause", {}),
        browser.post(f"/sessions/{sid}/exports", {"notes": "Please read"}),
    ]

    assert [(answer.status_code, answer["Location"]) for answer in answers] == [(302, f"/sessions/{sid}")] * 4
    page = browser.get(f"/sessions/{sid}").content.decode()
    assert "Foam" in page
    assert "Please read" in page
    assert kinds(bench.session)[-6:-3] == ["note.created", "step.transition", "session.paused"]


def test_a_refused_form_keeps_what_was_typed() -> None:
    bench = make_export_bench()

    answer = browser_of(bench.asker).post(f"/sessions/{bench.session.public_id}/notes", {"content": "Too late"})

    assert answer.status_code == 409
    assert "Too late" in answer.content.decode()
    assert "reason" in answer.content.decode()
    assert Note.objects.count() == 0


@pytest.mark.parametrize(
    ("signer", "posted", "status"),
    [
        ("reviewer", {"password": "wrong"}, 403),
        ("approver", {}, 403),
        ("asker", {}, 403),
        ("reviewer", {"signature": " "}, 422),
        ("reviewer", {"content_digest": "0" * 64}, 409),
        ("reviewer", {"status": "maybe"}, 422),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_a_signature_that_is_refused_on_the_page_writes_nothing(
    signer: str, posted: dict[str, str], status: int
) -> None:
    bench = make_export_bench()
    export = make_export(bench)
    before = kinds(bench.session)
    form = {"status": "approved", "signature": "Me", "meaning": "review", "password": PASSWORD} | posted

    path = f"/sessions/{bench.session.public_id}/exports/{export.public_id}/sign"
    answer = browser_of(getattr(bench, signer)).post(path, form)

    assert answer.status_code == status
    assert Signature.objects.count() == 0
    assert kinds(bench.session) == before


@pytest.mark.django_db(transaction=True)
def test_a_signature_given_on_the_page_moves_the_ladder_on() -> None:
    bench = make_export_bench()
    export = make_export(bench)
    stage = export.approval.stages.get(sequence_index=1)
    form = {
        "status": "approved",
        "signature": "R. Viewer",
        "meaning": "review",
        "password": PASSWORD,
        "stage_id": stage.public_id,
        "content_digest": export.content.sha256,
    }

    path = f"/sessions/{bench.session.public_id}/exports/{export.public_id}/sign"
    answer = browser_of(bench.reviewer).post(path, form)

    assert answer.status_code == 302
    assert Signature.objects.get().typed == "R. Viewer"
    waiting = browser_of(bench.approver).get("/waiting").content.decode()
    assert bench.session.public_id in waiting


def test_the_dossier_page_shows_what_is_signed_and_escapes_what_people_wrote() -> None:
    bench = make_export_bench(ended=False)
    browser = browser_of(bench.asker)
    sid = bench.session.public_id
    browser.post(f"/sessions/{sid}/notes", {"content": "<script>alert(1)</script> # no heading"})
    browser.post(f"/sessions/{sid}/exports", {})
    export = NarrativeExport.objects.get()

    page = browser.get(f"/sessions/{sid}/exports/{export.public_id}").content.decode()

    assert export.content.sha256 in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.django_db(transaction=True)
def test_an_archive_that_is_packed_is_offered_for_download() -> None:
    bench = make_export_bench()
    export = approve(make_export(bench), bench)
    page = browser_of(bench.asker)
    sid = bench.session.public_id
    assert "/artifact" not in page.get(f"/sessions/{sid}").content.decode()

    from exports_app.services.packaging import pack_export

    pack_export(export_id=export.pk, clock=lambda: export.created_at)

    assert f"{fresh(export).path}/artifact" in page.get(f"/sessions/{sid}").content.decode()


def test_the_list_of_sessions_costs_the_same_however_long_it_is(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    bench = make_export_bench()
    browser = browser_of(bench.asker)
    with django_assert_num_queries(6):
        browser.get("/")

    for _ in range(5):
        SessionFactory(team=bench.team, by=bench.lead, with_steps=True)

    with django_assert_num_queries(6):
        assert browser.get("/").status_code == 200


def test_the_session_page_costs_the_same_however_much_happened(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    bench = make_export_bench(ended=False)
    browser = browser_of(bench.asker)
    sid = bench.session.public_id
    make_export(bench)
    with django_assert_num_queries(40):
        browser.get(f"/sessions/{sid}")

    for number in range(5):
        browser.post(f"/sessions/{sid}/notes", {"content": f"Note {number}"})
        make_export(bench)

    with django_assert_num_queries(40):
        assert browser.get(f"/sessions/{sid}").status_code == 200
