"""The only pen: writes facts on a session's timeline, chains them, rings the bell and runs the reactions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from django.db import connection, transaction
from django.utils import timezone

from biolab.accounts.models import User
from biolab.kernel import keys, realtime
from biolab.kernel.canonical import CHECKPOINT, canonical
from biolab.kernel.facts import Fact
from biolab.kernel.ids import new_uuid, parse_id, typeid
from biolab.kernel.times import iso
from sessions_app.chain import checkpoint_record, link
from sessions_app.errors import SessionImported
from sessions_app.models import Checkpoint, LabSession, TimelineEvent

Reaction = Callable[[LabSession, TimelineEvent, Any], None]
R = TypeVar("R", bound=Reaction)

_REACTIONS: list[tuple[type[Fact], Reaction]] = []
SYSTEM_NAME: Final = "BioLab"
COPIED_AT_ONCE: Final = 500
CHECKPOINT_EVERY: Final = 1000  # events; moves that matter are signed besides


def reacts_to(*facts: type[Fact]) -> Callable[[R], R]:
    """Run the decorated function (session, event, fact) in the writer's transaction after each such fact."""

    def register(reaction: R) -> R:
        _REACTIONS.extend((fact, reaction) for fact in facts)
        return reaction

    return register


def record(session: LabSession, fact: Fact, *, by: User | None, at: datetime, key: str = "") -> TimelineEvent:
    """Write ``fact`` as the next event of ``session`` and return it.

    The caller holds the session's row. The event's times are ``at`` and the moment of writing.

    Args:
        by: who did it; None for the system.
        key: of two facts with the same non-empty key only the first is written; the second call returns its row.

    Raises:
        RuntimeError: no transaction is open.
        SessionImported: the session was read from an archive.
        ValueError: the payload holds something that JSON cannot carry exactly.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("history is only written inside a transaction")
    if session.imported_from:
        raise SessionImported("This session was read from an archive; nothing is added to it.")
    if key:
        written = TimelineEvent.objects.filter(session=session, key=key).first()
        if written is not None:
            return written
    event = _append(session, fact, by=by, at=at, key=key)
    if event.sequence % CHECKPOINT_EVERY == 0:
        checkpoint(session, at=at)
    transaction.on_commit(partial(realtime.ring, session.topic, sequence=event.sequence))
    for fact_type, reaction in _REACTIONS:
        if isinstance(fact, fact_type):
            reaction(session, event, fact)
    return event


def checkpoint(session: LabSession, *, at: datetime) -> Checkpoint:
    """Sign where the chain of ``session`` stands now; the caller holds the session's row."""
    head = LabSession.objects.values("head_sequence", "head_hash").get(pk=session.pk)
    key_id = keys.key_id()
    text = canonical(
        checkpoint_record(
            session_id=session.public_id,
            sequence=head["head_sequence"],
            head=head["head_hash"],
            at=iso(at),
            key_id=key_id,
        )
    )
    return Checkpoint.objects.create(
        session=session,
        sequence=head["head_sequence"],
        canonical=text.decode(),
        signature=keys.sign(CHECKPOINT + text).hex(),
        key_id=key_id,
        created_at=at,
    )


def copy_in(session: LabSession, events: Iterable[tuple[str, str]]) -> None:
    """Write the history of an imported session as it was hashed elsewhere: (hash, canonical text), in order.

    The caller has just made the session's row and holds it. Nobody reacts, no bell rings.

    Raises:
        RuntimeError: the session is no import, or no transaction is open.
        ValueError, KeyError, TypeError: a text is no event.
    """
    if not (connection.in_atomic_block and session.imported_from):
        raise RuntimeError("history is only copied into a session that is being imported")
    rows: list[TimelineEvent] = []
    for new_hash, text in events:
        record = json.loads(text)
        event_id = parse_id(record["id"], TimelineEvent.id_prefix)
        if event_id is None:
            raise ValueError("an event without an id")
        rows.append(
            TimelineEvent(
                id=event_id,
                session=session,
                sequence=record["sequence"],
                kind=record["event_type"],
                occurred_at=datetime.fromisoformat(record["occurred_at"]),
                created_at=datetime.fromisoformat(record["created_at"]),
                prev_hash=record["prev_hash"],
                hash=new_hash,
                canonical=text,
            )
        )
        session.head_sequence, session.head_hash = record["sequence"], new_hash
        if len(rows) == COPIED_AT_ONCE:
            TimelineEvent.objects.bulk_create(rows)
            rows.clear()
    TimelineEvent.objects.bulk_create(rows)
    session.save(update_fields=["head_sequence", "head_hash"])


def _append(session: LabSession, fact: Fact, *, by: User | None, at: datetime, key: str) -> TimelineEvent:
    """Write the next event; the head moves only from where the new event is chained to, whoever else writes."""
    event_id, created_at, payload = new_uuid(), timezone.now(), fact.payload()
    while True:
        sequence, prev_hash = session.head_sequence + 1, session.head_hash
        text = canonical(
            {
                "id": typeid(TimelineEvent.id_prefix, event_id),
                "execution_id": session.public_id,
                "event_type": fact.event_kind,
                "payload": payload,
                "actor": actor_of(by),
                "sequence": sequence,
                "occurred_at": iso(at),
                "created_at": iso(created_at),
                "prev_hash": prev_hash,
            }
        ).decode()
        new_hash = link(prev_hash, text)
        head = LabSession.objects.filter(pk=session.pk, head_sequence=sequence - 1, head_hash=prev_hash)
        if head.update(head_sequence=sequence, head_hash=new_hash):
            break
        # The caller's copy is older than the row: another copy of the same held row has written meanwhile.
        session.refresh_from_db(fields=["head_sequence", "head_hash"])
    event = TimelineEvent(
        id=event_id,
        session=session,
        sequence=sequence,
        kind=fact.event_kind,
        actor=by,
        occurred_at=at,
        created_at=created_at,
        prev_hash=prev_hash,
        hash=new_hash,
        canonical=text,
        key=key,
    )
    event.save(force_insert=True)
    session.head_sequence, session.head_hash = sequence, new_hash
    return event


def actor_of(by: User | None) -> dict[str, Any]:
    """Return who acted, as events carry it: id, printed name at that moment, and the token used, if any."""
    if by is None:
        return {"id": None, "name": SYSTEM_NAME, "via": ""}
    return {"id": by.public_id, "name": by.printed_name, "via": by.via}
