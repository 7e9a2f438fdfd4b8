"""What the doors to one session's readings share: finding the session, the channels and the range they ask for."""

from __future__ import annotations

from datetime import datetime

from biolab.kernel.api import Door, bad_query
from biolab.kernel.errors import Missing
from biolab.kernel.ids import find
from biolab.kernel.times import parse_utc
from sessions_app.models import LabSession
from telemetry_app import selectors
from telemetry_app.models import Channel

COMMAS = 5
"""A channel's name may itself hold this many commas, less one, and still be found in a list with commas between."""


class SessionDoor(Door):
    """A door to the readings of one session."""

    scope_area = "telemetry"

    def session(self, sid: str) -> LabSession:
        return find(LabSession.objects.visible_to(self.person), sid)

    def asked_time(self, name: str) -> datetime | None:
        text = self.request.query_params.get(name)
        return parse_utc(text, pointer=f"?{name}") if text else None

    def asked_range(self, since: str = "from", until: str = "to") -> tuple[datetime | None, datetime | None]:
        """Return both ends of the range asked for, None for an open one.

        Raises:
            Invalid: an end is no time, or the range ends before it begins.
        """
        first, last = self.asked_time(since), self.asked_time(until)
        if first is not None and last is not None and last < first:
            raise bad_query(until, f"The range ends before it begins; give a time not before {since}.")
        return first, last

    def asked_channels(self, session: LabSession) -> list[Channel] | None:
        """Return the channels that ``?channels=`` names; None where it names none."""
        return chosen(session, self.request.query_params.get("channels"))


def chosen(session: LabSession, text: str | None) -> list[Channel] | None:
    """Return the channels that a list of names names, each once, in the order given.

    Raises:
        Missing: the team has no channel of such a name.
    """
    if not text:
        return None
    parts = text.split(",")
    names = {",".join(parts[a:b]) for a in range(len(parts)) for b in range(a + 1, min(a + COMMAS, len(parts)) + 1)}
    known = {channel.name: channel for channel in selectors.channels_named(session, sorted(names)).values()}
    found: list[Channel] = []
    place = 0
    while place < len(parts):
        ends = range(min(place + COMMAS, len(parts)), place, -1)
        end = next((end for end in ends if ",".join(parts[place:end]) in known), None)
        if end is None:
            raise Missing(f"This team has no channel “{parts[place][:255]}”.", code="channel_unknown")
        channel = known[",".join(parts[place:end])]
        if channel not in found:
            found.append(channel)
        place = end
    return found
