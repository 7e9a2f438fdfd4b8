"""Forms of the session page that look ahead: preview a ladder, hold it against the guardrails."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from exports_app.pages.session import SessionView
from governance_app.services.guardrails import simulate_guardrails
from governance_app.services.previews import preview_ladder


class MakePreview(SessionView):
    """See what a ladder would meet on this session."""

    def post(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        snapshot_id = request.POST.get("snapshot", "")
        return self.act(
            sid,
            "preview",
            lambda session, by, at: preview_ladder(session=session, snapshot_id=snapshot_id, by=by, at=at),
        )


class RunGuardrails(SessionView):
    """Judge the latest preview; the verdict holds the session's packaging, or lets it go."""

    def post(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        return self.act(sid, "preview", lambda session, by, at: simulate_guardrails(session=session, by=by, at=at))
