"""Sessions at the desk: read, moved by buttons, verified."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from biolab.accounts.models import User
from biolab.kernel.admin import ReadOnlyAdmin, ReadOnlyInline, action, confirmed, display
from biolab.kernel.machine import Move
from sessions_app.models import LabSession, Step
from sessions_app.services.experiments import list_session
from sessions_app.services.holds import lift_legal_hold, set_legal_hold
from sessions_app.services.sessions import move_session, open_moves
from sessions_app.states import ABORT, COMPLETE, PAUSE, RESUME, START
from sessions_app.verification import verify_session

RECENT: Final = 25
LABELS: Final = {
    "Planned": "info",
    "Running": "success",
    "Paused": "warning",
    "Completed": "primary",
    "Aborted": "danger",
}


class StepsInline(ReadOnlyInline):
    """The steps as they stand."""

    model = Step
    fields = readonly_fields = ("place", "instruction", "status", "started_at", "completed_at", "completed_by")
    ordering = ("index",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Step]:
        return cast("QuerySet[Step]", super().get_queryset(request).select_related("completed_by"))

    @display(description="no.")
    def place(self, step: Step) -> int:
        return step.index + 1


@admin.register(LabSession)
class LabSessionAdmin(ReadOnlyAdmin):
    """Every session; what the person may do there by their role in its team, they may do here."""

    inlines = (StepsInline,)
    list_display = (
        "name",
        "team",
        "state",
        "protocol_version",
        "created_by",
        "created_at",
        "ended_at",
        "written",
    )
    list_select_related = ("team", "protocol_version", "created_by")
    list_filter = ("status", "legal_hold", "team")
    search_fields = ("name", "description")
    date_hierarchy = "created_at"
    fields = (
        "public_id",
        "name",
        "description",
        "team",
        "state",
        "protocol_version",
        "parameters",
        "people",
        "created_by",
        "created_at",
        "planned_for",
        "started_at",
        "ended_at",
        "legal_hold",
        "hidden_at",
        "genesis",
        "head_hash",
        "written",
        "recent",
    )
    readonly_fields = fields
    actions = ("export_csv",)
    csv_columns = ("public_id", "name", "team", "status", "created_by", "created_at", "started_at", "ended_at")
    actions_detail = (
        "verify",
        "start",
        "pause",
        "resume",
        "complete",
        "abort",
        "hold_legally",
        "lift_hold",
        "list_again",
    )

    @display(
        description="status",
        ordering="status",
        label={
            "Planned": "info",
            "Running": "success",
            "Paused": "warning",
            "Completed": "primary",
            "Aborted": "danger",
        },
    )
    def state(self, session: LabSession) -> str:
        return str(session.get_status_display())

    @display(description="events", ordering="head_sequence")
    def written(self, session: LabSession) -> int:
        return session.head_sequence

    @display(description="crew")
    def people(self, session: LabSession) -> str:
        return ", ".join(person.printed_name for person in session.crew.all())

    @display(description="timeline")
    def recent(self, session: LabSession) -> SafeString:
        """Show the last events and where all of them are."""
        events = session.events.order_by("-sequence")[:RECENT]
        rows = format_html_join(
            "",
            "<li>#{} · {} · {} · {}</li>",
            (
                (event.sequence, f"{event.occurred_at:%Y-%m-%d %H:%M:%S}", event.actor_name, event.told)
                for event in events
            ),
        )
        address = reverse("admin:sessions_app_timelineevent_changelist")
        return format_html(
            '<ol>{}</ol><a class="text-primary-600 dark:text-primary-500 underline" '
            'href="{}?session__id__exact={}">The whole timeline</a>',
            rows,
            address,
            session.pk,
        )

    @action(description="Verify the timeline", url_path="verify", permissions=["view"], reads=True)
    def verify(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session: LabSession = self.row(request, object_id)
        report = verify_session(session.pk)
        if report.valid:
            told = f"{report.events} events and {report.checkpoints} signed checkpoints hold; head {report.head[:16]}…."
            messages.success(request, told)
        else:
            messages.error(request, f"Event {report.first_bad} does not hold: {report.reason}.")
        return redirect("admin:sessions_app_labsession_change", session.pk)

    @action(description="Start", url_path="start", permissions=["start"])
    def start(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._move(request, object_id, START)

    @action(description="Pause", url_path="pause", permissions=["pause"])
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._move(request, object_id, PAUSE)

    @action(description="Resume", url_path="resume", permissions=["resume"])
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._move(request, object_id, RESUME)

    @action(description="Complete", url_path="complete", permissions=["complete"])
    def complete(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._move(request, object_id, COMPLETE)

    @action(description="Abort", url_path="abort", permissions=["abort"])
    def abort(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._move(request, object_id, ABORT)

    @action(description="Set a legal hold", url_path="legal-hold", permissions=["set_hold"])
    def hold_legally(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "Keep everything of this session until the hold is lifted? Archives expire no more."
        return self._turn_hold(request, object_id, set_legal_hold, question=question, done="It is under legal hold.")

    @action(description="Lift the legal hold", url_path="lift-legal-hold", permissions=["lift_hold"])
    def lift_hold(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "Lift the legal hold? Archives whose time is over are removed by the next sweep."
        return self._turn_hold(request, object_id, lift_legal_hold, question=question, done="The hold is lifted.")

    @action(description="Put back on the controllers' lists", url_path="list-again", permissions=["list_again"])
    def list_again(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "Put this session back on the lists of controllers, which took it for deleted?"
        return self._turn_hold(request, object_id, list_session, question=question, done="It is on the lists again.")

    def has_list_again_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        session = obj if isinstance(obj, LabSession) else self.get_object(request, str(obj))
        return session is not None and session.hidden_at is not None and cast(User, request.user).is_admin

    def _turn_hold(
        self, request: HttpRequest, object_id: str, turn: Callable[..., LabSession], *, question: str, done: str
    ) -> HttpResponseBase:
        session: LabSession = self.row(request, object_id)
        by, reason = cast(User, request.user), request.POST.get("reason", "")
        return confirmed(
            self,
            request,
            session,
            question=question,
            asks="Reason, as it stands on the timeline",
            work=lambda: turn(session=session, reason=reason, by=by, at=timezone.now()),
            done=done,
        )

    def has_set_hold_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_held(request, obj) is False

    def has_lift_hold_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_held(request, obj) is True

    def _is_held(self, request: HttpRequest, obj: Any) -> bool | None:
        """Tell whether the session is held; None where this person may not turn it."""
        session = obj if isinstance(obj, LabSession) else self.get_object(request, str(obj))
        return session.legal_hold if session is not None and cast(User, request.user).is_admin else None

    def has_start_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(request, obj, START)

    def has_pause_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(request, obj, PAUSE)

    def has_resume_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(request, obj, RESUME)

    def has_complete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(request, obj, COMPLETE)

    def has_abort_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(request, obj, ABORT)

    def _open(self, request: HttpRequest, obj: Any, move: Move) -> bool:
        session = obj if isinstance(obj, LabSession) else self.get_object(request, str(obj))
        return session is not None and move in open_moves(session, cast(User, request.user))

    def _move(self, request: HttpRequest, object_id: str, move: Move) -> HttpResponseBase:
        session: LabSession = self.row(request, object_id)
        by = cast(User, request.user)
        return confirmed(
            self,
            request,
            session,
            question=f"{move.name.capitalize()} the session {session}?",
            work=lambda: move_session(session=session, move=move, by=by, at=timezone.now()),
            done=f"{session} is {move.target} now.",
        )
