"""Which sessions hold readings of some channels, from the rows around the readings alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.db.models import Max, Min, Q, QuerySet, Sum

from telemetry_app.models import Channel, Chunk, Segment
from telemetry_app.stores.base import SessionKey, Span


def spans(channel_ids: Collection[UUID], first_us: int, last_us: int) -> list[Span]:
    """Return the spans of a range, the one that ends last first; two statements, whatever there is."""
    packed = Chunk.objects.filter(_touching(first_us, last_us), channel_id__in=channel_ids)
    settled = [
        Span(session_id, first, last, count, first >= first_us and last <= last_us)
        for session_id, first, last, count in _by_session(packed)
    ]
    return united([*settled, *waiting_spans(channel_ids, first_us, last_us)])


def waiting_spans(channel_ids: Collection[UUID], first_us: int, last_us: int) -> list[Span]:
    """Return the spans of what is not settled yet.

    Segments do not say in SQL which channels they hold: a session of the channels' teams counts as holding them.
    """
    teams = Channel.objects.filter(pk__in=channel_ids).order_by().values("team_id")
    near = Q(session__isnull=True) | Q(session__team_id__in=teams)
    waiting = Segment.objects.filter(_touching(first_us, last_us), near, columns__isnull=False)
    return [Span(session_id, first, last, count, False) for session_id, first, last, count in _by_session(waiting)]


def united(parts: Iterable[Span]) -> list[Span]:
    """Return one span for each session, the one that ends last first."""
    of_session: dict[SessionKey, list[Span]] = defaultdict(list)
    for part in parts:
        of_session[part.session_id].append(part)
    found = [
        Span(
            session_id,
            min(part.first_us for part in some),
            max(part.last_us for part in some),
            sum(part.count for part in some),
            all(part.settled for part in some),
        )
        for session_id, some in of_session.items()
    ]
    return sorted(found, key=lambda span: span.last_us, reverse=True)


def _touching(first_us: int, last_us: int) -> Q:
    return Q(first_at__lte=last_us, last_at__gte=first_us)


def _by_session(rows: QuerySet[Any]) -> Iterable[tuple[SessionKey, int, int, int]]:
    figures = rows.order_by().values("session_id").annotate(first=Min("first_at"), last=Max("last_at"), n=Sum("count"))
    found: Iterable[tuple[SessionKey, int, int, int]] = figures.values_list("session_id", "first", "last", "n")
    return found
