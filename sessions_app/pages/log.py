"""The instruments' log as a page."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from biolab.accounts.pages import SignedInPage
from biolab.accounts.policies import teams_where
from biolab.accounts.roles import PlatformRole, Right
from biolab.kernel.errors import Refusal
from biolab.kernel.ids import find
from sessions_app.models import LogEntry
from sessions_app.services.logs import change_log
from sessions_app.states import Severity

PER_PAGE = 50


class LogPage(SignedInPage):
    """What controllers, people and the house told, newest first."""

    section = "log"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        chosen, text = request.GET.get("type", ""), request.GET.get("q", "").strip()[:255]
        chosen = chosen if chosen in Severity.values else ""
        unread = request.GET.get("unread") == "1"
        found = LogEntry.objects.standing().visible_to(self.person).select_related("team", "author")
        found = found.matching(type=chosen, is_read=False if unread else None, text=text)
        page = Paginator(found.order_by("-created_at", "-id"), PER_PAGE).get_page(request.GET.get("page"))
        mine = set(teams_where(self.person, Right.RUN).values_list("pk", flat=True))
        return self.page(
            "sessions/log.html",
            page=page,
            rows=[(entry, entry.read_at is None and self._may_mark(entry, mine)) for entry in page.object_list],
            types=Severity.choices,
            chosen=chosen,
            unread=unread,
            q=text,
            query=urlencode({"q": text, "type": chosen, **({"unread": "1"} if unread else {})}),
        )

    def _may_mark(self, entry: LogEntry, teams: Collection[UUID]) -> bool:
        if self.person.role == PlatformRole.VIEWER:
            return False
        return entry.team_id in teams if entry.team_id is not None else entry.author_id == self.person.pk


class LogMark(SignedInPage):
    """Marks a line as read."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, log_id: str) -> HttpResponseBase:
        entry = find(LogEntry.objects.standing().visible_to(self.person), log_id)
        try:
            change_log(entry=entry, by=self.person, at=self.now, is_read=True)
        except Refusal as refusal:
            messages.error(request, refusal.sentence)
        return redirect(f"{reverse('page-log')}?{request.GET.urlencode()}")
