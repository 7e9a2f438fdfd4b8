"""The security log (chained, append-only) and the gates that bound guessing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Protocol

import structlog
from django.db import connection, transaction

from biolab.kernel.canonical import GENESIS, SECURITY, canonical, digest
from biolab.kernel.errors import TooMany
from biolab.kernel.ids import new_uuid, typeid
from biolab.kernel.models import Gate, SecurityEntry, SecurityHead
from biolab.kernel.times import iso

log = structlog.get_logger(__name__)

BEGINNING: Final = digest(GENESIS, b"security log")


class Actor(Protocol):
    """Who did it, as the log names them."""

    @property
    def public_id(self) -> str: ...
    @property
    def printed_name(self) -> str: ...
    @property
    def via(self) -> str: ...


# -- the log -------------------------------------------------------------------------------------------------------


def note(kind: str, *, person: Actor | None, at: datetime, **detail: Any) -> SecurityEntry:
    """Append one entry, in the caller's transaction where there is one, so a change and its entry share their fate.

    Call it last in the transaction; it locks the head of the log until the commit. ``detail`` must fit JSON and never
    hold a secret.
    """
    with transaction.atomic():
        SecurityHead.objects.bulk_create([SecurityHead(pk=1, sequence=0, hash=BEGINNING)], ignore_conflicts=True)
        head = SecurityHead.objects.select_for_update().get(pk=1)
        pk = new_uuid()
        sequence = head.sequence + 1
        person_id = person.public_id if person is not None else ""
        text = canonical(
            {
                "id": typeid(SecurityEntry.id_prefix, pk),
                "sequence": sequence,
                "kind": kind,
                "at": iso(at),
                "person": {
                    "id": person_id or None,
                    "name": person.printed_name if person is not None else "BioLab",
                    "via": person.via if person is not None else "",
                },
                "detail": detail,
            }
        )
        entry = SecurityEntry.objects.create(
            id=pk,
            sequence=sequence,
            kind=kind,
            person_id=person_id,
            at=at,
            canonical=text.decode(),
            prev_hash=head.hash,
            hash=digest(SECURITY, bytes.fromhex(head.hash), text),
        )
        head.sequence, head.hash = entry.sequence, entry.hash
        head.save(update_fields=["sequence", "hash"])
    log.info(kind, person=person_id or None, **detail)
    return entry


def note_apart(kind: str, *, person: Actor | None, at: datetime, **detail: Any) -> SecurityEntry:
    """Append one entry in a transaction of its own, so that the refusal which it tells of cannot roll it back.

    Raises:
        RuntimeError: a transaction is open.
    """
    with transaction.atomic(durable=True):
        return note(kind, person=person, at=at, **detail)


@dataclass(frozen=True)
class Verdict:
    """What re-computing the log found; ``first_bad`` is the first sequence that does not hold."""

    valid: bool
    entries: int
    head: str
    first_bad: int | None = None
    reason: str = ""


def verify() -> Verdict:
    """Re-compute the whole log from its raw texts and compare it with the hashes, the columns and the head."""
    previous, expected = BEGINNING, 0
    for entry in _in_order():
        expected += 1
        reason = _fault(entry, expected, previous)
        if reason:
            return Verdict(False, expected, previous, first_bad=expected, reason=reason)
        previous = entry.hash
    head = SecurityHead.objects.filter(pk=1).first()
    if head is not None and (head.sequence != expected or head.hash != previous):
        return Verdict(False, expected, previous, first_bad=expected + 1, reason="the last entries are missing")
    return Verdict(True, expected, previous)


def _in_order() -> Iterator[SecurityEntry]:
    return SecurityEntry.objects.order_by("sequence").iterator(chunk_size=2000)


def _fault(entry: SecurityEntry, expected: int, previous: str) -> str:
    """Return what is wrong with ``entry``, or nothing."""
    if entry.sequence != expected:
        return "an entry is missing"
    if entry.prev_hash != previous:
        return "it does not follow the entry before it"
    try:
        if digest(SECURITY, bytes.fromhex(previous), entry.canonical.encode()) != entry.hash:
            return "its text does not match its hash"
        record = entry.record
        same = (
            record["sequence"] == entry.sequence
            and record["id"] == entry.public_id
            and record["kind"] == entry.kind
            and record["at"] == iso(entry.at)
            and (record["person"]["id"] or "") == entry.person_id
        )
    except (ValueError, KeyError, TypeError):
        return "its text cannot be read"
    return "" if same else "its columns do not match its text"


# -- the gates -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Limit:
    """``tries`` in ``window`` pass; the one that uses up the last keeps the gate shut for ``lock`` (or the window)."""

    name: str
    tries: int
    window: timedelta
    lock: timedelta | None = None


SIGNING: Final = Limit("signing", tries=5, window=timedelta(minutes=10), lock=timedelta(minutes=15))

_COUNT = """
INSERT INTO kernel_gate (name, tries, until_ms) VALUES (%(name)s, 1, %(now)s + %(window)s)
ON CONFLICT (name) DO UPDATE SET
    tries = CASE WHEN kernel_gate.until_ms <= %(now)s THEN 1 ELSE kernel_gate.tries + 1 END,
    until_ms = CASE
        WHEN kernel_gate.until_ms <= %(now)s THEN %(now)s + %(window)s
        WHEN kernel_gate.tries + 1 = %(limit)s AND %(lock)s > 0 THEN %(now)s + %(lock)s
        ELSE kernel_gate.until_ms END
RETURNING tries, until_ms
"""


def pass_or_refuse(limit: Limit, subject: object, *, at: datetime) -> int:
    """Count one try at ``subject`` before it is made and return which one it is; exactly ``limit.tries`` pass.

    One statement in a transaction of its own, so that a later refusal cannot take the count back. Call ``forget`` when
    the try succeeded.

    Raises:
        TooMany: the gate is shut; ``retry_after_s`` says for how long.
        RuntimeError: a transaction is open.
    """
    now = _ms(at)
    values: dict[str, str | int] = {
        "name": _gate_name(limit, subject),
        "now": now,
        "window": limit.window // timedelta(milliseconds=1),
        "lock": (limit.lock or timedelta(0)) // timedelta(milliseconds=1),
        "limit": limit.tries,
    }
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        tries, until = cursor.fetchone()
    if tries > limit.tries:
        left_s = max(1, -(-(until - now) // 1000))
        raise TooMany("Too many tries. Wait before you try again.", retry_after_s=left_s, code=f"{limit.name}_locked")
    return int(tries)


def forget(limit: Limit, subject: object) -> None:
    """Open the gate again: the try it counted was a good one."""
    Gate.objects.filter(name=_gate_name(limit, subject)).delete()


def forget_old_gates(*, at: datetime) -> int:
    """Delete the gates that would open by themselves now and return how many."""
    return Gate.objects.filter(until_ms__lte=_ms(at)).delete()[0]


def _gate_name(limit: Limit, subject: object) -> str:
    return sha256(f"{limit.name}\n{subject}".encode()).hexdigest()


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
