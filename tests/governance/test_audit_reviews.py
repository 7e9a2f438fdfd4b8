"""Reviews of audit trails: who may, what is bound, what is left, and that a refusal leaves a trace and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from biolab.kernel.append_only import lifted
from biolab.kernel.errors import Conflict, Forbidden, Invalid, Refusal
from biolab.kernel.models import SecurityEntry
from governance_app.errors import MayNotSign
from governance_app.models import AuditReview
from governance_app.rules.intervals import uncovered
from governance_app.seals.audit_reviews import verify_review
from governance_app.selectors.audit_trails import unreviewed_of
from governance_app.services.audit_reviews import sign_audit_review
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.services.notes import write_note
from tests.factories.governance import PASSWORD, Bench, make_administrator, make_bench, make_signer
from tests.factories.sessions import NINE

ranges = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 15)).map(lambda r: (r[0], r[0] + r[1])), max_size=8)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 40), ranges)
def test_what_is_covered_and_what_is_not_make_up_the_whole_once(head: int, covered: list[tuple[int, int]]) -> None:
    left = uncovered(head, covered)

    numbers = [number for first, last in left for number in range(first, last + 1)]
    reached = {number for first, last in covered for number in range(first, last + 1)}
    assert numbers == [number for number in range(1, head + 1) if number not in reached]
    assert all(first <= last for first, last in left)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(left))


@pytest.fixture
def bench(db: None) -> Bench:
    bench = make_bench()
    for number in range(3):
        write_note(
            session=bench.session, content=f"Note {number}", by=bench.asker, at=NINE, timestamp=NINE, reason="Late."
        )
    bench.session.refresh_from_db()
    return bench


@pytest.fixture
def auditor(bench: Bench) -> User:
    return make_signer(bench.team, Role.QA)


def review(bench: Bench, person: User, first: int = 1, last: int = 3, **changes: Any) -> AuditReview:
    session = LabSession.objects.get(pk=bench.session.pk)
    wanted = {"signature": "Q. A.", "password": PASSWORD, "by": person, "at": NINE, **changes}
    return sign_audit_review(session=session, first_sequence=first, last_sequence=last, **wanted)


def left(bench: Bench) -> list[tuple[int, int]]:
    return unreviewed_of(LabSession.objects.get(pk=bench.session.pk))


def reasons() -> list[str]:
    entries = SecurityEntry.objects.filter(kind="signature.refused").order_by("sequence")
    return [entry.record["detail"]["reason"] for entry in entries]


def test_11_10_an_auditor_signs_a_range_and_the_rest_is_left(bench: Bench, auditor: User) -> None:
    head = bench.session.head_sequence
    signed = review(bench, auditor, 1, 2, notes="As planned.")
    write_note(session=bench.session, content="Another", by=bench.asker, at=NINE, timestamp=NINE, reason="Late.")

    event = TimelineEvent.objects.get(kind="governance.audit.reviewed")
    hashes = dict(TimelineEvent.objects.filter(session=bench.session).values_list("sequence", "hash"))
    assert event.payload == {
        "review_id": signed.public_id,
        "first_sequence": 1,
        "last_sequence": 2,
        "first_hash": hashes[1],
        "last_hash": hashes[2],
        "reviewer_id": auditor.public_id,
        "printed_name": auditor.printed_name,
        "signature": "Q. A.",
        "notes": "As planned.",
    }
    assert event.told == "“Q. A.” reviewed the events 1 to 2."
    assert left(bench) == [(3, head), (head + 2, head + 2)]  # the review's own event needs none
    assert not verify_review(AuditReview.objects.get())


def _lead(bench: Bench) -> User:
    return bench.lead


def _administrator(bench: Bench) -> User:
    return make_administrator()


def _reset(bench: Bench) -> User:
    person = make_signer(bench.team, Role.QA)
    person.password_reset_by = make_administrator()
    person.save(update_fields=["password_reset_by"])
    return person


REFUSED: list[tuple[Callable[[Bench], User] | None, dict[str, Any], type[Refusal], list[str]]] = [
    (_lead, {}, MayNotSign, ["wrong_role"]),
    (_administrator, {}, MayNotSign, ["wrong_role"]),
    (_reset, {}, MayNotSign, ["password_not_own"]),
    (None, {"last": 99}, Invalid, []),
    (None, {"first": 3, "last": 2}, Invalid, []),
    (None, {"first": 0}, Invalid, []),
    (None, {"signature": " "}, Invalid, []),
    (None, {"last_hash": "0" * 64}, Conflict, ["content_changed"]),
    (None, {"password": ""}, Invalid, []),
    (None, {"password": "guess"}, Forbidden, ["wrong_password"]),
]


@pytest.mark.parametrize(("who", "changes", "refusal", "noted"), REFUSED)
def test_a_review_is_refused_and_nothing_is_written(
    bench: Bench,
    auditor: User,
    who: Callable[[Bench], User] | None,
    changes: dict[str, Any],
    refusal: type[Refusal],
    noted: list[str],
) -> None:
    before = TimelineEvent.objects.count()

    with pytest.raises(refusal):
        review(bench, who(bench) if who is not None else auditor, **changes)

    assert (AuditReview.objects.count(), TimelineEvent.objects.count(), reasons()) == (0, before, noted)


def test_who_leaves_the_team_while_the_password_is_looked_at_reviews_nothing(bench: Bench, auditor: User) -> None:
    check = auditor.check_password

    def looked_at_while_leaving(password: str) -> bool:
        auditor.memberships.all().delete()
        return check(password)

    auditor.check_password = looked_at_while_leaving  # type: ignore[method-assign]
    before = TimelineEvent.objects.count()

    with pytest.raises(MayNotSign):
        review(bench, auditor)

    assert (AuditReview.objects.count(), TimelineEvent.objects.count(), reasons()) == (0, before, ["wrong_role"])


@pytest.mark.sqlite_only
def test_a_trail_that_was_tampered_with_is_not_signed_and_a_signed_one_tells(bench: Bench, auditor: User) -> None:
    signed = review(bench, auditor)
    with transaction.atomic(), lifted():
        TimelineEvent.objects.filter(session=bench.session, sequence=2).update(canonical="{}")
        TimelineEvent.objects.filter(session=bench.session, sequence=3).update(hash="0" * 64)

    with pytest.raises(Conflict) as refused:
        review(bench, auditor)

    assert (refused.value.code, refused.value.facts["sequence"]) == ("audit_trail_broken", 2)
    assert verify_review(signed) == ["The timeline is not the one that was reviewed."]
    signed.last_sequence = 4
    assert verify_review(signed)


def test_11_70_a_review_is_never_changed_nor_deleted(bench: Bench, auditor: User) -> None:
    review(bench, auditor)

    for statement in ("UPDATE governance_app_auditreview SET typed = 'x'", "DELETE FROM governance_app_auditreview"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)

    assert AuditReview.objects.get().typed == "Q. A."


# -- doors and desk ----------------------------------------------------------------------------------------------------


@pytest.mark.sqlite_only
def test_the_door_lists_what_is_left_and_takes_a_signature(bench: Bench, auditor: User) -> None:
    client, path = APIClient(), f"/api/governance/sessions/{bench.session.public_id}/audit-reviews"
    client.force_login(auditor)
    head = bench.session.head_sequence
    body = {"first_sequence": 1, "last_sequence": head, "signature": "Q. A.", "password": PASSWORD}

    before = client.get(path).json()
    wrong = client.post(path, {**body, "password": "guess"}, format="json")
    right = client.post(path, {**body, "last_hash": bench.session.head_hash}, format="json")
    after = client.get(path).json()

    assert before["uncovered"] == [{"first_sequence": 1, "last_sequence": head}]
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
    assert right.status_code == 201
    assert (after["uncovered"], after["head_sequence"]) == ([], head + 1)
    assert [item["id"] for item in after["items"]] == [right.json()["id"]]
    assert (right.json()["meaning"], right.json()["role"]) == ("review", "qa")


@pytest.mark.sqlite_only
def test_an_auditor_reads_and_signs_at_the_desk(bench: Bench, auditor: User) -> None:
    for person in (auditor, bench.lead, bench.outsider):
        person.is_staff = True
        person.save(update_fields=["is_staff"])
    desk, page = Client(), reverse("admin:governance_app_auditreview_session", args=[bench.session.pk])
    desk.force_login(auditor)
    listed = desk.get(reverse("admin:governance_app_auditreview_not_reviewed")).content.decode()
    shown = desk.get(f"{page}?first=1&last=2")
    form = {"operation": "review", "signature": "Q. A.", "notes": "", "last_hash": shown.context["events"][-1].hash}
    wrong = desk.post(f"{page}?first=1&last=2", {**form, "password": "guess"})
    right = desk.post(f"{page}?first=1&last=2", {**form, "password": PASSWORD})
    kept = desk.get(reverse("admin:governance_app_auditreview_change", args=[AuditReview.objects.get().pk]))

    assert f"{page}?first=1&amp;last={bench.session.head_sequence}" in listed
    assert "The password is wrong" in wrong.content.decode()
    assert (wrong.status_code, right.status_code, left(bench)[0][0]) == (422, 302, 3)
    assert "It holds: record, seal and timeline agree." in kept.content.decode()
    desk.force_login(bench.lead)
    assert "reviewed by the role QA" in desk.get(page).content.decode()
    assert desk.post(page, {**form, "password": PASSWORD}).status_code == 422
    desk.force_login(bench.outsider)
    assert desk.get(page).status_code == 404
    assert AuditReview.objects.count() == 1
