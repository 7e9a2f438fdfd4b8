"""Equipment of a team, in any state of calibration."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from biolab.accounts.models import Team, User
from sessions_app.models import Equipment
from sessions_app.services.equipment import record_calibration, register_equipment
from tests.factories.sessions import NINE, make_member, make_team

_numbers = count(1)


def make_equipment(
    team: Team | None = None, *, by: User | None = None, at: datetime = NINE - timedelta(days=400), **said: Any
) -> Equipment:
    """Return new equipment with a code of its own; ``calibrated=(performed_at, due_at)`` records a calibration."""
    team = team or make_team()
    by = by or make_member(team)
    number, calibrated = next(_numbers), said.pop("calibrated", None)
    said = {"name": f"Reactor {number}", "code": f"BR-{number}", **said}
    equipment = register_equipment(team=team, by=by, at=at, **said)
    if calibrated is not None:
        performed_at, due_at = calibrated
        record_calibration(equipment=equipment, by=by, at=performed_at, performed_at=performed_at, due_at=due_at)
    return equipment
