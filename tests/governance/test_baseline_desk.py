"""Baselines at the desk and on the scientists' pages: every button asks the service, and a refusal stands beside it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from biolab.accounts.models import User
from governance_app.models import GovernanceBaseline, GovernanceBaselineEvent
from telemetry_app import stores
from tests.factories.baselines import BaselineBench, make_baseline_bench
from tests.factories.telemetry import NINE_US, make_batch, make_channels, make_intake

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]
DESK = "admin:governance_app_governancebaseline"


def client_of(person: User, *, staff: bool = False) -> Client:
    if staff:
        User.objects.filter(pk=person.pk).update(is_staff=True)
    client = Client()
    client.force_login(person)
    return client


def at_desk(client: Client, baseline: GovernanceBaseline, operation: str, **values: Any) -> Any:
    address = reverse(f"{DESK}_change", args=[baseline.pk])
    return client.post(address, {"operation": operation, **values})


def status_of(baseline: GovernanceBaseline) -> tuple[str, int]:
    return GovernanceBaseline.objects.get(pk=baseline.pk).status, baseline.events.count()


@pytest.fixture
def bench() -> BaselineBench:
    return make_baseline_bench()


def test_the_desk_reviews_publishes_and_rolls_back(bench: BaselineBench) -> None:
    desk, before, baseline = client_of(bench.admin), bench.baseline("published"), bench.baseline()

    assert at_desk(desk, baseline, "review", decision="approve", notes="Clean").status_code == 302
    assert at_desk(desk, baseline, "publish").status_code == 302
    page = desk.get(reverse(f"{DESK}_change", args=[baseline.pk])).content.decode()
    assert f'<option value="{before.pk}" selected>' in page  # what held before is offered first
    rolled = at_desk(desk, baseline, "rollback", reason="Drift", target=str(before.pk))

    assert rolled.status_code == 302
    assert status_of(baseline) == ("rolled_back", 4)
    assert GovernanceBaseline.objects.current().get() == before


@pytest.mark.parametrize(
    ("who", "operation", "status"),
    [
        ("submitter", "review", 422),
        ("member", "review", 422),
        ("reviewer", "review", 302),
        ("admin", "review", 302),
        ("reviewer", "publish", 422),
        ("admin", "rollback", 422),
        ("stranger", "review", 404),
    ],
)
def test_the_desk_asks_the_same_rights_of_staff(bench: BaselineBench, who: str, operation: str, status: int) -> None:
    baseline = bench.baseline()
    desk = client_of(getattr(bench, who), staff=True)

    answer = at_desk(desk, baseline, operation, decision="reject", notes="Too warm", reason="Drift")

    assert answer.status_code == status
    assert status_of(baseline) == (("rejected", 2) if status == 302 else ("submitted", 1))


def test_the_desk_lists_what_a_person_sees_and_its_history_is_read_only(bench: BaselineBench) -> None:
    mine, foreign = bench.baseline(name="Mine"), make_baseline_bench().baseline(name="Foreign")
    desk = client_of(bench.reviewer, staff=True)
    event = mine.events.get()

    listed = desk.get(reverse(f"{DESK}_changelist") + "?waiting=me").content.decode()
    events = desk.get(reverse("admin:governance_app_governancebaselineevent_changelist"))
    one = desk.post(reverse("admin:governance_app_governancebaselineevent_change", args=[event.pk]), {"notes": "x"})

    assert (">Mine<" in listed, "Foreign" in listed) == (True, False)
    assert "Foreign" not in events.content.decode()
    assert desk.get(reverse(f"{DESK}_change", args=[foreign.pk])).status_code == 404
    assert one.status_code == 403
    assert GovernanceBaselineEvent.objects.get(pk=event.pk).notes == ""


def test_the_desk_compares_a_session(bench: BaselineBench) -> None:
    baseline, session = bench.baseline(), bench.session(name="Second run")
    desk = client_of(bench.admin)

    page = desk.get(reverse(f"{DESK}_change", args=[baseline.pk]), {"session": str(session.pk)})

    assert "Second run against this baseline" in page.content.decode()


def test_a_scientist_proposes_a_session_and_its_reviewer_decides(bench: BaselineBench) -> None:
    session = bench.session()
    scientist, reviewer = client_of(bench.submitter), client_of(bench.reviewer)
    address = f"/sessions/{session.public_id}/baseline"
    form = {"name": "Reference", "labels": "scale: 2 L\nrig", "reviewer": [bench.reviewer.public_id]}

    page = scientist.get(address).content.decode()
    unnamed = scientist.post(address, {**form, "name": " "})
    alien = scientist.post(address, {**form, "reviewer": [bench.stranger.public_id]})
    assert (unnamed.status_code, alien.status_code) == (422, 404)
    assert not GovernanceBaseline.objects.exists()
    made = scientist.post(address, form)
    baseline = GovernanceBaseline.objects.get()
    moves = f"/baselines/{baseline.public_id}/moves"
    own = scientist.post(f"{moves}/review", {"decision": "approve"})
    done = [
        reviewer.post(f"{moves}/{move}", {"decision": "approve"}).status_code for move in ("review", "publish", "mend")
    ]

    assert "Propose as baseline" in page
    assert "no baseline yet" in page
    assert made["Location"] == f"/baselines/{baseline.public_id}"
    assert baseline.labels == [{"key": "scale", "value": "2 L"}, {"key": "rig", "value": ""}]
    assert own.status_code == 403
    assert "neither reviews nor publishes" in own.content.decode()
    assert done == [302, 302, 404]
    assert status_of(baseline) == ("published", 3)
    assert "This session is the current baseline" in scientist.get(address).content.decode()


def test_a_session_is_shown_against_the_current_baseline(bench: BaselineBench) -> None:
    reference, later = bench.session(completed=False, running=True), bench.session(completed=False, running=True)
    channels = make_channels(reference, "pO2")
    for session in (reference, later):
        rows = [("pO2", NINE_US + second * 1_000_000, 7.0) for second in range(3)]
        stores.current().append(make_intake(session, channels, make_batch(rows)))
    baseline = bench.baseline("published", session=reference)
    observer = client_of(bench.observer)

    page = observer.get(f"/sessions/{later.public_id}/baseline").content.decode()
    other = observer.get(f"/baselines/{baseline.public_id}/compare?with={later.public_id}").content.decode()

    for shown in (page, other):
        assert "chip--inside" in shown
        assert shown.count("<polygon") == 2
    assert "Freeze and propose" not in page
    assert f"/sessions/{later.public_id}/baseline" in observer.get(f"/sessions/{later.public_id}").content.decode()


def test_rolling_back_on_the_page_is_for_administrators(bench: BaselineBench) -> None:
    baseline = bench.baseline("published")
    path = f"/baselines/{baseline.public_id}/moves/rollback"

    refused = client_of(bench.reviewer).post(path, {"reason": "Drift"})
    silent = client_of(bench.admin).post(path, {"reason": ""})
    assert (refused.status_code, silent.status_code) == (403, 422)
    assert status_of(baseline) == ("published", 3)
    done = client_of(bench.admin).post(path, {"reason": "Drift"})

    assert done.status_code == 302
    assert status_of(baseline) == ("rolled_back", 4)
