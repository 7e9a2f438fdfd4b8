"""Several people free the same thing at once, on PostgreSQL: it is done once, and everyone is told the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection

from biolab.accounts.roles import Role
from sessions_app.models import Calibration, Equipment, StepApproval, TimelineEvent
from sessions_app.services.equipment import record_calibration
from sessions_app.services.remediation import Result, remediate_step
from sessions_app.verification import verify_session
from tests.factories.equipment import make_equipment
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

AT_ONCE = 8
DAY = timedelta(days=1)


def at_once(*work: Callable[[], list[Result]]) -> Counter[str]:
    """Run everything at the same moment, each in its own thread, and count what came of the actions."""
    barrier = Barrier(len(work))

    def run(task: Callable[[], list[Result]]) -> list[str]:
        try:
            barrier.wait()
            return [result.status for result in task()]
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        return Counter(status for statuses in pool.map(run, work) for status in statuses)


def test_many_approve_one_step_and_one_approval_is_written() -> None:
    session = SessionFactory(with_steps=True, parameters={"step_requirements": {"0": {"required_approvals": ["qa"]}}})
    people = [make_member(session.team, Role.QA) for _ in range(AT_ONCE)]
    action = ["compliance:approve:qa"]

    ends = at_once(
        *[
            lambda person=person: remediate_step(session=session, index=0, by=person, at=NINE, actions=action)  # type: ignore[misc]
            for person in people
        ]
    )

    assert ends == {"executed": 1, "skipped": AT_ONCE - 1}
    assert StepApproval.objects.count() == 1
    assert TimelineEvent.objects.filter(kind="remediation.execute").count() == AT_ONCE
    assert TimelineEvent.objects.filter(kind="remediation.report").count() == 1
    assert verify_session(session.pk).valid


@pytest.mark.parametrize("is_known", [True, False])
def test_many_sessions_wait_for_one_piece_of_equipment_and_it_is_seen_to_once(is_known: bool) -> None:
    team = make_team()
    lead = make_member(team)
    if is_known:
        make_equipment(team, by=lead, code="BR-1", calibrated=(NINE - 90 * DAY, NINE - DAY))
    everywhere = {"required_equipment_ids": ["BR-1"]}
    sessions = [SessionFactory(team=team, by=lead, with_steps=True, parameters=everywhere) for _ in range(AT_ONCE)]
    action = ["equipment:calibrate:BR-1" if is_known else "equipment:register:BR-1"]

    ends = at_once(
        *[
            lambda session=session: remediate_step(session=session, index=0, by=lead, at=NINE, actions=action)  # type: ignore[misc]
            for session in sessions
        ]
    )

    assert ends == {"executed": 1, "skipped": AT_ONCE - 1}
    assert Equipment.objects.count() == 1
    assert Calibration.objects.count() == (2 if is_known else 0)


def test_remediation_and_calibration_at_once_do_not_wait_for_each_other_in_a_ring() -> None:
    team = make_team()
    lead = make_member(team)
    codes = ["BR-1", "BR-2"]
    pieces = [make_equipment(team, by=lead, code=code, calibrated=(NINE - 9 * DAY, NINE - DAY)) for code in codes]
    both_ways = [
        SessionFactory(team=team, by=lead, with_steps=True, parameters={"required_equipment_ids": order})
        for order in (codes, codes[::-1])
    ]

    def calibrate(piece: Equipment) -> list[Result]:
        record_calibration(equipment=piece, by=lead, at=NINE, due_at=NINE + DAY)
        return [Result("", "recorded", "")]

    ends = at_once(
        *[
            lambda session=session: remediate_step(session=session, index=0, by=lead, at=NINE)  # type: ignore[misc]
            for session in both_ways * 3
        ],
        *[lambda piece=piece: calibrate(piece) for piece in pieces],  # type: ignore[misc]
    )

    assert ends["recorded"] == len(pieces)
    assert ends["failed"] == 0
    for piece in pieces:
        assert piece.calibrations.count() in (2, 3)  # the first one, the one recorded, and at most one by remediation
