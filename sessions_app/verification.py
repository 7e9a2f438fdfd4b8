"""Re-computes a session's history from its raw columns and says where it first fails. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Max

from biolab.accounts.models import User
from biolab.kernel import keys
from biolab.kernel.canonical import CHECKPOINT
from biolab.kernel.ids import typeid
from biolab.kernel.times import iso
from sessions_app import chain
from sessions_app.models import Checkpoint, LabSession, ProtocolVersion, TimelineEvent

CHUNK = 2000  # rows in memory at a time


@dataclass(frozen=True)
class LastCheckpoint:
    """The newest signed statement over the chain, and whether it holds."""

    sequence: int
    at: str
    key_id: str
    valid: bool


@dataclass(frozen=True)
class Report:
    """What verification found about one session.

    ``events`` hold from the beginning; ``first_bad`` is the sequence of the first that does not (0: what the chain
    starts from), None where everything holds.
    """

    session_id: str
    valid: bool
    events: int
    head: str
    first_bad: int | None
    reason: str
    checkpoints: int
    checkpoint: LastCheckpoint | None


@dataclass(frozen=True)
class _Statement:
    """A checkpoint as its columns hold it."""

    sequence: int
    canonical: str
    signature: str
    key_id: str
    created_at: datetime


def verify_session(pk: UUID) -> Report:
    """Re-compute the chain of the session, from what it starts with to its head, and check every signed checkpoint.

    Memory stays the same however long the session is. Writers need not wait: what is added meanwhile is left out.
    """
    session_id = typeid(LabSession.id_prefix, pk)
    last: int = TimelineEvent.objects.filter(session=pk).aggregate(last=Max("sequence"))["last"] or 0
    columns = ("created_at", "genesis", "head_sequence", "head_hash", "protocol_version_id", "imported_from")
    row = LabSession.objects.values(*columns, "imported__keys", "imported__protocol_digest").get(pk=pk)
    statements = [
        _Statement(*columns)
        for columns in Checkpoint.objects.filter(session=pk)
        .order_by("sequence", "created_at", "id")
        .values_list("sequence", "canonical", "signature", "key_id", "created_at")
    ]
    hashes = {statement.sequence: "" for statement in statements} | {0: str(row["genesis"])}
    verdict = chain.verify(
        _watched(_stored(pk, session_id, up_to=row["head_sequence"], imported=bool(row["imported_from"])), hashes),
        genesis_hash=row["genesis"],
        head_sequence=row["head_sequence"],
        head_hash=row["head_hash"],
    )
    first_bad, reason = verdict.first_bad, verdict.reason
    fault = _fault_at_the_start(session_id, row)
    if fault:
        first_bad, reason = 0, fault
    elif first_bad is None and last > row["head_sequence"]:
        first_bad, reason = row["head_sequence"] + 1, "an event stands behind the session's head"
    checkpoint = None
    for statement in statements:
        fault = _fault_of(statement, session_id, hashes, row["imported__keys"] or {})
        checkpoint = LastCheckpoint(statement.sequence, iso(statement.created_at), statement.key_id, not fault)
        if fault and first_bad is None:
            first_bad, reason = min(statement.sequence, verdict.events + 1), fault
    return Report(
        session_id=session_id,
        valid=first_bad is None,
        events=verdict.events,
        head=verdict.head,
        first_bad=first_bad,
        reason=reason,
        checkpoints=len(statements),
        checkpoint=checkpoint,
    )


def _stored(pk: UUID, session_id: str, *, up_to: int, imported: bool) -> Iterator[chain.Stored]:
    """Yield the session's events up to a sequence as their columns hold them, by sequence.

    Whoever acted in an imported session is no person of this instance; only the text that was hashed names them.
    """
    rows = (
        TimelineEvent.objects.filter(session=pk, sequence__lte=up_to)
        .order_by("sequence")
        .values_list(
            "sequence", "prev_hash", "hash", "canonical", "id", "kind", "actor_id", "occurred_at", "created_at"
        )
    )
    actors: dict[UUID | None, str | None] = {None: None}
    for sequence, prev_hash, stored_hash, text, event, kind, actor, occurred_at, created_at in rows.iterator(CHUNK):
        if actor not in actors:
            actors[actor] = typeid(User.id_prefix, actor)
        yield chain.Stored(
            sequence,
            prev_hash,
            stored_hash,
            text,
            typeid(TimelineEvent.id_prefix, event),
            session_id,
            kind,
            _actor_in(text) if imported else actors[actor],
            iso(occurred_at),
            iso(created_at),
        )


def _actor_in(text: str) -> str | None:
    try:
        actor: str | None = orjson.loads(text)["actor"]["id"]
    except (ValueError, KeyError, TypeError):
        return None
    return actor


def _watched(events: Iterator[chain.Stored], hashes: dict[int, str]) -> Iterator[chain.Stored]:
    """Yield ``events`` and fill in the hash of each sequence that ``hashes`` names."""
    for event in events:
        if event.sequence in hashes:
            hashes[event.sequence] = event.hash
        yield event


def _fault_at_the_start(session_id: str, row: Mapping[str, Any]) -> str:
    """Return what is wrong with what the chain starts from, or nothing."""
    digest = row["imported__protocol_digest"] or ""
    if row["protocol_version_id"] is not None:
        version = ProtocolVersion.objects.get(pk=row["protocol_version_id"])
        digest = version.wording_digest
        if digest != version.digest:
            return "the wording of its protocol is not the one that was digested"
    start = chain.genesis(session_id=session_id, protocol_digest=digest, created_at=iso(row["created_at"]))
    if start != row["genesis"]:
        return "the session's protocol or time of creation is not the one its chain starts from"
    return ""


def _fault_of(statement: _Statement, session_id: str, hashes: dict[int, str], foreign_keys: Mapping[str, str]) -> str:
    """Return what is wrong with a checkpoint or with the chain it speaks of, or nothing.

    Args:
        foreign_keys: public keys of the instance that an imported session comes from, in hex, by their ids.
    """
    try:
        text = CHECKPOINT + statement.canonical.encode()
        signature, foreign = bytes.fromhex(statement.signature), foreign_keys.get(statement.key_id)
        if foreign is not None:
            signed = keys.verify_with(foreign, text, signature)
        else:
            signed = keys.verify(text, signature, statement.key_id)
        record = orjson.loads(statement.canonical)
        expected = chain.checkpoint_record(
            session_id=session_id,
            sequence=statement.sequence,
            head=record["head"],
            at=iso(statement.created_at),
            key_id=statement.key_id,
        )
    except (ValueError, KeyError, TypeError):
        return f"the checkpoint at event {statement.sequence} cannot be read"
    if not signed:
        return f"the checkpoint at event {statement.sequence} is not signed by this instance"
    if record != expected:
        return f"the checkpoint at event {statement.sequence} does not match the text that was signed"
    if not hashes[statement.sequence]:
        return f"event {statement.sequence} was signed for and is missing"
    if record["head"] != hashes[statement.sequence]:
        return f"the chain up to event {statement.sequence} is not the one that was signed"
    return ""
