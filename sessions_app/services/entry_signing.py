"""The author's signature under a notebook entry, and the witness's."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final

from django.db import transaction
from django.utils.timezone import get_current_timezone_name

from biolab.accounts.models import User
from biolab.accounts.policies import objection_to_own_signature, role_in
from biolab.accounts.services.reentry import Components, confirm_components, note_signing
from biolab.kernel import security
from biolab.kernel.errors import Conflict, Forbidden
from biolab.kernel.ids import new_uuid
from biolab.kernel.machine import Move
from biolab.kernel.signed import seal
from sessions_app import timeline
from sessions_app.facts import EntrySigned, EntryWitnessed
from sessions_app.models import EntrySignature, NotebookEntry
from sessions_app.services.notebook import entry_etag, hold_entry
from sessions_app.signed_entries import signed_record
from sessions_app.states import ENTRY_MACHINE, SIGN_ENTRY, WITNESS_ENTRY, EntryMeaning
from sessions_app.wording import invalid

MEANING: Final = {SIGN_ENTRY: EntryMeaning.AUTHORSHIP, WITNESS_ENTRY: EntryMeaning.WITNESS}


def sign_entry(
    *,
    move: Move,
    entry: NotebookEntry,
    signature: str,
    by: User,
    at: datetime,
    password: str = "",
    totp: str = "",
    period: str = "",
    digest: str | None = None,
    zone: str = "",
) -> NotebookEntry:
    """Put one's name under an entry: its author's, which locks it, or another person's who has read it then.

    Rules are asked in this order: who, state of the entry, body, password. Only the password counts towards the lock.
    It is checked in transactions of its own, before the entry is held; the other rules are asked again while it is.

    Args:
        move: ``SIGN_ENTRY`` or ``WITNESS_ENTRY``.
        signature: the name as the signer typed it.
        totp: a code of the signer's device, where they have one.
        period: names the sign-in; the first signature in it takes every component, those soon after it one.
        digest: of the wording that the signer was shown; None where they did not say.
        zone: the signer's time zone; by default the one in force.

    Raises:
        Forbidden: this is not theirs to sign or to witness, they may not write in this team, or a wrong password.
        MoveRefused: it is signed or witnessed already, or not signed yet.
        Conflict: it reads otherwise than the signer was shown.
        Missing, Invalid, TooMany.
        RuntimeError: a transaction is open.
    """

    def note(reason: str) -> None:
        security.note_apart(
            "signature.refused",
            person=by,
            at=at,
            reason=reason,
            notebook_entry_id=entry.public_id,
            meaning=MEANING[move],
        )

    typed = signature.strip()
    try:
        with transaction.atomic():
            _judge(move, entry, typed, by=by, digest=digest)
    except Forbidden as refusal:
        note(refusal.code)
        raise
    confirm_components(Components(password=password, totp=totp, period=period), by=by, at=at, note=note)
    with transaction.atomic():
        held, role = _judge(move, entry, typed, by=by, digest=digest)
        written = _write(held, MEANING[move], typed, role=role, by=by, at=at, zone=zone)
        ENTRY_MACHINE.make(move, held)
        held.updated_at = at
        held.save(update_fields=["status", "updated_at"])
        _tell(held, written, by=by, at=at)
    note_signing(by=by, period=period, at=at)
    return held


def objection_to(move: Move, entry: NotebookEntry, by: User) -> Forbidden | None:
    """Return why the person cannot make this move whatever its state, or None; their right is asked elsewhere."""
    if by.credential is not None:
        return Forbidden("A signature is given by a person, not by a service token.", code="token_cannot_sign")
    is_author = by.pk == entry.created_by_id
    if move is SIGN_ENTRY and not is_author:
        return Forbidden("An entry is signed by its author.", code="not_the_author")
    if move is WITNESS_ENTRY and is_author:
        return Forbidden("Nobody witnesses their own entry.", code="own_entry")
    return objection_to_own_signature(by)


def _judge(move: Move, entry: NotebookEntry, typed: str, *, by: User, digest: str | None) -> tuple[NotebookEntry, str]:
    """Return the entry, held, and the signer's role, or refuse."""
    held = hold_entry(entry, by=by, reason=None)
    objection = objection_to(move, held, by)
    if objection is not None:
        raise objection
    ENTRY_MACHINE.make(move, NotebookEntry(status=held.status))
    if not 1 <= len(typed) <= 255 or not typed.isprintable():
        raise invalid("/signature", "Type your name: 1 to 255 printable characters.")
    if digest is not None and digest != held.digest:
        raise Conflict(
            "What you were shown is not what is to be signed now. Read it again.",
            code="content_changed",
            etag=entry_etag(held),
            digest=held.digest,
        )
    return held, role_in(by, held.team_id) or ""


def _write(
    entry: NotebookEntry, meaning: EntryMeaning, typed: str, *, role: str, by: User, at: datetime, zone: str
) -> EntrySignature:
    signature = EntrySignature(
        id=new_uuid(),
        entry=entry,
        version=entry.version,
        digest=entry.digest,
        meaning=meaning,
        signer=by,
        printed_name=by.printed_name,
        typed=typed,
        role=role,
        signed_at=at,
        zone=zone or get_current_timezone_name(),
    )
    seal(signature, partial(signed_record, entry=entry))
    signature.save(force_insert=True)
    return signature


def _tell(entry: NotebookEntry, signature: EntrySignature, *, by: User, at: datetime) -> None:
    if entry.session is None:
        return
    fact = EntrySigned if signature.meaning == EntryMeaning.AUTHORSHIP else EntryWitnessed
    told = fact(
        entry_id=entry.public_id,
        title=entry.title,
        version=signature.version,
        digest=signature.digest,
        signature_id=signature.public_id,
        printed_name=signature.printed_name,
        signature=signature.typed,
        meaning=signature.meaning,
    )
    timeline.record(entry.session, told, by=by, at=at)
