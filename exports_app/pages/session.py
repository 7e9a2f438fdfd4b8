"""The live session page: whole, by panel, and the forms on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from biolab.accounts.models import User
from biolab.accounts.pages import SignedInPage, status_of
from biolab.kernel.errors import Missing, Refusal
from biolab.kernel.ids import find
from exports_app.pages import context
from exports_app.pages.blocks import said_of_equipment
from sessions_app.gates import split_action
from sessions_app.models import LabSession
from sessions_app.services.notes import write_note
from sessions_app.services.remediation import remediate_step
from sessions_app.services.sessions import move_session
from sessions_app.services.steps import move_step
from sessions_app.states import SESSION_MACHINE, NoteType
from telemetry_app.alarms import alarms_of
from telemetry_app.services.alarms import acknowledge_alarm

LEVELS: Final = {
    "executed": messages.SUCCESS,
    "scheduled": messages.INFO,
    "skipped": messages.WARNING,
    "failed": messages.ERROR,
}
Act = Callable[[LabSession, User, datetime], object]


class SessionView(SignedInPage):
    """Base of every page and form of one session: finds it, shows refusals where they belong."""

    section = "sessions"

    def session(self, sid: str) -> LabSession:
        """Return the session if the person sees it."""
        sessions = LabSession.objects.visible_to(self.person).select_related("team", "protocol_version")
        return find(sessions, sid)

    def act(self, sid: str, panel: str, do: Act, **refused: Any) -> HttpResponseBase:
        """Do one thing and answer with the panel it changed, or with the refusal; whole pages without a script.

        Args:
            refused: more of what the page needs to show the refusal in its place.
        """
        session = self.session(sid)
        scripted = "HX-Request" in self.request.headers
        try:
            do(session, self.person, self.now)
        except Missing:
            raise
        except Refusal as refusal:
            if scripted:
                return render(self.request, "parts/refusal.html", {"refusal": refusal}, status=status_of(refusal))
            told = {"refusal": refusal, "refused": panel, "posted": self.request.POST, **refused}
            return self.whole(self.session(sid), status=status_of(refusal), **told)
        return self.panel(self.session(sid), panel) if scripted else redirect("page-session", session.public_id)

    def whole(self, session: LabSession, *, status: int = 200, **more: Any) -> HttpResponseBase:
        """Return the whole page."""
        shown = {"session": session, **context.whole(session, self.person, self.now), **more}
        return self.page("sessions/page.html", status=status, **shown)

    def panel(self, session: LabSession, name: str) -> HttpResponseBase:
        """Return one panel.

        Raises:
            Missing: there is no such panel.
        """
        if name not in context.PANELS:
            raise Missing("There is no such panel.")
        template, build = context.PANELS[name]
        return self.page(template, session=session, **build(session, self.person, self.now))


class SessionPage(SessionView):
    """The session as its people see it."""

    def get(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        return self.whole(self.session(sid))


class Panel(SessionView):
    """One panel, drawn again."""

    def get(self, request: HttpRequest, sid: str, name: str) -> HttpResponseBase:
        return self.panel(self.session(sid), name)


class MoveSession(SessionView):
    """A move of the session: start, pause, resume, complete, abort."""

    def post(self, request: HttpRequest, sid: str, name: str) -> HttpResponseBase:
        move, reason = SESSION_MACHINE.named(name), request.POST.get("reason", "")
        return self.act(
            sid,
            "head",
            lambda session, by, at: move_session(session=session, move=move, by=by, at=at, reason=reason),
        )


class MoveStep(SessionView):
    """Begin, complete or skip a step."""

    def post(self, request: HttpRequest, sid: str, index: int) -> HttpResponseBase:
        to, reason = request.POST.get("status", ""), request.POST.get("reason", "")
        return self.act(
            sid,
            "steps",
            lambda session, by, at: move_step(session=session, index=index, to=to, by=by, at=at, reason=reason),
        )


class RemediateStep(SessionView):
    """Do one thing of what frees a blocked step, and tell what came of it."""

    def post(self, request: HttpRequest, sid: str, index: int) -> HttpResponseBase:
        action = request.POST.get("action", "")

        def remediate(session: LabSession, by: User, at: datetime) -> None:
            known = {split_action(action)[1]: said_of_equipment(request.POST)}
            for result in remediate_step(session=session, index=index, by=by, at=at, actions=[action], context=known):
                messages.add_message(request, LEVELS[result.status], result.message)

        return self.act(sid, "steps", remediate)

    def panel(self, session: LabSession, name: str) -> HttpResponseBase:
        template, build = context.PANELS[name]
        return self.page(template, session=session, told=True, **build(session, self.person, self.now))


class WriteNote(SessionView):
    """A note, now, by the person at the page."""

    def post(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        posted = request.POST

        def write(session: LabSession, by: User, at: datetime) -> None:
            write_note(
                session=session,
                by=by,
                at=at,
                timestamp=at,
                speaker=by.printed_name,
                content=posted.get("content", "").replace("\r\n", "\n"),
                type=posted.get("type") or NoteType.OBSERVATION,
                reason=posted.get("reason", ""),
            )

        answer = self.act(sid, "notes", write)
        if answer.status_code == 302:
            messages.success(request, "The note is kept.")
        return answer


class AcknowledgeAlarm(SessionView):
    """Say what one makes of an alarm."""

    def post(self, request: HttpRequest, sid: str, alarm_id: str) -> HttpResponseBase:
        alarm, comment = find(alarms_of(self.session(sid)), alarm_id), request.POST.get("comment", "")
        return self.act(
            sid,
            "alarms",
            lambda session, by, at: acknowledge_alarm(alarm=alarm, comment=comment, by=by, at=at),
            refused_alarm=alarm.public_id,
        )
