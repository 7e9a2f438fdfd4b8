"""Start, move and describe sessions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from biolab.accounts.models import Team, User
from biolab.accounts.roles import Right
from biolab.kernel.api import etag_of
from biolab.kernel.errors import Invalid, Stale
from biolab.kernel.ids import new_uuid, typeid
from biolab.kernel.machine import Move
from biolab.kernel.times import iso
from sessions_app import chain, timeline
from sessions_app.durations import planned_duration_s
from sessions_app.errors import ProtocolRetired, SessionEnded
from sessions_app.facts import (
    SessionAborted,
    SessionChanged,
    SessionCompleted,
    SessionCreated,
    SessionMoved,
    SessionPaused,
    SessionResumed,
    SessionStarted,
)
from sessions_app.gates import read_requirements
from sessions_app.models import LabSession, Protocol, ProtocolVersion, Step
from sessions_app.policies import require_right, require_room_for_more, rights_in
from sessions_app.services.notebook import begin_entry_of
from sessions_app.states import (
    ABORT,
    COMPLETE,
    ENDED_STATUSES,
    PAUSE,
    RESUME,
    SESSION_MACHINE,
    START,
    ProtocolStatus,
)
from sessions_app.wording import described, exact, named, reasoned

FACT_OF: Final[dict[Move, type[SessionMoved]]] = {
    START: SessionStarted,
    PAUSE: SessionPaused,
    RESUME: SessionResumed,
    COMPLETE: SessionCompleted,
    ABORT: SessionAborted,
}


@transaction.atomic
def start_session(
    *,
    team: Team,
    by: User,
    at: datetime,
    name: str,
    description: str = "",
    protocol: Protocol | None = None,
    parameters: Mapping[str, Any] | None = None,
    planned_for: datetime | None = None,
    with_notebook: bool = False,
) -> LabSession:
    """Create a session with the steps of its protocol and start it, unless it is planned for later.

    Args:
        parameters: a value for each variable of the protocol, and whatever else the bench wants to keep.
        planned_for: when it is due; the session then waits for the move ``start``.
        with_notebook: begin a notebook entry of the session.

    Raises:
        Forbidden: the person may not run sessions of this team.
        ProtocolRetired: the protocol is no longer used.
        Invalid: a blank name, a variable of the protocol without a parameter, or requirements of steps that cannot be
            read.
    """
    require_right(by, Right.RUN, team)
    require_room_for_more(by)
    parameters = exact(parameters or {}, pointer="/parameters")
    version = _version_to_run(protocol) if protocol is not None else None
    if version is not None:
        _require_variables(version, parameters)
    _require_readable(parameters, steps=len(version.instructions) if version is not None else 0)
    pk = new_uuid()
    session_genesis = chain.genesis(
        session_id=typeid(LabSession.id_prefix, pk),
        protocol_digest=version.digest if version is not None else "",
        created_at=iso(at),
    )
    session = LabSession.objects.create(
        id=pk,
        team=team,
        name=named(name),
        description=described(description),
        protocol_version=version,
        parameters=parameters,
        created_by=by,
        created_at=at,
        updated_at=at,
        planned_for=planned_for,
        genesis=session_genesis,
        head_hash=session_genesis,
    )
    session.crew.add(by)
    if version is not None:
        Step.objects.bulk_create(
            Step(
                session=session,
                index=index,
                instruction=instruction,
                planned_duration_s=planned_duration_s(instruction),
            )
            for index, instruction in enumerate(version.instructions)
        )
    created = SessionCreated(
        title=session.name,
        status=session.status,
        template_id=protocol.public_id if protocol is not None else None,
        protocol_version=version.version if version is not None else None,
        parameters=parameters,
    )
    timeline.record(session, created, by=by, at=at)
    if planned_for is None:
        _move(session, START, by=by, at=at, reason="")
    if with_notebook:
        begin_entry_of(session, by=by, at=at)
    return session


@transaction.atomic
def move_session(*, session: LabSession, move: Move, by: User | None, at: datetime, reason: str = "") -> LabSession:
    """Make ``move`` and write the one event that says so.

    Ending waits for batches of readings that are being stored, lets the floors above seal what they hold, and signs
    a checkpoint over the whole.

    Raises:
        Forbidden: the person's role does not allow it.
        MoveRefused: the session's status does not allow it.
    """
    session = LabSession.objects.hold(session.pk, to_end=move.target in ENDED_STATUSES)
    require_right(by, _right_for(move), session.team_id)
    _move(session, move, by=by, at=at, reason=reasoned(reason))
    return session


@transaction.atomic
def change_session(
    *,
    session: LabSession,
    by: User | None,
    at: datetime,
    name: str | None = None,
    description: str | None = None,
    reason: str = "",
    if_match: str | None = None,
) -> LabSession:
    """Change what a session is called or how it is described; both wordings stay on the timeline.

    Args:
        name, description: the new wording; None leaves it.
        reason: why; needed once the session has ended.
        if_match: the entity tag the caller read; None does not ask.

    Raises:
        Forbidden: the person may not run sessions of this team.
        Stale: the session is no longer as ``if_match`` says.
        SessionEnded: it has ended and no reason was given.
        Invalid: a blank or overlong wording.
    """
    session = LabSession.objects.hold(session.pk)
    require_right(by, Right.RUN, session.team_id)
    if if_match is not None and if_match != session_etag(session):
        raise Stale("It has changed since you read it.", etag=session_etag(session))
    wanted = {"name": named(name) if name is not None else session.name}
    wanted["description"] = described(description) if description is not None else session.description
    before = {field: getattr(session, field) for field in wanted if getattr(session, field) != wanted[field]}
    if not before:
        return session
    reason = reasoned(reason)
    if session.is_ended and not reason:
        raise SessionEnded("This session has ended; give a reason for changing its description.")
    after = {field: wanted[field] for field in before}
    for field, value in after.items():
        setattr(session, field, value)
    session.updated_at = at
    session.save(update_fields=[*after, "updated_at"])
    timeline.record(session, SessionChanged(before=before, after=after, reason=reason), by=by, at=at)
    return session


def session_etag(session: LabSession) -> str:
    """Return the entity tag of a session; a note more or less does not change it."""
    return etag_of(session.pk, session.name, session.description, session.status)


def open_moves(session: LabSession, person: User) -> list[Move]:
    """Return the moves that the session's status allows and this person may make."""
    rights = rights_in(person, session.team_id)
    return [move for move in SESSION_MACHINE.open_moves(session) if _right_for(move) in rights]


def _right_for(move: Move) -> Right:
    return Right.ABORT if move is ABORT else Right.RUN


def end_if_done(session: LabSession, *, by: User | None, at: datetime) -> None:
    """Complete a session whose last step is done; the caller holds its row."""
    if session.status in COMPLETE.sources:
        LabSession.objects.hold(session.pk, to_end=True)
        _move(session, COMPLETE, by=by, at=at, reason="All steps are done.")


def _move(session: LabSession, move: Move, *, by: User | None, at: datetime, reason: str) -> None:
    """Make the move on a row that is held."""
    came_from = session.status
    SESSION_MACHINE.make(move, session)
    session.updated_at = at
    if move is START:
        session.started_at = at
    if move.target in ENDED_STATUSES:
        session.ended_at = at
    session.save(update_fields=["status", "started_at", "ended_at", "updated_at"])
    fact = FACT_OF[move](from_status=came_from, to_status=session.status, reason=reason)
    timeline.record(session, fact, by=by, at=at)
    if move.target in ENDED_STATUSES:
        timeline.checkpoint(session, at=at)


def _version_to_run(protocol: Protocol) -> ProtocolVersion:
    """Return the protocol's current wording, which stays current until the transaction ends."""
    protocol = Protocol.objects.hold(protocol.pk)
    if protocol.status != ProtocolStatus.ACTIVE:
        raise ProtocolRetired("This protocol is retired; no new session can run it.")
    return protocol.wording


def _require_readable(parameters: Mapping[str, Any], *, steps: int) -> None:
    errors = read_requirements(parameters, steps=steps)[1]
    if errors:
        raise Invalid("What the steps require cannot be read.", code="requirements_unreadable", errors=errors)


def _require_variables(version: ProtocolVersion, parameters: Mapping[str, Any]) -> None:
    missing = [name for name in version.variables if parameters.get(name) in (None, "")]
    if missing:
        raise Invalid(
            f"The protocol needs a value for: {', '.join(missing)}.",
            code="parameter_missing",
            errors=[
                {"pointer": f"/parameters/{name}", "detail": "The protocol needs a value for this."} for name in missing
            ],
        )
