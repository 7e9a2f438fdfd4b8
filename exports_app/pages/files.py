"""Files on the session page."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from biolab.accounts.models import User
from biolab.kernel.errors import Invalid
from biolab.kernel.storage import CHUNK
from exports_app.pages.session import SessionView
from sessions_app.models import LabSession
from sessions_app.services.files import keep_file


class SendFile(SessionView):
    """Keep a file with the session."""

    def post(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        sent, posted = request.FILES.get("file"), request.POST

        def keep(session: LabSession, by: User, at: datetime) -> None:
            if sent is None:
                raise Invalid("Choose a file first.")
            keep_file(
                team=session.team,
                session=session,
                pieces=sent.chunks(CHUNK),
                filename=sent.name or "",
                by=by,
                at=at,
                description=posted.get("description", ""),
                reason=posted.get("reason", ""),
            )

        answer = self.act(sid, "files", keep)
        if answer.status_code == 302:
            messages.success(request, "The file is kept.")
        return answer
