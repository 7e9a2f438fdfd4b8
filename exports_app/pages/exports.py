"""Forms of exports on the session page, the dossier to read, and what waits for a signature."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from biolab.accounts.auth.periods import period_of
from biolab.accounts.models import User
from biolab.accounts.pages import SignedInPage
from biolab.accounts.roles import Role
from biolab.kernel.errors import Invalid
from biolab.kernel.ids import find
from exports_app.models import NarrativeExport
from exports_app.pages.session import SessionView
from exports_app.selectors import readable_dossier
from exports_app.services.evidence import MOST_ATTACHMENTS, read_attachment
from exports_app.services.exports import Wish, ask_export
from governance_app.selectors.approvals import waiting_for
from governance_app.services.signing import cast_signature
from sessions_app.models import LabSession


class AskExport(SessionView):
    """Freeze the session's story and ask for approval."""

    def post(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        notes, named = request.POST.get("notes", ""), request.POST.getlist("attach")[: MOST_ATTACHMENTS + 1]

        def ask(session: LabSession, by: User, at: datetime) -> None:
            split = [text.partition(":") for text in named]
            asked = [
                read_attachment(place, {"type": kind, "reference_id": text})
                for place, (kind, _, text) in enumerate(split)
            ]
            if len(asked) > MOST_ATTACHMENTS:
                raise Invalid(f"An export carries at most {MOST_ATTACHMENTS} attachments.")
            ask_export(session=session, by=by, at=at, wish=Wish(notes=notes, attachments=asked))

        return self.act(sid, "exports", ask)


class Sign(SessionView):
    """Sign the current stage of an export's ladder, or reject."""

    def post(self, request: HttpRequest, sid: str, eid: str) -> HttpResponseBase:
        posted = request.POST
        export = find(NarrativeExport.objects.filter(session=self.session(sid)), eid)
        return self.act(
            sid,
            "exports",
            lambda session, by, at: cast_signature(
                request_id=export.approval_id,
                stage_id=posted.get("stage_id") or None,
                decision=posted.get("status", ""),
                signature=posted.get("signature", ""),
                meaning=posted.get("meaning", "") if posted.get("status") == "approved" else "",
                password=posted.get("password", ""),
                totp=posted.get("totp", ""),
                period=period_of(request),
                content_digest=posted.get("content_digest") or None,
                notes=posted.get("notes", ""),
                by=by,
                at=at,
            ),
            refused_stage=posted.get("stage_id", ""),
        )


class Dossier(SessionView):
    """The frozen dossier, to be read before it is signed."""

    def get(self, request: HttpRequest, sid: str, eid: str) -> HttpResponseBase:
        session = self.session(sid)
        export = find(NarrativeExport.objects.told().filter(session=session), eid)
        readable = readable_dossier(export)
        return self.page(
            "exports/dossier.html",
            session=session,
            export={
                "version": export.version,
                "created_at": export.created_at,
                "approval_status": export.approval.state,
                "content_digest": export.content.sha256,
            },
            dossier=readable.html,
            clipped=readable.clipped,
            whole=export.path,
        )


class Waiting(SignedInPage):
    """Stages that wait for the person's signature."""

    section = "waiting"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        rows = [
            {
                "session": stage.request.session,
                "name": f"{stage.request}: {stage.name}",
                "role": Role(stage.required_role).label,
                "asker": stage.request.asked_by.printed_name,
                "started_at": stage.started_at,
                "due_at": stage.due_at,
                "overdue": stage.due_at is not None and stage.due_at < self.now,
            }
            for stage in waiting_for(self.person, at=self.now)
        ]
        return self.page("exports/waiting.html", waiting=rows)
