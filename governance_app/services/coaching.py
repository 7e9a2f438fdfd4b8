"""Coaching notes: written about an override, answered, edited, moderated. Every version is kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from biolab.accounts.models import User
from biolab.kernel.api import etag_of
from biolab.kernel.canonical import sha256
from biolab.kernel.errors import Conflict, Forbidden, Stale
from biolab.kernel.machine import Move
from governance_app.facts.overrides import CoachingNoteTold
from governance_app.models import CoachingNote, CoachingNoteEvent, OverrideAction
from governance_app.policies.approvals import may_coach, may_moderate
from governance_app.rules.blueprint import check_json
from governance_app.states import (
    EDITABLE_NOTES,
    MODERATION,
    PUBLISH_NOTE,
    REMOVE_NOTE,
    ModerationState,
)
from sessions_app import timeline
from sessions_app.models import LabSession
from sessions_app.wording import exact, invalid, reasoned, storable

LONGEST_BODY: Final = 20_000
UNTOUCHED: Final = frozenset({ModerationState.DRAFT, ModerationState.PUBLISHED})


@transaction.atomic
def write_coaching_note(
    *,
    override: OverrideAction,
    body: str,
    by: User,
    at: datetime,
    parent: CoachingNote | None = None,
    draft: bool = False,
    metadata: Mapping[str, Any] | None = None,
) -> CoachingNote:
    """Write a note about an override, or an answer to another note, and return it.

    Args:
        draft: keep it to its author until it is published; the timeline hears of it then.

    Raises:
        Forbidden: the person may not write about this override.
        Conflict: the note it answers is not on show.
        Invalid: it says nothing, or too much.
    """
    session = LabSession.objects.hold(override.session_id)
    _require_writer(by, override)
    if parent is not None:
        parent = CoachingNote.objects.get(pk=parent.pk)
        if parent.override_id != override.pk:
            raise invalid("/parent_id", "That note is about another override.")
        if parent.moderation_state in {ModerationState.DRAFT, ModerationState.REMOVED}:
            raise Conflict("The note it answers is not on show.", code="parent_not_shown")
    note = CoachingNote.objects.create(
        override=override,
        parent=parent,
        thread_root_id=(parent.thread_root_id or parent.pk) if parent is not None else None,
        author=by,
        body=_worded(body),
        moderation_state=ModerationState.DRAFT if draft else ModerationState.PUBLISHED,
        metadata=exact(metadata or {}, pointer="/metadata"),
        created_at=at,
        updated_at=at,
        published_at=None if draft else at,
    )
    _keep(session, note, "drafted" if draft else "written", by=by, at=at)
    return note


@transaction.atomic
def edit_coaching_note(
    *,
    note: CoachingNote,
    by: User,
    at: datetime,
    body: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    publish: bool = False,
    reason: str = "",
    version: int | None = None,
) -> CoachingNote:
    """Change what a note says, or publish a draft, and return it. Values that change nothing make no version.

    Args:
        version: the version that the caller has read; None where that does not matter.

    Raises:
        Forbidden: somebody else wrote it.
        Conflict: it is resolved or removed.
        Stale: somebody changed it since ``version``.
        Invalid: it says nothing, or too much.
    """
    session, note = _held(note, version=version)
    if by.pk != note.author_id:
        raise Forbidden("Only its author edits a coaching note.", code="not_the_author")
    _require_writer(by, note.override)
    if note.moderation_state not in EDITABLE_NOTES:
        raise Conflict(
            f"A note that is {note.moderation_state} is no longer edited.",
            code="note_closed",
            status_now=note.moderation_state,
        )
    before = (note.body, note.metadata, note.moderation_state)
    if body is not None:
        note.body = _worded(body)
    if metadata is not None:
        note.metadata = exact(metadata, pointer="/metadata")
    published = publish and note.moderation_state == ModerationState.DRAFT
    if published:
        MODERATION.make(PUBLISH_NOTE, note)
        note.published_at = at
    if (note.body, note.metadata, note.moderation_state) == before:
        return note
    _save(note, at=at)
    _keep(session, note, "published" if published else "edited", by=by, at=at, reason=reasoned(reason))
    return note


@transaction.atomic
def moderate_coaching_note(
    *, note: CoachingNote, move: Move, by: User, at: datetime, reason: str = "", version: int | None = None
) -> CoachingNote:
    """Flag, resolve or remove a note and return it.

    Moderators are administrators and whoever leads the team; authors remove their own notes while nobody has flagged
    or resolved them.

    Raises:
        MoveRefused: its state does not allow that.
        Forbidden: the person does not moderate here.
        Stale: somebody changed it since ``version``.
    """
    session, note = _held(note, version=version)
    was = note.moderation_state
    MODERATION.make(move, note)
    if move is REMOVE_NOTE and by.pk == note.author_id and was in UNTOUCHED:
        _require_writer(by, note.override)
    elif not may_moderate(by, session):
        raise Forbidden(
            "Notes are moderated by administrators and by whoever leads the session's team.", code="not_a_moderator"
        )
    reason = reasoned(reason)
    _save(note, at=at)
    _keep(session, note, move.target, by=by, at=at, reason=reason, silent=was == ModerationState.DRAFT)
    return note


def coaching_note_etag(note: CoachingNote) -> str:
    """Return the entity tag of a coaching note as it reads now."""
    return etag_of(note.pk, note.version)


def _held(note: CoachingNote, *, version: int | None) -> tuple[LabSession, CoachingNote]:
    """Return the session, held, and the note as it reads under that lock."""
    session = LabSession.objects.hold(note.override.session_id)
    fresh = CoachingNote.objects.select_related("override__session", "author").get(pk=note.pk)
    if version is not None and fresh.version != version:
        raise Stale("It has changed since you read it.", etag=coaching_note_etag(fresh))
    return session, fresh


def _require_writer(by: User, override: OverrideAction) -> None:
    if not may_coach(by, override):
        raise Forbidden("You may read these notes and not write any.", code="may_not_coach")


def _save(note: CoachingNote, *, at: datetime) -> None:
    note.version += 1
    note.updated_at = at
    note.save(update_fields=["body", "metadata", "moderation_state", "version", "updated_at", "published_at"])


def _keep(
    session: LabSession,
    note: CoachingNote,
    action: str,
    *,
    by: User,
    at: datetime,
    reason: str = "",
    silent: bool = False,
) -> None:
    """Keep this version; tell the timeline of it unless nobody but the author ever saw the note."""
    CoachingNoteEvent.objects.create(
        note=note,
        version=note.version,
        action=action,
        state=note.moderation_state,
        actor=by,
        actor_name=by.printed_name,
        body=note.body,
        metadata=note.metadata,
        reason=reason,
        occurred_at=at,
    )
    if silent or note.moderation_state == ModerationState.DRAFT:
        return
    override, root = note.override, note.thread_root if note.thread_root is not None else note
    fact = CoachingNoteTold(
        coaching_note_id=note.public_id,
        override_id=override.public_id,
        recommendation_id=override.recommendation_id,
        parent_id=note.parent.public_id if note.parent is not None else None,
        thread_root_id=root.public_id,
        action=action,
        moderation_state=note.moderation_state,
        version=note.version,
        author_id=note.author.public_id,
        actor_id=by.public_id,
        body_digest=sha256(note.body.encode()),
        reason=reason,
    )
    timeline.record(session, fact, by=by, at=at)


def _worded(body: str) -> str:
    if not body.strip():
        raise invalid("/body", "A note must say something.")
    if len(body) > LONGEST_BODY:
        raise invalid("/body", f"A note has at most {LONGEST_BODY} characters.")
    check_json(body, "/body")
    return storable(body, pointer="/body")
