"""One note: to read, correct, extend and withdraw, with everything it ever said."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from biolab.accounts.pages import status_of
from biolab.accounts.roles import Right
from biolab.kernel.errors import Missing, Refusal, Stale
from biolab.kernel.ids import find
from exports_app.pages.context import rights_in
from exports_app.pages.session import SessionView
from sessions_app.models import LabSession, Note
from sessions_app.services.notes import append_note, correct_note, withdraw_note
from sessions_app.states import NoteType

DONE: Final = {
    "correct": "The correction is kept, and what the note said before.",
    "append": "The line is kept.",
    "withdraw": "The note is withdrawn; its history is kept.",
}


class NotePage(SessionView):
    """A note as it reads now, its forms and its history; a correction that came second loses nothing."""

    def get(self, request: HttpRequest, sid: str, nid: str) -> HttpResponseBase:
        session = self.session(sid)
        return self._shown(session, find(Note.objects.filter(session=session), nid))

    def post(self, request: HttpRequest, sid: str, nid: str) -> HttpResponseBase:
        session, posted = self.session(sid), request.POST
        note = find(Note.objects.filter(session=session), nid)
        wanted = posted.get("act", "")
        if wanted not in DONE:
            raise Missing("There is no such act.")
        try:
            self._do(wanted, note, posted)
        except Missing:
            raise
        except Refusal as refusal:
            note.refresh_from_db()
            return self._shown(session, note, refusal=refusal, refused=wanted, posted=posted)
        messages.success(request, DONE[wanted])
        return redirect(reverse("page-session", args=[session.public_id]) + "#notes")

    def _do(self, wanted: str, note: Note, posted: QueryDict) -> None:
        reason, text = posted.get("reason", ""), typed(posted, "content")
        read = posted.get("version", "")
        version = int(read) if read.isdecimal() and len(read) < 10 else 0  # a page that does not say is out of date
        if wanted == "append":
            append_note(note=note, by=self.person, at=self.now, text=text, reason=reason)
        elif wanted == "withdraw":
            withdraw_note(note=note, by=self.person, at=self.now, reason=reason, version=version)
        else:
            tags = posted.get("tags", "")
            correct_note(
                note=note,
                by=self.person,
                at=self.now,
                content=text,
                speaker=posted.get("speaker"),
                type=posted.get("type"),
                tags=tags.split(",") if tags != _line(note.tags) else None,  # a tag may hold a comma
                reason=reason,
                version=version,
            )

    def _shown(self, session: LabSession, note: Note, **refused: Any) -> HttpResponseBase:
        refusal = refused.get("refusal")
        return self.page(
            "sessions/note.html",
            status=200 if refusal is None else status_of(refusal),
            session=session,
            note=note,
            tags=_line(note.tags),
            note_types=NoteType.choices,
            versions=list(note.versions.order_by("-version")),
            may_run=Right.RUN in rights_in(session, self.person) and note.withdrawn_at is None,
            conflict=isinstance(refusal, Stale),
            **refused,
        )


def typed(posted: QueryDict, name: str) -> str:
    """Return what was typed into a field of several lines; browsers send CR LF between them."""
    return posted.get(name, "").replace("\r\n", "\n")


def _line(tags: list[str]) -> str:
    return ", ".join(tags)
