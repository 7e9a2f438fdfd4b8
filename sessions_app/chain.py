"""The hash chain of a timeline: hashes, checkpoints and verification. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from biolab.kernel.canonical import EVENT, GENESIS, canonical, digest


def genesis(*, session_id: str, protocol_digest: str, created_at: str) -> str:
    """Return what the first event of a session is chained to, in hex."""
    record = {"session_id": session_id, "protocol_digest": protocol_digest, "created_at": created_at}
    return digest(GENESIS, canonical(record))


def link(prev_hash: str, canonical_text: str) -> str:
    """Return the hash, in hex, of an event whose canonical text is given, chained to ``prev_hash``."""
    return digest(EVENT, bytes.fromhex(prev_hash), canonical_text.encode())


def checkpoint_record(*, session_id: str, sequence: int, head: str, at: str, key_id: str) -> dict[str, Any]:
    """Return what a checkpoint states, ready to be made canonical and signed."""
    counts = {"events": sequence}
    return {
        "session_id": session_id,
        "sequence": sequence,
        "head": head,
        "counts": counts,
        "at": at,
        "key_id": key_id,
    }


class Stored(NamedTuple):
    """One event as its columns hold it, in the words of the wire; verification compares them with ``canonical``."""

    sequence: int
    prev_hash: str
    hash: str
    canonical: str
    id: str
    execution_id: str
    event_type: str
    actor_id: str | None
    occurred_at: str
    created_at: str


@dataclass(frozen=True)
class Verdict:
    """What verification found: how many events hold, where the chain stands, and the first thing that is wrong."""

    valid: bool
    events: int
    head: str
    first_bad: int | None = None
    reason: str = ""


def verify(events: Iterable[Stored], *, genesis_hash: str, head_sequence: int, head_hash: str) -> Verdict:
    """Re-compute a chain from its raw columns and compare it with the head that the session holds.

    Args:
        events: every event, by ascending sequence; read once.

    Source:
        trusted hash chaining after Haber and Stornetta (1991), with one domain byte for each kind of record.
    """
    previous, count = genesis_hash, 0
    for event in events:
        count += 1
        reason = _fault(event, count, previous)
        if reason:
            return Verdict(False, count - 1, previous, first_bad=min(event.sequence, count), reason=reason)
        previous = event.hash
    if count != head_sequence:
        reason = f"{head_sequence} events were written, {count} are here"
        return Verdict(False, count, previous, min(count, head_sequence) + 1, reason)
    if previous != head_hash:
        return Verdict(False, count, previous, count, "the session's head is not the hash of its last event")
    return Verdict(True, count, previous)


def _fault(event: Stored, expected_sequence: int, previous: str) -> str:
    """Return what is wrong with ``event``, or nothing."""
    if event.sequence != expected_sequence:
        return f"event {expected_sequence} is missing"
    if event.prev_hash != previous:
        return "it is not chained to the event before it"
    try:
        content = event.canonical.encode()
        computed = hashlib.sha256(EVENT + bytes.fromhex(previous) + content).hexdigest()
    except ValueError:
        return "its hash cannot be computed"
    if computed != event.hash:
        return "its hash does not match its content"
    return "" if _repeats(event) else _difference(event, content)


def _repeats(event: Stored) -> bool:
    """Tell whether a canonical text plainly repeats the columns; False only means that it needs a closer look.

    RFC 8785 sorts the members and escapes quotes inside strings, so the first ``"},"created_at":"`` ends the actor and
    the text's end belongs to the outermost object. Comparing there is several times faster than parsing.
    """
    sequence, prev_hash, _, text, event_id, execution_id, event_type, actor_id, occurred_at, created_at = event
    actor = "null" if actor_id is None else f'"{actor_id}"'
    middle = (
        f'"}},"created_at":"{created_at}","event_type":"{event_type}","execution_id":"{execution_id}",'
        f'"id":"{event_id}","occurred_at":"{occurred_at}","payload":{{'
    )
    return (
        text.startswith(f'{{"actor":{{"id":{actor},"name":"')
        and text.startswith(middle, text.find('"},"created_at":"'))
        and text.endswith(f'}},"prev_hash":"{prev_hash}","sequence":{sequence}}}')
    )


def _difference(event: Stored, content: bytes) -> str:
    """Return how the parsed text differs from the columns, or nothing."""
    try:
        record = orjson.loads(content)
        told = (
            record["sequence"],
            record["prev_hash"],
            record["id"],
            record["execution_id"],
            record["event_type"],
            record["actor"]["id"],
            record["occurred_at"],
            record["created_at"],
        )
    except (ValueError, KeyError, TypeError):
        return "its canonical text is not an event"
    columns = ("sequence", "prev_hash", *Stored._fields[4:])
    values = (*event[:2], *event[4:])
    for column, value, text in zip(columns, values, told, strict=True):
        if value != text:
            return f"its column {column} does not match the text that was hashed"
    return ""
