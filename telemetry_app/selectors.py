"""Reads that return a shape: what doors, notes and sockets show of a session's readings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

from biolab.kernel.ids import typeid
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.ports import Anomaly, ChannelEnvelope, ChannelSummary, ReadingValue
from sessions_app.states import SessionStatus
from telemetry_app import stores
from telemetry_app.alarms import alarms_of
from telemetry_app.codec import Values
from telemetry_app.decimate import Envelope
from telemetry_app.facts import TelemetrySealed
from telemetry_app.instants import SECOND_US, from_us, iso_column, iso_us, to_us
from telemetry_app.models import Channel
from telemetry_app.readings import ReadingKey, reading_id
from telemetry_app.search import query_words, score
from telemetry_app.stores.base import Reading, Stats
from telemetry_app.stores.reading import FIRST_US, LAST_US


class SessionReadings:
    """The bench's view of the store (``sessions_app.ports.Readings``)."""

    def latest(
        self,
        session: LabSession,
        *,
        names: Sequence[str] | None = None,
        at: datetime | None = None,
        pinned: bool = False,
    ) -> dict[str, ReadingValue]:
        channels = Channel.objects.in_use().filter(team_id=session.team_id)
        if names is not None:
            channels = channels.filter(name__in=names)
        if pinned:
            channels = channels.filter(pinned=True)
        narrowed = names is not None or pinned
        known = {channel.pk: channel for channel in channels} if narrowed else None
        if known is not None and not known:
            return {}
        until_us = None if at is None else to_us(at)
        found = stores.current().latest(session.pk, known, until_us=until_us)
        named = known if known is not None else Channel.objects.only("name", "unit").in_bulk(list(found))
        values = {
            named[channel_id].name: ReadingValue(
                channel=named[channel_id].name,
                value=reading.value,
                unit=named[channel_id].unit,
                at=from_us(reading.us),
            )
            for channel_id, reading in found.items()
        }
        return dict(sorted(values.items()))

    def channels(self, session: LabSession) -> list[ChannelSummary]:
        stats = stores.current().summary(session.pk)
        return [
            ChannelSummary(
                id=channel.public_id,
                name=channel.name,
                unit=channel.unit,
                pinned=channel.pinned,
                count=stats[channel.pk].count,
                first_at=from_us(stats[channel.pk].first_us),
                last_at=from_us(stats[channel.pk].last_us),
                minimum=stats[channel.pk].minimum,
                maximum=stats[channel.pk].maximum,
            )
            for channel in Channel.objects.in_use().filter(pk__in=stats).order_by("name")
        ]

    def anomalies(self, session: LabSession, *, most: int) -> list[Anomaly]:
        return [
            Anomaly(
                id=alarm.public_id,
                channel=alarm.channel.name,
                channel_id=alarm.channel.public_id,
                told=alarm.told,
                since=alarm.opened_at,
                until=alarm.closed_at,
                answered=alarm.is_acknowledged,
            )
            for alarm in alarms_of(session)[:most]
        ]

    def envelopes(self, session: LabSession, *, origin: datetime, places: int) -> list[ChannelEnvelope]:
        store = stores.current()
        stats = store.summary(session.pk)
        channels = list(Channel.objects.in_use().filter(pk__in=stats).order_by("name"))
        found = store.decimated(session.pk, [channel.pk for channel in channels], FIRST_US, LAST_US, max_points=places)
        elapsed_s = (found.time - to_us(origin)) / SECOND_US
        return [_envelope(channel, stats[channel.pk], found, elapsed_s) for channel in channels]


def _envelope(channel: Channel, stats: Stats, found: Envelope[UUID], elapsed_s: Values) -> ChannelEnvelope:
    band = found.bands.get(channel.pk)
    low, high = (band.minimum, band.maximum) if band is not None else (found.exact[channel.pk],) * 2
    there = ~np.isnan(low)
    return ChannelEnvelope(
        name=channel.name,
        unit=channel.unit,
        count=stats.count,
        minimum=stats.minimum,
        maximum=stats.maximum,
        mean=_mean(stats.total, stats.count),
        elapsed_s=elapsed_s[there].tolist(),
        low=low[there].tolist(),
        high=high[there].tolist(),
    )


def channels_named(session: LabSession, names: Sequence[str]) -> dict[UUID, Channel]:
    """Return the team's channels with these names, by key; unknown names are left out."""
    in_use = Channel.objects.in_use().filter(team_id=session.team_id, name__in=names)
    return {channel.pk: channel for channel in in_use}


def channels_held(session: LabSession) -> list[Channel]:
    """Return the channels in use that have readings in the session, by name."""
    return list(Channel.objects.in_use().filter(pk__in=list(stores.current().latest(session.pk))).order_by("name"))


def running_session(team_id: UUID) -> LabSession | None:
    """Return the session that readings of a team go to where none is named: of those that run, the last started."""
    running = LabSession.objects.filter(team_id=team_id, status=SessionStatus.RUNNING)
    return running.order_by("-started_at", "-id").first()


def shown_reading(reading: Reading, channel: Channel) -> dict[str, Any]:
    """Return a session's reading as the wire shows it."""
    session_id = None if reading.session_id is None else typeid(LabSession.id_prefix, reading.session_id)
    return {
        "id": reading_id(ReadingKey(reading.channel_id, reading.session_id, reading.us)),
        "session_id": session_id,
        "timestamp": iso_us(reading.us),
        "channel": channel.name,
        "value": reading.value,
        "unit": channel.unit,
    }


def newest_readings(
    session: LabSession,
    *,
    names: Sequence[str] | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    before: tuple[int, UUID] | None,
) -> tuple[list[dict[str, Any]], tuple[int, UUID] | None]:
    """Return readings as shown, newest first, and where to go on where there are more."""
    ids = None if names is None else list(channels_named(session, names))
    first_us, last_us = range_us(since, until)
    found = stores.current().newest(session.pk, ids, first_us, last_us, limit=limit + 1, before=before)
    page = found[:limit]
    named = Channel.objects.in_bulk(list({reading.channel_id for reading in page}))
    shown = [shown_reading(reading, named[reading.channel_id]) for reading in page]
    more = len(found) > limit
    return shown, (page[-1].us, page[-1].channel_id) if more else None


def latest_readings(session: LabSession, *, names: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """Return the newest reading of each channel as shown, by name."""
    ids = None if names is None else list(channels_named(session, names))
    found = stores.current().latest(session.pk, ids)
    named = Channel.objects.in_bulk(list(found))
    shown = [shown_reading(reading, named[channel_id]) for channel_id, reading in found.items()]
    return {reading["channel"]: reading for reading in sorted(shown, key=lambda reading: str(reading["channel"]))}


def series(
    session: LabSession,
    *,
    channels: Sequence[Channel] | None,
    since: datetime | None,
    until: datetime | None,
    max_points: int,
) -> dict[str, Any]:
    """Return what a chart shows: columns over one time axis, with every spike.

    Args:
        channels: None for all that have readings.
    """
    store = stores.current()
    if channels is None:
        channels = channels_held(session)
    first_us, last_us = range_us(since, until)
    ids = [channel.pk for channel in channels]
    found = store.decimated(session.pk, ids, first_us, last_us, max_points=max_points)
    columns: dict[str, dict[str, list[float]]] = {}
    for channel in channels:
        if found.decimated:
            band = found.bands[channel.pk]
            columns[channel.name] = {
                "min": band.minimum.tolist(),
                "max": band.maximum.tolist(),
                "avg": band.average.tolist(),
            }
        else:
            columns[channel.name] = {"value": found.exact[channel.pk].tolist()}
    return {
        "time": iso_column(found.time),
        "series": columns,
        "decimated": found.decimated,
        "raw_count": found.raw_count,
    }


def channel_items(session: LabSession) -> list[dict[str, Any]]:
    """Return what the session holds of each channel, by name."""
    stats = stores.current().summary(session.pk)
    return [
        {
            "name": channel.name,
            "unit": channel.unit,
            "count": stats[channel.pk].count,
            "first": iso_us(stats[channel.pk].first_us),
            "last": iso_us(stats[channel.pk].last_us),
            "min": stats[channel.pk].minimum,
            "max": stats[channel.pk].maximum,
            "mean": _mean(stats[channel.pk].total, stats[channel.pk].count),
            "last_value": stats[channel.pk].last,
            "id": channel.public_id,
            "type": channel.type,
            "min_value": channel.min_value,
            "max_value": channel.max_value,
            "pinned": channel.pinned,
        }
        for channel in Channel.objects.in_use().filter(pk__in=stats).order_by("name")
    ]


def reading_at(session: LabSession, channel: Channel, at: datetime | None) -> Reading | None:
    """Return the channel's last reading up to a time, or its newest."""
    until_us = None if at is None else to_us(at)
    return stores.current().latest(session.pk, [channel.pk], until_us=until_us).get(channel.pk)


def range_figures(
    session: LabSession, channel: Channel, *, since: datetime | None, until: datetime | None
) -> dict[str, Any] | None:
    """Return what a channel did in a range, as the wire shows it; None where it has no reading there."""
    stats = stores.current().summary(session.pk, [channel.pk], *range_us(since, until)).get(channel.pk)
    if stats is None:
        return None
    return {
        "channel": channel.name,
        "session_id": session.public_id,
        "start": iso_us(stats.first_us),
        "end": iso_us(stats.last_us),
        "min": stats.minimum,
        "max": stats.maximum,
        "mean": _mean(stats.total, stats.count),
        "last": stats.last,
    }


def channels_like(session: LabSession, text: str, *, most: int) -> list[dict[str, Any]]:
    """Return the session's channels that answer a query's words, best first."""
    wanted = query_words(text)
    scored = [(score(wanted, channel.name, channel.unit), channel) for channel in channels_held(session)]
    best = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: (-pair[0], pair[1].name))
    return [
        {"id": channel.public_id, "channel": channel.name, "unit": channel.unit, "score": round(mark, 3)}
        for mark, channel in best[:most]
    ]


def seal_of(session: LabSession) -> dict[str, Any] | None:
    """Return what the timeline says of the sealed readings, with its sequence; None before the session's end."""
    sealed = TimelineEvent.objects.filter(session=session, kind=TelemetrySealed.kind).order_by("-sequence").first()
    return None if sealed is None else {"sequence": sealed.sequence, **sealed.payload}


def _mean(total: float | None, count: int) -> float | None:
    return None if total is None else total / count


def range_us(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """Return both ends of a range in microseconds since 1970; an open end reaches beyond every reading."""
    first = FIRST_US if since is None else to_us(since)
    return first, LAST_US if until is None else to_us(until)
