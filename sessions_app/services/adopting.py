"""Write a session that was read from an archive: as it was, for reading only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from biolab.accounts.models import Team, User
from biolab.kernel.errors import Conflict
from biolab.kernel.times import iso
from sessions_app import chain, timeline
from sessions_app.models import Checkpoint, ImportedSession, LabSession, Step
from sessions_app.states import ENDED_STATUSES

_STEP_MOVED = '"event_type":"step.transition"'


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a session comes from; digests in hex, ``keys`` public keys by their ids."""

    sha256: str
    stored_as: str
    export_id: str
    version: int
    key_id: str
    keys: Mapping[str, str]
    protocol_digest: str


@dataclass(frozen=True, kw_only=True)
class AdoptedSession:
    """What an archive says of its session; ``checkpoint`` is (canonical text, signature in hex)."""

    pk: UUID
    name: str
    description: str
    status: str
    parameters: dict[str, Any]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    instructions: Sequence[str]
    events: Iterable[tuple[str, str]] = field(repr=False)
    checkpoint: tuple[str, str]


def adopt_session(*, told: AdoptedSession, origin: Origin, team: Team, by: User, at: datetime) -> LabSession:
    """Write the session with its steps, its history and its signed checkpoint, in the caller's transaction.

    Raises:
        Conflict: the session is here already, or had not ended when the archive was asked for.
    """
    if told.status not in ENDED_STATUSES or told.ended_at is None:
        raise Conflict(
            "This archive was asked for while its session still ran; import one of the ended session.",
            code="session_not_ended",
        )
    if LabSession.objects.filter(pk=told.pk).exists():
        raise Conflict("This session is here already.", code="session_exists")
    session_id = LabSession(pk=told.pk).public_id
    genesis = chain.genesis(
        session_id=session_id, protocol_digest=origin.protocol_digest, created_at=iso(told.created_at)
    )
    session = LabSession.objects.create(
        id=told.pk,
        team=team,
        name=told.name[:255],
        description=told.description,
        status=told.status,
        parameters=told.parameters,
        created_by=by,
        created_at=told.created_at,
        updated_at=at,
        started_at=told.started_at,
        ended_at=told.ended_at,
        imported_from=origin.sha256,
        genesis=genesis,
        head_hash=genesis,
    )
    ImportedSession.objects.create(
        session=session,
        sha256=origin.sha256,
        stored_as=origin.stored_as,
        export_id=origin.export_id,
        version=origin.version,
        key_id=origin.key_id,
        keys=dict(origin.keys),
        protocol_digest=origin.protocol_digest,
        imported_by=by,
        imported_at=at,
    )
    steps = [Step(session=session, index=index, instruction=text) for index, text in enumerate(told.instructions)]
    timeline.copy_in(session, _following(told.events, steps))
    Step.objects.bulk_create(steps)
    canonical, signature = told.checkpoint
    claim = json.loads(canonical)
    Checkpoint.objects.create(
        session=session,
        sequence=claim["sequence"],
        canonical=canonical,
        signature=signature,
        key_id=claim["key_id"],
        created_at=datetime.fromisoformat(claim["at"]),
    )
    return session


def _following(events: Iterable[tuple[str, str]], steps: Sequence[Step]) -> Iterator[tuple[str, str]]:
    """Yield the events and bring each step to where they leave it; who did so stands in them."""
    for new_hash, text in events:
        if _STEP_MOVED in text:
            payload = json.loads(text)["payload"]
            index = payload["step_index"]
            if index < len(steps):
                step = steps[index]
                step.status = payload["to_status"]
                step.started_at = _moment(payload.get("started_at"))
                step.completed_at = _moment(payload.get("completed_at"))
                step.values = {**step.values, **(payload.get("values") or {})}
        yield new_hash, text


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
