"""The team's channels: the list, a new one, and one with its limits."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Max, Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from biolab.accounts.pages import status_of
from biolab.accounts.policies import may
from biolab.accounts.roles import Right
from biolab.kernel.errors import Invalid, Refusal
from biolab.kernel.ids import find
from sessions_app.models import LabSession
from telemetry_app import units
from telemetry_app.instants import from_us
from telemetry_app.models import Alarm, Channel, Latest
from telemetry_app.pages.base import InstrumentPage, near_fields, number
from telemetry_app.services.channels import add_channel, adjust_channel
from telemetry_app.states import ChannelType, Standing
from telemetry_app.unit_catalogue import CATALOGUE

PER_PAGE: Final = 50
SESSIONS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Newest:
    """A channel's newest reading: where it was taken and how it stands."""

    at: datetime
    value: float
    standing: Standing
    session: LabSession | None


def newest_of(channels: Collection[UUID]) -> dict[UUID, Newest]:
    """Return the newest reading of each channel, over all sessions."""
    rows = Latest.objects.filter(channel__in=channels)
    ends = dict(rows.values_list("channel").annotate(Max("at")))
    found = rows.filter(at__in=set(ends.values())).select_related("session")
    return {
        row.channel_id: Newest(from_us(row.at), row.value, Standing(row.standing), row.session)
        for row in found
        if row.at == ends[row.channel_id]
    }


class ChannelsPage(InstrumentPage):
    """The channels a person sees, by name."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        text = request.GET.get("q", "").strip()[:255]
        channels = Channel.objects.in_use().visible_to(self.person).select_related("team")
        if text:
            channels = channels.filter(Q(name__icontains=text) | Q(unit__iexact=text))
        page = Paginator(channels.order_by("name", "id"), PER_PAGE).get_page(request.GET.get("page"))
        newest = newest_of([channel.pk for channel in page.object_list])
        return self.page(
            "telemetry/channels.html",
            page=page,
            rows=[(channel, newest.get(channel.pk)) for channel in page.object_list],
            q=text,
            query=urlencode({"q": text}),
            may_add=self.teams_to(Right.RUN).exists(),
        )


class _ChannelForm(InstrumentPage):
    """A form with a channel's unit, limits and type."""

    def filled(self, channel: Channel) -> Channel:
        """Return the channel with what was posted.

        Raises:
            Invalid: a limit is no number, the type is unknown, or the unit is none.
        """
        posted = self.request.POST
        channel.unit = channel.unit or units.spelled(posted.get("unit", ""))
        channel.min_value = number(posted.get("min_value", ""), "min_value")
        channel.max_value = number(posted.get("max_value", ""), "max_value")
        channel.type = posted.get("type", ChannelType.SENSOR)
        if channel.type not in ChannelType.values:
            detail = "Choose one of the types."
            raise Invalid(detail, errors=[{"pointer": "/type", "detail": detail}])
        channel.pinned = "pinned" in posted
        return channel

    def form(self, template: str, values: Any, refusal: Refusal | None, **more: Any) -> HttpResponseBase:
        """Return the page with the form in it, refused values and all."""
        return self.page(
            template,
            status=200 if refusal is None else status_of(refusal),
            values=values,
            wrong=near_fields(refusal),
            refusal=refusal,
            types=ChannelType.choices,
            catalogue=CATALOGUE,
            **more,
        )


class NewChannelPage(_ChannelForm):
    """A channel set up by hand, before its first reading."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return self._form({})

    def post(self, request: HttpRequest) -> HttpResponseBase:
        posted = request.POST.dict()
        try:
            name = str(posted.get("name", "")).strip()
            if not 1 <= len(name) <= 255:
                detail = "A name has 1 to 255 characters."
                raise Invalid(detail, errors=[{"pointer": "/name", "detail": detail}])
            channel = self.filled(Channel(team=find(self.teams_to(Right.RUN), str(posted.get("team", ""))), name=name))
            add_channel(channel=channel, by=self.person, at=self.now)
        except Refusal as refusal:
            return self._form(posted, refusal)
        messages.success(request, f"{channel.name} is set up.")
        return redirect("page-channel", channel.public_id)

    def _form(self, posted: dict[str, Any], refusal: Refusal | None = None) -> HttpResponseBase:
        return self.form("telemetry/channel_new.html", posted, refusal, teams=self.teams_to(Right.RUN))


class ChannelPage(_ChannelForm):
    """One channel: what it is, its limits, and where it was recorded."""

    def get(self, request: HttpRequest, channel_id: str) -> HttpResponseBase:
        return self._form(self.channel(channel_id))

    def post(self, request: HttpRequest, channel_id: str) -> HttpResponseBase:
        channel = self.channel(channel_id)
        try:
            adjust_channel(channel=self.filled(channel), by=self.person, at=self.now)
        except Refusal as refusal:
            return self._form(self.channel(channel_id), request.POST.dict(), refusal)
        messages.success(request, "The channel is changed; the change is in the security log.")
        return redirect("page-channel", channel.public_id)

    def _form(
        self, channel: Channel, posted: dict[str, Any] | None = None, refusal: Refusal | None = None
    ) -> HttpResponseBase:
        rows = Latest.objects.filter(channel=channel, session__isnull=False).select_related("session").order_by("-at")
        return self.form(
            "telemetry/channel.html",
            posted if posted is not None else channel,
            refusal,
            channel=channel,
            unit=units.understood(channel.unit),
            sessions=[(row.session, from_us(row.at), row.value) for row in rows[:SESSIONS_SHOWN]],
            open_alarms=Alarm.objects.open().filter(channel=channel).count(),
            may_change=self.person.is_admin or may(self.person, Right.EDIT_PROTOCOLS, channel.team_id),
        )
