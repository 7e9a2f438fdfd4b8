"""What stands on the demo's bench: equipment, one piece overdue for calibration, and what is in the notebook."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from biolab.accounts.models import Team, User
from biolab.accounts.roles import Role
from biolab.demo.people import PASSWORD
from sessions_app.models import Equipment, LabSession, NotebookEntry
from sessions_app.services.entry_signing import sign_entry
from sessions_app.services.equipment import record_calibration, register_equipment
from sessions_app.services.notebook import write_entry
from sessions_app.states import SIGN_ENTRY, WITNESS_ENTRY


class Piece(NamedTuple):
    """Equipment of the demo: how many days ago it was calibrated, and in how many it is due again."""

    code: str
    name: str
    description: str
    calibrated_days_ago: int
    due_in_days: int


PIECES: Final = (
    Piece("PH-4", "pH probe 4", "Gel electrode of vessel 2; two-point calibration at pH 4 and 7.", 12, 18),
    Piece("DO-2", "Oxygen probe 2", "Optical probe of vessel 2; calibrated in air and nitrogen.", 40, 50),
    Piece("OD-1", "Spectrophotometer 1", "For optical density at 600 nm; checked with neutral filters.", 200, -9),
)
SAMPLE: Final = 5
HARVEST: Final = 7
REQUIRED: Final[dict[str, Any]] = {
    "step_requirements": {
        f"{SAMPLE}": {"required_equipment_ids": ["OD-1"]},
        f"{HARVEST}": {
            "required_approvals": [Role.LEAD.value],
            "required_channels": [{"channel": "temperature", "min": 30, "max": 40, "within_s": 120}],
        },
    }
}
"""What steps of the running session wait for: a calibration that is overdue, the lead's approval, a live probe."""

RECORD_TITLE: Final = "Observations of the reference batch"
RECORD: Final = """\
# Observations

The culture grew without lag after inoculation. Foam at the sparger needed no antifoam.

| sample | hours | optical density |
| --- | --- | --- |
| S1 | 4.6 | 2.9 |
| final | 6.8 | 7.8 |

Oxygen jumped at 5.9 h: the glucose was used up, as the base uptake confirms.
"""
DRAFT_TITLE: Final = "Observations of fermentation 12"
DRAFT: Final = """\
# Observations

Inoculated from the same cryo stock as batch 11.

**To do:** have spectrophotometer OD-1 calibrated before the sample is taken.
"""


def set_up(team: Team, staff: dict[Role, User], *, at: datetime) -> None:
    """Register the equipment with its calibrations, as far as it is missing."""
    known = set(Equipment.objects.filter(team=team).values_list("code", flat=True))
    for piece in PIECES:
        if piece.code in known:
            continue
        calibrated_at = at - timedelta(days=piece.calibrated_days_ago)
        equipment = register_equipment(
            team=team,
            by=staff[Role.LEAD],
            at=calibrated_at,
            name=piece.name,
            code=piece.code,
            description=piece.description,
        )
        record_calibration(
            equipment=equipment,
            by=staff[Role.OPERATOR],
            at=calibrated_at,
            due_at=at + timedelta(days=piece.due_in_days),
            reference=f"CAL-{piece.code}",
        )


def write_record(session: LabSession, staff: dict[Role, User], at: datetime) -> NotebookEntry:
    """Write down what the finished session showed, while it runs."""
    return write_entry(
        team=session.team, session=session, by=staff[Role.SCIENTIST], at=at, title=RECORD_TITLE, content=RECORD
    )


def sign_record(session: LabSession, staff: dict[Role, User], *, at: datetime) -> None:
    """Have it signed by its author and witnessed by the lead ten minutes later."""
    entry = NotebookEntry.objects.get(session=session, title=RECORD_TITLE)
    for move, role, minutes in ((SIGN_ENTRY, Role.SCIENTIST, 0), (WITNESS_ENTRY, Role.LEAD, 10)):
        person = staff[role]
        entry = sign_entry(
            move=move,
            entry=entry,
            signature=person.printed_name,
            password=PASSWORD,
            by=person,
            at=at + timedelta(minutes=minutes),
        )


def write_draft(session: LabSession, staff: dict[Role, User], *, at: datetime) -> NotebookEntry:
    """Begin the entry of the running session, which waits for its author."""
    return write_entry(
        team=session.team, session=session, by=staff[Role.SCIENTIST], at=at, title=DRAFT_TITLE, content=DRAFT
    )
