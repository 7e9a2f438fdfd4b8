"""The inbox as a page, and the bell in every page's header."""

from __future__ import annotations

from datetime import time
from typing import Any
from zoneinfo import available_timezones

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from biolab.accounts.models import Notification
from biolab.accounts.pages import SignedInPage, status_of
from biolab.accounts.services import notifications
from biolab.accounts.states import Category, DigestFrequency, Way
from biolab.kernel.errors import Refusal
from biolab.kernel.ids import find

PER_PAGE = 25


class InboxPage(SignedInPage):
    """What a person was told, newest first, and how they want to be told."""

    section = "notifications"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return self.shown()

    def shown(self, refusal: Refusal | None = None) -> HttpResponse:
        inbox = Notification.objects.inbox_of(self.person).order_by("-created_at", "-id")
        chosen = notifications.preferences_of(self.person)
        return self.page(
            "people/notifications.html",
            status=200 if refusal is None else status_of(refusal),
            page=Paginator(inbox, PER_PAGE).get_page(self.request.GET.get("page")),
            unread=inbox.unread().count(),
            ways=list(Way),
            rows=[(category, [(way, chosen[category, way]) for way in Way]) for category in Category],
            wish=notifications.settings_of(self.person),
            frequencies=DigestFrequency.choices,
            zones=sorted(available_timezones()),
            refusal=refusal,
        )


class NotificationWishes(InboxPage):
    """Stores how a person wants to be told."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponseBase:
        try:
            notifications.change_settings(person=self.person, **_timetable(request.POST))
        except Refusal as refusal:
            return self.shown(refusal)
        for (category, way), enabled in notifications.preferences_of(self.person).items():
            wanted = f"{category}-{way}" in request.POST
            if wanted is not enabled:
                notifications.prefer(person=self.person, category=category, way=way, enabled=wanted)
        return redirect("page-notifications")


class Bell(SignedInPage):
    """How much in the inbox is unread, for the header."""

    def handle_no_permission(self) -> Any:
        """Leave the header as it is where the sign-in has ended meanwhile."""
        return HttpResponse(status=401, headers={"HX-Reswap": "none"})

    def get(self, request: HttpRequest) -> HttpResponseBase:
        unread = Notification.objects.inbox_of(self.person).unread().count()
        return render(request, "people/bell.html", {"unread": unread})


class ReadAllNotifications(SignedInPage):
    """Marks everything as read."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponseBase:
        notifications.mark_all_read(person=self.person, at=self.now)
        return redirect("page-notifications")


class ReadNotification(SignedInPage):
    """Marks one as read; ``go`` leads on to where it points."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, notification_id: str) -> HttpResponseBase:
        found = find(Notification.objects.inbox_of(self.person), notification_id)
        notifications.mark_read(notification=found, at=self.now)
        return redirect(found.action_url if "go" in request.POST and found.action_url else "page-notifications")


def _timetable(posted: QueryDict) -> dict[str, Any]:
    """Return what the form says about mail; a frequency nobody offers is left as it was."""
    frequency = posted.get("digest_frequency", "")
    return {
        **({"digest_frequency": frequency} if frequency in DigestFrequency.values else {}),
        "time_zone": posted.get("time_zone", "")[:64],
        "quiet_hours_start": _clock(posted.get("quiet_hours_start", "")),
        "quiet_hours_end": _clock(posted.get("quiet_hours_end", "")),
    }


def _clock(text: str) -> time | None:
    try:
        return time.fromisoformat(text)
    except ValueError:
        return None
