"""One channel in one session: chart, figures, alarms, and its readings to take along."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from biolab.accounts.pages import status_of
from biolab.accounts.roles import Right
from biolab.kernel.errors import Missing, Refusal
from biolab.kernel.ids import find
from sessions_app.models import LabSession
from sessions_app.policies import rights_in
from telemetry_app import stores, units
from telemetry_app.alarms import alarms_of
from telemetry_app.instants import from_us
from telemetry_app.models import Channel
from telemetry_app.pages.base import InstrumentPage
from telemetry_app.services.alarms import acknowledge_alarm
from telemetry_app.stores.reading import FIRST_US, LAST_US
from telemetry_app.units import Conversion

NEWEST_SHOWN: Final = 20
ALARMS_SHOWN: Final = 20
AS_IT_IS: Final = Conversion(1.0, 0.0)

FILES: Final = (("CSV", "csv"), ("Parquet", "parquet"), ("Arrow", "arrow"))


class SessionChannelPage(InstrumentPage):
    """The channel as it was, or is being, recorded in the session."""

    section = "sessions"

    def get(self, request: HttpRequest, sid: str, channel_id: str) -> HttpResponseBase:
        session = self.session(sid)
        return self._whole(session, self.channel(channel_id, session))

    def _whole(self, session: LabSession, channel: Channel, *, status: int = 200, **more: Any) -> HttpResponseBase:
        shown_in, conversion = _display(channel, self.request.GET.get("in", ""))
        readings = reverse("telemetry", args=[session.public_id])
        return self.page(
            "telemetry/session_channel.html",
            status=status,
            unit=units.understood(channel.unit),
            alternatives=units.alternatives(channel.unit),
            scale=conversion.scale,
            offset=conversion.offset,
            formats=[(kind, label) for label, kind in FILES],
            files=_files(f"{readings}/export", channel),
            **{
                **self._figures(session, channel, shown_in, conversion),
                **self._alarms(session, channel),
                **more,
            },
        )

    def _figures(self, session: LabSession, channel: Channel, shown_in: str, conversion: Conversion) -> dict[str, Any]:
        store = stores.current()
        stats = store.summary(session.pk, [channel.pk]).get(channel.pk)
        newest = store.newest(session.pk, [channel.pk], FIRST_US, LAST_US, limit=NEWEST_SHOWN)
        limits = [None if limit is None else conversion(limit) for limit in (channel.min_value, channel.max_value)]
        figures: dict[str, Any] = {}
        if stats is not None:
            span_s = (stats.last_us - stats.first_us) / 1e6
            figures = {
                "count": stats.count,
                "minimum": conversion(stats.minimum),
                "maximum": conversion(stats.maximum),
                "mean": None if stats.total is None else conversion(stats.total / stats.count),
                "first": conversion(stats.first),
                "last": conversion(stats.last),
                "first_at": from_us(stats.first_us),
                "last_at": from_us(stats.last_us),
                "every_s": span_s / (stats.count - 1) if stats.count > 1 else None,
            }
        return {
            "session": session,
            "channel": channel,
            "shown_in": shown_in,
            "figures": figures,
            "low": limits[0],
            "high": limits[1],
            "newest": [(from_us(reading.us), conversion(reading.value)) for reading in newest],
        }

    def _alarms(self, session: LabSession, channel: Channel) -> dict[str, Any]:
        return {
            "session": session,
            "channel": channel,
            "alarms": list(alarms_of(session).filter(channel=channel)[:ALARMS_SHOWN]),
            "may_run": Right.RUN in rights_in(self.person, session.team_id),
        }


class SessionChannelPart(SessionChannelPage):
    """The figures or the alarms of the page, drawn again."""

    def get(self, request: HttpRequest, sid: str, channel_id: str, part: str = "") -> HttpResponseBase:
        session = self.session(sid)
        channel = self.channel(channel_id, session)
        if part == "figures":
            display = _display(channel, request.GET.get("in", ""))
            return self.page("telemetry/figures.html", **self._figures(session, channel, *display))
        if part == "alarms":
            return self.page("telemetry/channel_alarms.html", **self._alarms(session, channel))
        raise Missing("The page has no such part.")


class AcknowledgeOnChannel(SessionChannelPage):
    """Say what one makes of an alarm, on the page of its channel."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, sid: str, channel_id: str, alarm_id: str) -> HttpResponseBase:
        session = self.session(sid)
        channel = self.channel(channel_id, session)
        alarm = find(alarms_of(session).filter(channel=channel), alarm_id)
        scripted = "HX-Request" in request.headers
        try:
            acknowledge_alarm(alarm=alarm, comment=request.POST.get("comment", ""), by=self.person, at=self.now)
        except Refusal as refusal:
            if scripted:
                return render(request, "parts/refusal.html", {"refusal": refusal}, status=status_of(refusal))
            return self._whole(
                session, channel, status=status_of(refusal), refusal=refusal, refused_alarm=alarm.public_id
            )
        if scripted:
            return self.page("telemetry/channel_alarms.html", **self._alarms(session, channel))
        return redirect("page-session-channel", session.public_id, channel.public_id)


def _display(channel: Channel, wanted: str) -> tuple[str, Conversion]:
    """Return the unit that numbers are shown in and how they get there; an unknown wish leaves the channel's own."""
    if wanted in units.alternatives(channel.unit):
        conversion = units.conversion(channel.unit, wanted)
        if conversion is not None:
            return wanted, conversion
    return channel.unit, AS_IT_IS


def _files(url: str, channel: Channel) -> list[tuple[str, str]]:
    """Return (label, address) of each file the channel's readings can be taken along in."""
    return [(label, f"{url}?{urlencode({'format': kind, 'channels': channel.name})}") for label, kind in FILES]
