"""The notes of a session, filtered: by kind, tag, speaker, words and time."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from biolab.accounts.pages import SignedInPage
from biolab.accounts.policies import may
from biolab.accounts.roles import Right
from biolab.kernel.errors import Invalid
from biolab.kernel.ids import find
from biolab.kernel.times import parse_utc
from sessions_app.models import LabSession, Note, NoteVersion
from sessions_app.selectors import notes_matching
from sessions_app.states import NoteType

PER_PAGE: Final = 50
TEXTS: Final = ("q", "type", "tag", "speaker")
TIMES: Final = {"from": ":00.000000", "to": ":59.999999"}
"""The two ends, and what makes a minute of each the first or the last moment in it."""


class NotesPage(SignedInPage):
    """The notes that stand, newest first, as far as the filters let them through."""

    section = "sessions"

    def get(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        session = find(LabSession.objects.visible_to(self.person), sid)
        typed = {name: request.GET.get(name, "").replace("\x00", "").strip()[:255] for name in (*TEXTS, *TIMES)}
        asked: dict[str, object] = {name: typed[name] for name in TEXTS if typed[name]}
        errors: dict[str, str] = {}
        if typed["type"] not in NoteType.values:
            asked.pop("type", None)
        for name, rest in TIMES.items():
            try:
                if typed[name]:
                    text = typed[name] if len(typed[name]) > len("2026-01-31T12:00") else typed[name] + rest
                    asked[name] = parse_utc(text, naive="utc")
            except Invalid as refusal:
                errors[name] = refusal.sentence
        last = NoteVersion.objects.filter(note=OuterRef("pk")).order_by("-version")
        standing: QuerySet[Note] = session.notes.standing()
        found = notes_matching(standing, asked).annotate(why=Subquery(last.values("reason")[:1]))
        found = found.select_related("speech").defer("speech__words").order_by("-timestamp", "-id")
        page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
        return self.page(
            "sessions/notes.html",
            status=422 if errors else 200,
            session=session,
            page=page,
            notes=page.object_list,
            types=NoteType.choices,
            typed=typed,
            since=typed["from"],
            errors=errors,
            filtered=any(typed.values()),
            speakers=standing.exclude(speaker="")
            .order_by("speaker")
            .values_list("speaker", flat=True)
            .distinct()[:100],
            may_run=may(self.person, Right.RUN, session.team_id),
            query=urlencode({name: text for name, text in typed.items() if text}),
        )
