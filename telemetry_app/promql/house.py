"""The readings a person may see, as series: ``biolab_reading`` with the labels team, session, channel and unit.

A series also answers to its channel's own name, where letters, digits and ``_`` stand for everything else: a channel
``pO2 %`` is ``biolab_reading{channel="pO2 %"}`` and ``pO2__{channel="pO2 %"}``. Readings outside any session have no
session labels.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q

from biolab.accounts.models import Team, User
from biolab.kernel.ids import parse_id
from sessions_app.models import LabSession
from sessions_app.states import SessionStatus
from telemetry_app import stores
from telemetry_app.instants import from_us, in_calendar
from telemetry_app.models import Channel
from telemetry_app.promql.budget import Budget
from telemetry_app.promql.errors import ExecutionError
from telemetry_app.promql.matching import Selector
from telemetry_app.promql.shapes import NAME, Labels, RawSeries, key_of
from telemetry_app.stores.base import Reading, SessionKey

METRIC: Final = "biolab_reading"
HELP: Final = "Readings of the lab's channels; a channel is also found under its own name."
LABELS: Final = ("team", "session", "session_name", "channel", "unit")
MOST_SESSIONS: Final = 200
AT_ONCE: Final = 2_000_000
AHEAD: Final = timedelta(hours=24)
"""How far ahead of the server a reading's time may be."""

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_:]")


@dataclass(frozen=True, slots=True)
class Series:
    """One channel of one session, or of none."""

    session_id: SessionKey
    channel_id: UUID
    labels: Labels


@dataclass(frozen=True, slots=True)
class Found:
    """The series in sight; ``whole`` is False where there are more sessions than are looked through."""

    series: Sequence[Series]
    whole: bool


def metric_name(channel: str) -> str:
    """Return a channel's name as a metric's."""
    name = _NOT_IN_NAMES.sub("_", channel)
    return f"_{name}" if name[:1].isdigit() else name


class HouseSeries:
    """What one person sees (``evaluation.Source``)."""

    def __init__(self, person: User) -> None:
        self.person = person

    def raw(self, selector: Selector, first_us: int, last_us: int, budget: Budget) -> Iterator[RawSeries]:
        found = self.series(selector, first_us, last_us)
        if not found.whole:
            raise ExecutionError(
                f'More than {MOST_SESSIONS} sessions are in question; name some, as in session="sess_…".'
            )
        store = stores.current()
        by_session: dict[SessionKey, dict[UUID, Labels]] = {}
        for series in found.series:
            by_session.setdefault(series.session_id, {})[series.channel_id] = series.labels
        for session_id, labels in by_session.items():
            counts = {
                channel: stats.count
                for channel, stats in store.summary(session_id, list(labels), first_us, last_us).items()
            }
            budget.read(sum(counts.values()))
            for some in _portions(counts):
                for channel, run in store.window(session_id, some, first_us, last_us).items():
                    yield RawSeries(labels[channel], run.times, run.values)

    def series(self, selector: Selector, first_us: int, last_us: int) -> Found:
        """Return the picked series that may have readings in a range."""
        sessions, whole = self._sessions(selector, first_us)
        held: dict[UUID, Collection[UUID]] = {one.pk: stores.current().latest(one.pk).keys() for one in sessions}
        apart = self._outside_sessions(selector)
        channels = Channel.objects.in_use().in_bulk({channel for some in held.values() for channel in some})
        teams = _team_labels([*(one.team for one in sessions), *(channel.team for channel in apart)])
        found = [
            Series(one.pk, pk, self._labels(channels[pk], teams[one.team_id], one))
            for one in sessions
            for pk in held[one.pk]
            if pk in channels
        ]
        found += [Series(None, channel.pk, self._labels(channel, teams[channel.team_id])) for channel in apart]
        picked = [
            Series(one.session_id, one.channel_id, labels)
            for one in found
            if (labels := _named(one.labels, selector)) is not None
        ]
        return Found(sorted(picked, key=lambda one: key_of(one.labels)), whole)

    def _sessions(self, selector: Selector, first_us: int) -> tuple[list[LabSession], bool]:
        """Return the sessions that may hold readings from a time on, the last started first."""
        seen = LabSession.objects.visible_to(self.person).filter(started_at__isnull=False)
        if in_calendar(first_us):
            # no reading is later than a day after the end of its session; how early it may be, nobody knows
            seen = seen.filter(Q(ended_at__isnull=True) | Q(ended_at__gte=from_us(max(first_us, 0)) - AHEAD))
        named = selector.fixed("session")
        if named is not None:
            seen = seen.filter(
                pk__in=[pk for text in named if (pk := parse_id(text, LabSession.id_prefix)) is not None]
            )
        fitting: list[LabSession] = []
        rows = seen.select_related("team").only("name", "team__name").order_by("-started_at", "-id")
        for one in rows.iterator(chunk_size=500):
            labels = {"session": one.public_id, "session_name": one.name}
            if selector.may_pick(labels, labels):
                fitting.append(one)
            if len(fitting) > MOST_SESSIONS:
                return fitting[:MOST_SESSIONS], False
        return fitting, True

    def _outside_sessions(self, selector: Selector) -> list[Channel]:
        """Return the channels with readings outside any session; a token of certain sessions sees none of them."""
        credential = self.person.credential
        narrowed = credential is not None and bool(credential.session_ids)
        if narrowed or not selector.may_pick({}, ("session", "session_name")):
            return []
        held = stores.current().latest(None)
        seen = Channel.objects.in_use().visible_to(self.person).filter(pk__in=list(held))
        return list(seen.select_related("team")) if held else []

    def newest(self) -> Iterator[tuple[Labels, Reading]]:
        """Yield the newest reading of every channel of the sessions that run now."""
        running = LabSession.objects.visible_to(self.person).filter(status=SessionStatus.RUNNING)
        sessions = list(running.select_related("team").only("name", "team__name").order_by("started_at", "id"))
        held = {one.pk: stores.current().latest(one.pk) for one in sessions}
        channels = Channel.objects.in_use().in_bulk({channel for some in held.values() for channel in some})
        teams = _team_labels([one.team for one in sessions])
        for one in sessions:
            for pk, reading in held[one.pk].items():
                if pk in channels:
                    yield self._labels(channels[pk], teams[one.team_id], one), reading

    @staticmethod
    def _labels(channel: Channel, team: str, session: LabSession | None = None) -> Labels:
        of_session = {} if session is None else {"session": session.public_id, "session_name": session.name}
        labels = {"team": team, **of_session, "channel": channel.name, "unit": channel.unit}
        return {name: value for name, value in labels.items() if value}


def _named(labels: Labels, selector: Selector) -> Labels | None:
    """Return the labels with the first name under which a series is picked; None where it is not."""
    for name in (METRIC, metric_name(labels["channel"])):
        whole = {NAME: name, **labels}
        if selector.picks(whole):
            return whole
    return None


def _team_labels(teams: Sequence[Team]) -> dict[UUID, str]:
    """Return what each team is called; those of one name are told apart by their ids."""
    known = {team.pk: team for team in teams}
    names = Counter(team.name for team in known.values())
    return {pk: team.name if names[team.name] == 1 else f"{team.name} ({team.public_id})" for pk, team in known.items()}


def _portions(counts: Mapping[UUID, int]) -> Iterator[list[UUID]]:
    """Yield the channels in portions whose readings are held at once."""
    portion: list[UUID] = []
    size = 0
    for channel, count in counts.items():
        if portion and size + count > AT_ONCE:
            yield portion
            portion, size = [], 0
        portion.append(channel)
        size += count
    if portion:
        yield portion
