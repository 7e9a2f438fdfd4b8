"""Readings of all sessions and of none, as the doors of controllers show them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db.models import Q, QuerySet
from tsdownsample import MinMaxDownsampler

from biolab.accounts.models import User
from biolab.kernel.errors import Invalid
from biolab.kernel.ids import typeid
from sessions_app.models import LabSession
from sessions_app.states import LIVE_STATUSES
from telemetry_app import stores
from telemetry_app.codec import Times, Values
from telemetry_app.ingest.columns import Index
from telemetry_app.instants import iso_us, to_us
from telemetry_app.models import Channel, Latest
from telemetry_app.readings import ReadingKey, parse_reading_id, reading_id
from telemetry_app.stores.base import Reading, SessionKey, Span
from telemetry_app.stores.reading import FIRST_US, LAST_US

DEEPEST: Final = 100_000
"""Readings that pages may pass over; who wants older ones asks for those up to a time."""

ONE_DAY: Final = timedelta(days=1)
SLICE_ROWS: Final = 1_000_000


@dataclass(frozen=True)
class Sight:
    """The readings that a person may see: of these channels and, where sessions are named, of these sessions alone."""

    channels: dict[UUID, Channel]
    sessions: frozenset[UUID] | None

    def narrowed(self, channel_ids: Collection[UUID]) -> Sight:
        """Return the part that is of these channels."""
        return Sight({key: channel for key, channel in self.channels.items() if key in channel_ids}, self.sessions)

    def covers(self, session_id: SessionKey) -> bool:
        return self.sessions is None or session_id in self.sessions


def sight_of(person: User, *, channel: Channel | None = None, session: LabSession | None = None) -> Sight:
    """Return what the person sees, or the part of it that is of one channel, or of one session that they may see."""
    channels = Channel.objects.in_use()
    channels = channels.visible_to(person) if session is None else channels.filter(team_id=session.team_id)
    if channel is not None:
        channels = channels.filter(pk=channel.pk)
    known = channels.only("id", "name").order_by()
    return Sight({found.pk: found for found in known}, sessions_in_sight(person, session))


def sessions_in_sight(person: User, session: LabSession | None = None) -> frozenset[UUID] | None:
    """Return the only sessions whose readings a person is shown: the one asked for, or those of a narrowed token."""
    if session is not None:
        return frozenset({session.pk})
    if person.credential is not None and person.credential.session_ids:
        return frozenset(LabSession.objects.visible_to(person).values_list("pk", flat=True))
    return None


def shown_point(reading: Reading) -> dict[str, Any]:
    """Return a reading as controllers see it."""
    session_id = reading.session_id
    return {
        "public_id": reading_id(ReadingKey(reading.channel_id, session_id, reading.us)),
        "value": reading.value,
        "timestamp": iso_us(reading.us),
        "event_public_id": typeid(Channel.id_prefix, reading.channel_id),
        "experiment_public_id": None if session_id is None else typeid(LabSession.id_prefix, session_id),
    }


def newest_points(
    sight: Sight, *, since: datetime | None, until: datetime | None, skip: int, count: int
) -> tuple[list[Reading], int]:
    """Return a page of readings, newest first, and how many there are; sessions are opened only as far as needed.

    Raises:
        Invalid: the page lies deeper than ``DEEPEST``.
    """
    if skip + count > DEEPEST:
        detail = f"Pages reach {DEEPEST} readings back; give “to” for what is older."
        raise Invalid(detail, code="page_too_deep", errors=[{"pointer": "?page", "detail": detail}])
    first_us = FIRST_US if since is None else to_us(since)
    last_us = LAST_US if until is None else to_us(until)
    spans = _spans(sight, first_us, last_us)
    store, found = stores.current(), list[Reading]()
    for span in spans:
        if len(found) == skip + count and found[-1].us > span.last_us:
            break
        found += store.newest(span.session_id, sight.channels, first_us, last_us, limit=skip + count)
        found = sorted(found, key=_newest_first)[: skip + count]
    return found[skip:], _count(sight, spans, first_us, last_us)


def _newest_first(reading: Reading) -> tuple[int, UUID, str]:
    return -reading.us, reading.channel_id, str(reading.session_id)


def _spans(sight: Sight, first_us: int, last_us: int) -> list[Span]:
    if not sight.channels:
        return []
    spans = stores.current().spans(sight.channels, first_us, last_us)
    return [span for span in spans if sight.covers(span.session_id)]


def _count(sight: Sight, spans: Sequence[Span], first_us: int, last_us: int) -> int:
    """Count the readings; only sessions that are still written to, or cut by the range, are looked into."""
    store = stores.current()
    total = 0
    for span in spans:
        if span.settled:
            total += span.count
        else:
            held = store.summary(span.session_id, sight.channels, first_us, last_us)
            total += sum(stats.count for stats in held.values())
    return total


def latest_points(sight: Sight, *, at: datetime) -> list[Reading]:
    """Return each channel's newest reading of all; channels without any are left out.

    No reading lies more than a day behind the end of its session. So the sessions that live or ended lately answer for
    every channel that was heard lately, and only the others are looked for everywhere.
    """
    near = Q(session__isnull=True) | Q(session__status__in=LIVE_STATUSES) | Q(session__ended_at__gte=at - 2 * ONE_DAY)
    found = _latest(sight, near, sight.channels)
    lately_us = to_us(at - ONE_DAY)
    quiet = [key for key in sight.channels if key not in found or found[key].us < lately_us]
    if quiet:
        found |= _latest(sight, Q(), quiet)
    return sorted(found.values(), key=lambda reading: sight.channels[reading.channel_id].name)


def live_points(
    channels: QuerySet[Channel], sessions: Collection[UUID] | None, also: Collection[UUID]
) -> tuple[list[Reading], set[UUID]]:
    """Return the newest reading of each channel in each live session and outside any, and those sessions.

    Args:
        sessions: the only ones, without what is outside any; None for all.
        also: sessions that lived when they were last asked about, and may have ended since.
    """
    where = Q(session__status__in=LIVE_STATUSES) | Q(session__in=also)
    where = where | Q(session__isnull=True) if sessions is None else where & Q(session__in=sessions)
    rows = Latest.objects.filter(where, channel__in=channels.order_by().values("pk"))
    found = list(rows.values_list("channel_id", "session_id", "at", "value", "session__status"))
    live = {session_id for _, session_id, _, _, status in found if status in LIVE_STATUSES and session_id}
    return [Reading(*row[:4]) for row in found], live


def _latest(sight: Sight, where: Q, channel_ids: Collection[UUID]) -> dict[UUID, Reading]:
    rows = Latest.objects.filter(where, channel__in=channel_ids)
    if sight.sessions is not None:
        rows = rows.filter(session__in=sight.sessions)
    in_order = rows.order_by("at", "position").values_list("channel_id", "session_id", "at", "value")
    return {row[0]: Reading(*row) for row in in_order}


def point_named(person: User, text: str) -> Reading | None:
    """Return the reading of an id, if it is stored and the person may see it."""
    key = parse_reading_id(text)
    if key is None:
        return None
    channel = Channel.objects.in_use().visible_to(person).filter(pk=key.channel_id).first()
    if channel is None or not sight_of(person, channel=channel).covers(key.session_id):
        return None
    run = stores.current().window(key.session_id, [key.channel_id], key.us, key.us).get(key.channel_id)
    return None if run is None else Reading(key.channel_id, key.session_id, key.us, float(run.values[0]))


def point_series(sight: Sight, *, since: datetime, until: datetime, max_points: int) -> dict[UUID, list[Reading]]:
    """Return each channel's readings of a range by time, at most ``max_points`` each.

    Of more, the least and the greatest of equal runs are kept, so that every spike survives, and the last.
    """
    first_us, last_us = to_us(since), to_us(until)
    parts: dict[UUID, list[tuple[Times, Values, SessionKey]]] = {key: [] for key in sight.channels}
    for span in _spans(sight, first_us, last_us):
        for start, end in _slices(span, first_us, last_us):
            for key, run in stores.current().window(span.session_id, sight.channels, start, end).items():
                kept = _spikes(run.values, max_points)
                parts[key].append((run.times[kept], run.values[kept], span.session_id))
    return {key: _joined(key, some, max_points) for key, some in parts.items()}


def _slices(span: Span, first_us: int, last_us: int) -> Iterator[tuple[int, int]]:
    """Yield what of a span lies in the range, in pieces of about ``SLICE_ROWS`` readings."""
    start, end = max(first_us, span.first_us), min(last_us, span.last_us)
    width = max(1, -(-(end - start + 1) // max(1, -(-span.count // SLICE_ROWS))))
    for begin in range(start, end + 1, width):
        yield begin, min(begin + width - 1, end)


def _spikes(values: Values, most: int) -> Index:
    """Return the places, rising, of at most ``most`` values that keep the shape."""
    if values.size <= most:
        return np.arange(values.size)
    pairs = (most - 1) // 2 * 2
    reader = MinMaxDownsampler()  # type: ignore[no-untyped-call]
    places = reader.downsample(np.ascontiguousarray(values), n_out=pairs).astype(np.int64)
    return np.union1d(places, [values.size - 1])


def _joined(channel_id: UUID, parts: list[tuple[Times, Values, SessionKey]], most: int) -> list[Reading]:
    if not parts:
        return []
    times, values = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    of_part = np.repeat(np.arange(len(parts)), [part[0].size for part in parts])
    order = np.argsort(times, kind="stable")
    order = order[_spikes(values[order], most)]
    return [
        Reading(channel_id, parts[part][2], us, value)
        for part, us, value in zip(of_part[order].tolist(), times[order].tolist(), values[order].tolist(), strict=True)
    ]
