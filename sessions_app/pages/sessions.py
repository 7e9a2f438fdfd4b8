"""Pages of the bench: the list of sessions, and starting one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from biolab.accounts.pages import SignedInPage, status_of
from biolab.accounts.policies import teams_where
from biolab.accounts.roles import Right
from biolab.kernel.errors import Invalid, Refusal
from biolab.kernel.ids import find, parse_id
from biolab.kernel.times import parse_utc
from sessions_app.models import Equipment, LabSession, Protocol
from sessions_app.requirement_rows import KINDS, MOST_ROWS, Row, as_parameters, read_rows, tell
from sessions_app.selectors import sessions_holding
from sessions_app.services.sessions import start_session
from sessions_app.states import DONE_STEPS, ProtocolStatus, SessionStatus

PER_PAGE = 25
PROTOCOLS_OFFERED = 200
EQUIPMENT_OFFERED = 50


class SessionsPage(SignedInPage):
    """The sessions a person sees, newest first."""

    section = "sessions"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        status, text = request.GET.get("status", ""), request.GET.get("q", "").replace("\x00", "").strip()[:255]
        protocols = Protocol.objects.visible_to(self.person).order_by("title", "id")[:PROTOCOLS_OFFERED]
        protocol = parse_id(request.GET.get("protocol", ""), Protocol.id_prefix)
        visible = LabSession.objects.visible_to(self.person)
        sessions: QuerySet[LabSession] = visible.select_related("team", "protocol_version")
        if status in SessionStatus.values:
            sessions = sessions.filter(status=status)
        if protocol is not None:
            sessions = sessions.filter(protocol_version__protocol=protocol)
        if text:
            sessions = sessions_holding(sessions, text)
        sessions = sessions.annotate(
            step_count=Count("steps"), done_count=Count("steps", filter=Q(steps__status__in=DONE_STEPS))
        ).order_by("-created_at", "-id")
        return self.page(
            "sessions/list.html",
            page=Paginator(sessions, PER_PAGE).get_page(request.GET.get("page")),
            statuses=SessionStatus.choices,
            chosen=status,
            q=text,
            protocols=protocols,
            protocol=protocol,
            query=urlencode({"q": text, "status": status, "protocol": request.GET.get("protocol", "")}),
            may_start=teams_where(self.person, Right.RUN).exists(),
        )


class NewSessionPage(SignedInPage):
    """Choose a protocol, fill in its variables, say what its steps require, start."""

    section = "sessions"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return self._form(request.GET.get("protocol", ""), {}, [])

    def post(self, request: HttpRequest) -> HttpResponseBase:
        posted = {name: str(value) for name, value in request.POST.items()}
        rows = read_rows(posted)
        if "add_row" in posted:
            return self._form(posted.get("protocol", ""), posted, rows)
        planned_for = posted.get("planned_for", "")
        required, sources = as_parameters(rows)
        try:
            if any(row.errors for row in rows):
                raise Invalid("What the steps require cannot be read.", code="requirements_unreadable")
            protocol = find(self._protocols(), posted["protocol"]) if posted.get("protocol") else None
            team = protocol.team if protocol is not None else find(self._teams(), posted.get("team", ""))
            session = start_session(
                team=team,
                by=self.person,
                at=self.now,
                name=posted.get("name", ""),
                description=posted.get("description", ""),
                protocol=protocol,
                planned_for=parse_utc(planned_for, naive="utc", pointer="/planned_for") if planned_for else None,
                parameters={
                    **{key.removeprefix("var-"): value for key, value in posted.items() if key.startswith("var-")},
                    **required,
                },
            )
        except Refusal as refusal:
            refusal.facts["errors"] = tell(sources, refusal.facts.get("errors", ()))
            return self._form(posted.get("protocol", ""), posted, rows, refusal)
        return redirect("page-session", session.public_id)

    def _form(
        self, protocol_id: str, posted: dict[str, str], rows: list[Row], refusal: Refusal | None = None
    ) -> HttpResponseBase:
        chosen = find(self._protocols(), protocol_id) if protocol_id else None
        wording = chosen.versions.get(version=chosen.current_version) if chosen is not None else None
        variables: list[dict[str, Any]] = [
            {"name": name, "value": posted.get(f"var-{name}", "")} for name in (wording.variables if wording else [])
        ]
        return self.page(
            "sessions/new.html",
            status=200 if refusal is None else status_of(refusal),
            protocols=self._protocols(),
            teams=self._teams(),
            chosen=chosen,
            variables=variables,
            instructions=wording.instructions if wording else [],
            rows=[*rows, Row(len(rows))] if len(rows) < MOST_ROWS else rows,
            kinds=KINDS.items(),
            equipment=Equipment.objects.filter(team=chosen.team).order_by("name")[:EQUIPMENT_OFFERED] if chosen else [],
            focus=len(rows) if "add_row" in posted else next((row.number for row in rows if row.errors), None),
            values={"name": chosen.title if chosen else "", **posted},
            refusal=refusal,
        )

    def _teams(self) -> Any:
        return teams_where(self.person, Right.RUN)

    def _protocols(self) -> Any:
        return (
            Protocol.objects.filter(team__in=self._teams(), status=ProtocolStatus.ACTIVE)
            .select_related("team")
            .order_by("title", "id")
        )
