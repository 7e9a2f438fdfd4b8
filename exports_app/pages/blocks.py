"""What the session page shows of a blocked step, and what its forms say about equipment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any, Final

from django.utils.dateparse import parse_date

from biolab.accounts.roles import Role
from sessions_app.gates import APPROVE, CALIBRATE, MAINTAIN, NOTIFY, REGISTER, Block, split_action
from sessions_app.policies import approving_roles
from sessions_app.services.remediation import EquipmentContext
from sessions_app.wording import invalid

LABELS: Final = {
    APPROVE: "Approve: {}",
    NOTIFY: "Tell who approves: {}",
    REGISTER: "Register {}",
    CALIBRATE: "Record a calibration of {}",
    MAINTAIN: "Ask for maintenance of {}",
}
WHO_APPROVES: Final = {APPROVE: True, NOTIFY: False}  # one's own approval is given, another's is asked for
ASKS: Final = {REGISTER: "registration", CALIBRATE: "calibration"}


def shown_block(block: Block, role: Role | None) -> dict[str, Any]:
    """Return a block with the buttons that free it; without those that this role may not press or nobody can."""
    acts = []
    for action in (*block.required_actions, *block.auto_triggers):
        verb, subject = split_action(action)
        if verb in LABELS and (verb not in WHO_APPROVES or WHO_APPROVES[verb] == (role in approving_roles(subject))):
            acts.append({"action": action, "label": LABELS[verb].format(subject), "asks": ASKS.get(verb, "")})
    return {"reason": block.reason, "acts": acts}


def said_of_equipment(posted: Mapping[str, Any]) -> EquipmentContext:
    """Return what was typed about equipment; a day on which something is due counts to its end.

    Raises:
        Invalid: no such day.
    """
    text = str(posted.get("due_on", ""))
    try:
        day = parse_date(text) if text else None
    except ValueError:
        day = None
    if text and day is None:
        raise invalid("/due_on", "There is no such day.")
    due_at = datetime.combine(day, time(23, 59, 59), UTC) if day is not None else None
    name, reference = str(posted.get("name", "")), str(posted.get("reference", ""))
    return EquipmentContext(name=name, due_at=due_at, reference=reference)
