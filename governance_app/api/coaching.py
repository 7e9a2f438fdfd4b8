"""Coaching notes about an override."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.api import Door
from biolab.kernel.api.paging import paged
from biolab.kernel.ids import find
from biolab.kernel.machine import Move
from governance_app.api.override_forms import CoachingNoteAnswer, CoachingNoteEdit, CoachingNoteForm, ModerationForm
from governance_app.models import CoachingNote, OverrideAction
from governance_app.policies.approvals import may_moderate
from governance_app.selectors.coaching import coached_overrides, coaching_notes_for
from governance_app.services.coaching import (
    coaching_note_etag,
    edit_coaching_note,
    moderate_coaching_note,
    write_coaching_note,
)
from governance_app.shapes.overrides import coaching_note_as_wire
from governance_app.states import FLAG_NOTE, ModerationState

RULES = """Notes are read by administrators, by whom the override is of and about, by who made the session and by its
team; a draft by its author alone. They are written by the same people, except observers and viewers, and edited by
their author while they are draft, published or flagged. Administrators and whoever leads the team (lead and above)
flag, resolve and remove; authors remove their own notes while they are draft or published. A removed note stays in its
thread without what it said; its history keeps every version."""


class CoachingDoor(Door):
    """A door to coaching notes."""

    scope_area = "governance"

    def override(self, override_id: str) -> OverrideAction:
        overrides = coached_overrides(self.person).select_related("session")
        return find(overrides, override_id)

    def note(self, note_id: str) -> CoachingNote:
        return find(coaching_notes_for(self.person), note_id)

    def version_read(self, note: CoachingNote) -> int | None:
        """Return the version the caller insists on, so that the service compares it under the lock."""
        self.must_match(coaching_note_etag(note))
        return note.version if self.request.headers.get("If-Match", "*").strip() != "*" else None

    def shown(self, note: CoachingNote, status: int = 200) -> Response:
        fresh = CoachingNote.objects.told().get(pk=note.pk)
        moderates = may_moderate(self.person, fresh.override.session)
        body = coaching_note_as_wire(fresh, moderates=moderates)
        return self.answer(body, status=status, etag=coaching_note_etag(fresh))


class CoachingNotesDoor(CoachingDoor):
    """The notes about one override."""

    @extend_schema(
        operation_id="coaching_notes_list",
        summary="List coaching notes",
        description=f"Oldest first. {RULES}",
        parameters=paged(),
        responses=CoachingNoteAnswer(many=True),
        tags=["governance"],
    )
    def get(self, request: Request, override_id: str) -> Response:
        override = self.override(override_id)
        notes = coaching_notes_for(self.person).filter(override=override).told()
        moderates = may_moderate(self.person, override.session)
        page = self.page(notes, order=("created_at", "id"))
        return self.bare(page, lambda note: coaching_note_as_wire(note, moderates=moderates))

    @extend_schema(
        operation_id="coaching_notes_create",
        summary="Write a coaching note",
        description=RULES,
        request=CoachingNoteForm,
        responses={201: CoachingNoteAnswer},
        tags=["governance"],
    )
    def post(self, request: Request, override_id: str) -> Response:
        override = self.override(override_id)
        form = self.validated(CoachingNoteForm)
        parent_id: Any = form.get("parent_id")
        parent = find(coaching_notes_for(self.person), parent_id) if parent_id is not None else None
        note = write_coaching_note(
            override=override,
            parent=parent,
            body=form["body"],
            draft=form["moderation_state"] == ModerationState.DRAFT,
            metadata=form["metadata"],
            by=self.person,
            at=self.now,
        )
        return self.shown(note, status=201)


class CoachingNoteDoor(CoachingDoor):
    """One note."""

    @extend_schema(
        operation_id="coaching_notes_edit",
        summary="Edit a coaching note, or publish a draft",
        description=f"`If-Match` refuses an edit of what somebody changed meanwhile. {RULES}",
        request=CoachingNoteEdit,
        responses=CoachingNoteAnswer,
        tags=["governance"],
    )
    def patch(self, request: Request, note_id: str) -> Response:
        note = self.note(note_id)
        version = self.version_read(note)
        form = self.validated(CoachingNoteEdit)
        changed = edit_coaching_note(
            note=note,
            body=form.get("body"),
            metadata=form.get("metadata"),
            publish="moderation_state" in form,
            reason=form.get("reason", ""),
            version=version,
            by=self.person,
            at=self.now,
        )
        return self.shown(changed)


class ModerateDoor(CoachingDoor):
    """Flag, resolve or remove a note; which one, the path says."""

    move: ClassVar[Move] = FLAG_NOTE

    @extend_schema(
        summary="Flag, resolve or remove a coaching note",
        description=RULES,
        request=ModerationForm,
        responses=CoachingNoteAnswer,
        tags=["governance"],
    )
    def post(self, request: Request, note_id: str) -> Response:
        note = self.note(note_id)
        version = self.version_read(note)
        reason = self.validated(ModerationForm).get("reason") or ""
        changed = moderate_coaching_note(
            note=note, move=self.move, reason=reason, version=version, by=self.person, at=self.now
        )
        return self.shown(changed)
