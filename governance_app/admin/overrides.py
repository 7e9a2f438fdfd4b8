"""Overrides and coaching notes at the desk: to be read, and a button for each move that is left."""

from __future__ import annotations

import json
from typing import Any, Final, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from biolab.accounts.models import User
from biolab.kernel.admin import ReadOnlyAdmin, ReadOnlyInline, action, confirmed, display, reads_only
from biolab.kernel.errors import Refusal
from biolab.kernel.machine import Move
from governance_app.models import CoachingNote, CoachingNoteEvent, OverrideAction, OverrideReversal
from governance_app.policies.approvals import may_moderate, require_override_right
from governance_app.selectors.recommended import Recommended
from governance_app.services.coaching import moderate_coaching_note
from governance_app.services.overrides import reverse_override
from governance_app.states import (
    FLAG_NOTE,
    MODERATION,
    REMOVE_NOTE,
    RESOLVE_NOTE,
    ModerationState,
    OverrideKind,
    OverrideRule,
)

DRAFTS: Final = {"moderation_state": ModerationState.DRAFT}


class ReversalInline(ReadOnlyInline):
    """Who took it back, by what standing, and what that changed."""

    model = OverrideReversal
    fields = readonly_fields = ("created_at", "actor_name", "standing", "rank", "notes", "cooldown_minutes", "changed")

    @display(description="what changed")
    def changed(self, reversal: OverrideReversal) -> SafeString:
        return format_html_join(
            "", "<p>{}: {} → {}</p>", ((each["field"], each["before"], each["after"]) for each in reversal.diffs)
        )


class CoachingInline(ReadOnlyInline):
    """What was said about it; a draft is its author's."""

    model = CoachingNote
    fields = readonly_fields = ("created_at", "author", "body", "moderation_state")
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[CoachingNote]:
        return cast("QuerySet[CoachingNote]", super().get_queryset(request).exclude(**DRAFTS).select_related("author"))


@admin.register(OverrideAction)
class OverrideActionAdmin(ReadOnlyAdmin):
    """What was done about recommendations, newest first."""

    list_display = ("created_at", "session", "about", "action", "state", "actor", "reversible", "cooldown_expires_at")
    list_select_related = ("session", "actor", "reviewer")
    list_filter = ("status", "action", "rule", "session__team")
    search_fields = ("recommendation_id", "session__name", "notes", "reviewer__username", "actor__username")
    date_hierarchy = "created_at"
    inlines = (ReversalInline, CoachingInline)
    actions_detail = ("reverse",)
    fields = (
        "public_id",
        "session",
        "recommendation_id",
        "action",
        "state",
        "reviewer",
        "target_reviewer",
        "baseline",
        "actor",
        "created_at",
        "notes",
        "sent",
        "changed",
        "reversible",
        "cooldown_window_minutes",
        "cooldown_expires_at",
        "content_hash",
    )
    readonly_fields = fields
    csv_columns = (
        "public_id",
        "created_at",
        "session",
        "recommendation_id",
        "reviewer",
        "action",
        "status",
        "actor",
        "target_reviewer",
        "baseline",
        "notes",
        "reversible",
        "cooldown_window_minutes",
        "cooldown_expires_at",
        "updated_at",
    )

    @display(description="about", ordering="reviewer__username")
    def about(self, row: OverrideAction) -> str:
        return f"{row.reviewer}: {OverrideRule(row.rule).label.lower()}"

    @display(
        description="status",
        ordering="status",
        label={"Accepted": "info", "Declined": "warning", "Executed": "success", "Reversed": "danger"},
    )
    def state(self, row: OverrideAction) -> str:
        return str(row.get_status_display())

    @display(description="sent with it")
    def sent(self, row: OverrideAction) -> str:
        return json.dumps({"metadata": row.metadata, "lineage": row.lineage}, indent=2, ensure_ascii=False)

    @display(description="what it changed", empty_value="nothing")
    def changed(self, row: OverrideAction) -> str | None:
        return json.dumps({"before": row.before, "after": row.after}, ensure_ascii=False) if row.before else None

    def has_reverse_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        row = obj if isinstance(obj, OverrideAction) else self.get_object(request, str(obj))
        if row is None or not row.reversible or row.is_cooling(timezone.now()):
            return False
        target = row.target_reviewer or row.reviewer
        try:
            person = cast(User, request.user)
            require_override_right(person, row.session, OverrideKind(row.action), actor=row.actor, target=target)
        except Refusal:
            return False
        return True

    @action(description="Take back", url_path="reverse", permissions=["reverse"])
    def reverse(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        row: OverrideAction = self.row(request, object_id)
        by, at = cast(User, request.user), timezone.now()
        recommended = Recommended(OverrideRule(row.rule), row.reviewer)
        return confirmed(
            self,
            request,
            row,
            question=f"Take back “{row}”? What it changed is undone; both stay on record.",
            asks="Why?",
            work=lambda: reverse_override(
                session=row.session, recommended=recommended, by=by, at=at, notes=request.POST.get("reason", "")
            ),
            done="It is taken back.",
        )


class CoachingNoteHistoryInline(ReadOnlyInline):
    """What the note said at each version, and who did what."""

    model = CoachingNoteEvent
    fields = readonly_fields = ("version", "action", "state", "actor_name", "occurred_at", "reason", "body")
    ordering = ("-version",)


@admin.register(CoachingNote)
class CoachingNoteAdmin(ReadOnlyAdmin):
    """Notes about overrides, newest first; drafts are their authors' alone."""

    list_display = ("created_at", "override", "author", "beginning", "state", "version")
    list_select_related = ("override", "author")
    list_filter = ("moderation_state", "override__action", "override__session__team")
    search_fields = ("body", "author__username", "override__session__name")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    inlines = (CoachingNoteHistoryInline,)
    actions_detail = ("flag", "resolve", "remove")
    fields = (
        "public_id",
        "override",
        "parent",
        "author",
        "body",
        "state",
        "version",
        "metadata",
        "created_at",
        "updated_at",
        "published_at",
    )
    readonly_fields = fields
    csv_columns = (
        "public_id",
        "created_at",
        "override",
        "author",
        "body",
        "moderation_state",
        "version",
        "updated_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[CoachingNote]:
        return cast("QuerySet[CoachingNote]", super().get_queryset(request).exclude(**DRAFTS))

    @display(description="note")
    def beginning(self, note: CoachingNote) -> str:
        return str(note)

    @display(
        description="state",
        ordering="moderation_state",
        label={"Published": "success", "Flagged": "warning", "Resolved": "info", "Removed": "danger"},
    )
    def state(self, note: CoachingNote) -> str:
        return str(note.get_moderation_state_display())

    def has_flag_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(request, obj, FLAG_NOTE)

    def has_resolve_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(request, obj, RESOLVE_NOTE)

    def has_remove_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(request, obj, REMOVE_NOTE)

    @action(description="Flag", url_path="flag", permissions=["flag"])
    def flag(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._moderate(request, object_id, FLAG_NOTE, "It is flagged.")

    @action(description="Resolve", url_path="resolve", permissions=["resolve"])
    def resolve(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._moderate(request, object_id, RESOLVE_NOTE, "It is resolved.")

    @action(description="Remove", url_path="remove", permissions=["remove"])
    def remove(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._moderate(request, object_id, REMOVE_NOTE, "It is removed from view; its history is kept.")

    def _open(self, request: HttpRequest, obj: Any, move: Move) -> bool:
        note = obj if isinstance(obj, CoachingNote) else self.get_object(request, str(obj))
        if note is None or reads_only(request) or move not in MODERATION.open_moves(note):
            return False
        return may_moderate(cast(User, request.user), note.override.session)

    def _moderate(self, request: HttpRequest, object_id: str, move: Move, done: str) -> HttpResponseBase:
        note: CoachingNote = self.row(request, object_id)
        by, at = cast(User, request.user), timezone.now()
        return confirmed(
            self,
            request,
            note,
            question=f"{move.name.capitalize()} this note of {note.author}?",
            asks="Why?",
            work=lambda: moderate_coaching_note(
                note=note, move=move, by=by, at=at, reason=request.POST.get("reason", "")
            ),
            done=done,
        )
