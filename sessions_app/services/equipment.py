"""Register equipment, change what is said of it, and record its calibrations."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction

from biolab.accounts.models import Team, User
from biolab.accounts.roles import Right
from biolab.kernel import security
from biolab.kernel.errors import Conflict, Stale
from biolab.kernel.ids import typeid
from biolab.kernel.times import iso, iso_or_none
from sessions_app.models import Calibration, Equipment
from sessions_app.policies import require_right, require_room_for_more
from sessions_app.wording import MAX_DESCRIPTION, described, invalid, named

CLOCK_SKEW: Final = timedelta(minutes=5)  # how far the bench's clock may run ahead of ours
MAX_CODE: Final = 200
MAX_REFERENCE: Final = 255


class CodeTaken(Conflict):
    """The team calls something else by this code."""

    default_code = "equipment_code_taken"


@transaction.atomic
def register_equipment(
    *,
    team: Team,
    by: User,
    at: datetime,
    name: str,
    code: str = "",
    description: str = "",
    calibration_due_at: datetime | None = None,
) -> Equipment:
    """Register equipment of a team.

    Args:
        code: what the team calls it; steps may require it by this.
        calibration_due_at: when its first calibration is due; None for what needs none.

    Raises:
        Forbidden: the person may not run sessions of this team.
        CodeTaken: the team calls something else by this code.
        Invalid: a blank or overlong value.
    """
    require_right(by, Right.RUN, team)
    require_room_for_more(by)
    equipment = Equipment(
        team=team,
        name=named(name),
        code=_coded(code),
        description=described(description),
        first_due_at=calibration_due_at,
        created_by=by,
        created_at=at,
        updated_at=at,
    )
    _save(equipment, force_insert=True)
    note_registered(equipment, by=by, at=at)
    return equipment


@transaction.atomic
def change_equipment(
    *,
    equipment: Equipment,
    by: User,
    at: datetime,
    name: str | None = None,
    code: str | None = None,
    description: str | None = None,
    if_match: str | None = None,
) -> Equipment:
    """Change what is said of equipment; both wordings stay in the security log. What changes nothing leaves no entry.

    Args:
        name, code, description: None leaves what is there.
        if_match: the entity tag the caller read; None does not ask.

    Raises:
        Forbidden: the person may not run sessions of this team.
        Stale: it is no longer as ``if_match`` says.
        CodeTaken: the team calls something else by this code.
        Invalid: a blank or overlong value.
    """
    (held,) = Equipment.objects.with_calibration().hold(equipment.pk)
    require_right(by, Right.RUN, held.team_id)
    if if_match is not None and if_match != held.etag:
        raise Stale("Somebody changed this equipment since you read it.", etag=held.etag)
    wanted = {
        "name": named(name) if name is not None else held.name,
        "code": _coded(code) if code is not None else held.code,
        "description": described(description) if description is not None else held.description,
    }
    before = {field: getattr(held, field) for field in wanted if getattr(held, field) != wanted[field]}
    if not before:
        return held
    after = {field: wanted[field] for field in before}
    for field, value in after.items():
        setattr(held, field, value)
    held.version += 1
    held.updated_at = at
    _save(held, update_fields=[*after, "version", "updated_at"])
    security.note("equipment.changed", person=by, at=at, equipment_id=held.public_id, before=before, after=after)
    return held


@transaction.atomic
def record_calibration(
    *,
    equipment: Equipment,
    by: User,
    at: datetime,
    due_at: datetime | None,
    performed_at: datetime | None = None,
    reference: str = "",
    notes: str = "",
) -> Calibration:
    """Record that equipment was calibrated.

    Args:
        due_at: when it is due again; None for as long as after the calibration before.
        performed_at: when it was done; None for now.

    Raises:
        Forbidden: the person may not run sessions of this team.
        Invalid: times that cannot be, nothing that says when it is due again, or an overlong value.
    """
    (held,) = Equipment.objects.hold(equipment.pk)
    calibration = write_calibration(
        held, by=by, at=at, due_at=due_at, performed_at=performed_at, reference=reference, notes=notes
    )
    note_calibrated(calibration, by=by, at=at)
    return calibration


def write_calibration(
    equipment: Equipment,
    *,
    by: User,
    at: datetime,
    due_at: datetime | None,
    performed_at: datetime | None,
    reference: str,
    notes: str,
) -> Calibration:
    """Write a calibration of equipment that is held; the caller notes it in the security log, last of all."""
    require_right(by, Right.RUN, equipment.team_id)
    require_room_for_more(by)
    performed_at = performed_at or at
    if performed_at > at + CLOCK_SKEW:
        raise invalid("/performed_at", "This time has not come yet.")
    due_at = due_at or _due_as_before(equipment, performed_at)
    if due_at is None:
        raise invalid("/due_at", "Say when the next calibration is due.")
    if due_at <= performed_at:
        raise invalid("/due_at", "The next calibration is due after this one.")
    if len(reference.strip()) > MAX_REFERENCE:
        raise invalid("/reference", f"A reference has at most {MAX_REFERENCE} characters.")
    if len(notes) > MAX_DESCRIPTION:
        raise invalid("/notes", f"Notes have at most {MAX_DESCRIPTION} characters.")
    return Calibration.objects.create(
        equipment=equipment,
        performed_at=performed_at,
        due_at=due_at,
        reference=reference.strip(),
        notes=notes,
        by=by,
        by_name=by.printed_name,
        recorded_at=at,
    )


def note_registered(equipment: Equipment, *, by: User, at: datetime) -> None:
    """Note in the security log that equipment was registered."""
    said: dict[str, Any] = {"code": equipment.code, "name": equipment.name, "description": equipment.description}
    said["calibration_due_at"] = iso_or_none(equipment.first_due_at)
    team_id = typeid(Team.id_prefix, equipment.team_id)
    security.note("equipment.registered", person=by, at=at, equipment_id=equipment.public_id, team_id=team_id, **said)


def note_calibrated(calibration: Calibration, *, by: User, at: datetime) -> None:
    """Note in the security log that equipment was calibrated."""
    security.note(
        "equipment.calibrated",
        person=by,
        at=at,
        equipment_id=typeid(Equipment.id_prefix, calibration.equipment_id),
        calibration_id=calibration.public_id,
        performed_at=iso(calibration.performed_at),
        due_at=iso(calibration.due_at),
        reference=calibration.reference,
    )


def _save(equipment: Equipment, **how: Any) -> None:
    """Save a row whose code somebody else may be taking at this moment."""
    try:
        with transaction.atomic():
            equipment.save(**how)
    except IntegrityError:
        raise CodeTaken(f"The team calls something else {equipment.code}.") from None


def _due_as_before(equipment: Equipment, performed_at: datetime) -> datetime | None:
    before = equipment.calibrations.filter(performed_at__lte=performed_at).order_by("-performed_at", "-id").first()
    try:
        return performed_at + (before.due_at - before.performed_at) if before is not None else None
    except OverflowError:  # beyond the last year that a calendar has
        return None


def _coded(code: str) -> str:
    code = code.strip()
    if len(code) > MAX_CODE:
        raise invalid("/code", f"A code has at most {MAX_CODE} characters.")
    return code
