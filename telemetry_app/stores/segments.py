"""Readings in Django's own database: one row per batch on the way in, packed chunks at rest."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
import zstandard
from django.db import connection
from django.db.models import F, Min, Q, Sum

from telemetry_app.decimate import Envelope
from telemetry_app.models import Latest, Original, Segment
from telemetry_app.states import Standing
from telemetry_app.stores import compaction, figures, reading, spans, sql, withdrawal
from telemetry_app.stores.admission import Admission, unchanged
from telemetry_app.stores.base import Body, Counts, Intake, Mark, Reading, Run, Seal, SessionKey, Span, Stats
from telemetry_app.stores.packing import NOTHING, Readings, differing


class SegmentStore:
    """The store behind ``database``, the same on SQLite and PostgreSQL."""

    name = "database"

    def append(self, intake: Intake) -> Counts:
        placed = sql.place(intake, _newest(intake))
        if placed.position is not None and intake.original is not None:
            keep_original(placed.position, intake.original)
        return self._counts(intake, placed)

    def append_again(self, intake: Intake, admission: Admission) -> Counts | None:
        if connection.vendor != "postgresql" or not intake.channel_ids or intake.original is not None:
            return None
        still = unchanged(admission, intake.channel_ids, intake.received_at)
        placed = sql.place_if(still, intake, _newest(intake))
        return self._counts(intake, placed) if placed.held else None

    def _counts(self, intake: Intake, placed: sql.Placed) -> Counts:
        if placed.position is None:
            return self._receipt(intake)
        return Counts(
            created=self._created(intake, placed.position, placed.moved),
            late=intake.batch.late,
            flagged=intake.flagged,
            batch_id=intake.batch_id,
            replayed=False,
            body_sha256=intake.body_sha256,
            first_seen=frozenset(channel for channel, prior in placed.moved.items() if prior is None),
        )

    def _receipt(self, intake: Intake) -> Counts:
        stored = Segment.objects.only("late", "flagged", "body_sha256").get(
            reading.of_session(intake.session_id), source=intake.source.key, batch_id=intake.batch_id
        )
        return Counts(
            created=0,
            late=stored.late,
            flagged=stored.flagged,
            batch_id=intake.batch_id,
            replayed=True,
            body_sha256=stored.body_sha256,
        )

    def _created(self, intake: Intake, position: int, moved: dict[UUID, int | None]) -> int:
        """Count the rows that were new or changed a value; looks back only where a batch reaches behind the newest."""
        batch = intake.batch
        first_us = batch.times[batch.starts[:-1]].tolist()
        behind = {
            channel_id: start
            for channel_id, start in zip(intake.channel_ids, first_us, strict=True)
            if channel_id not in moved or (moved[channel_id] is not None and start <= (moved[channel_id] or 0))
        }
        if not behind:
            return batch.accepted - batch.repeats
        stored = self.window(
            intake.session_id, behind, min(behind.values()), int(batch.times.max()), before_position=position
        )
        runs = [
            (stored[channel].times, stored[channel].values) if channel in stored else NOTHING
            for channel in intake.channel_ids
        ]
        return differing(batch, runs)

    def marks(self, session_id: SessionKey, channel_ids: Collection[UUID]) -> dict[UUID, Mark]:
        rows = Latest.objects.select_for_update().filter(reading.of_session(session_id), channel_id__in=channel_ids)
        found = rows.order_by("channel_id").values_list("channel_id", "at", "value", "standing")
        return {channel: Mark(us, value, Standing(standing)) for channel, us, value, standing in found}

    def latest(
        self, session_id: SessionKey, channel_ids: Collection[UUID] | None = None, *, until_us: int | None = None
    ) -> dict[UUID, Reading]:
        if until_us is not None:
            return reading.latest_until(session_id, channel_ids, until_us)
        rows = Latest.objects.filter(reading.of_session(session_id))
        if channel_ids is not None:
            rows = rows.filter(channel_id__in=channel_ids)
        return {
            channel: Reading(channel, session_id, us, value)
            for channel, us, value in rows.values_list("channel_id", "at", "value")
        }

    def window(
        self,
        session_id: SessionKey,
        channel_ids: Collection[UUID] | None,
        first_us: int,
        last_us: int,
        *,
        before_position: int | None = None,
    ) -> dict[UUID, Run]:
        return reading.window(session_id, channel_ids, first_us, last_us, before_position=before_position)

    def newest(
        self,
        session_id: SessionKey,
        channel_ids: Collection[UUID] | None,
        first_us: int,
        last_us: int,
        *,
        limit: int,
        before: tuple[int, UUID] | None = None,
    ) -> list[Reading]:
        return reading.newest(session_id, channel_ids, first_us, last_us, limit=limit, before=before)

    def decimated(
        self, session_id: SessionKey, channel_ids: Collection[UUID], first_us: int, last_us: int, *, max_points: int
    ) -> Envelope[UUID]:
        return figures.decimated(session_id, channel_ids, first_us, last_us, max_points=max_points)

    def scan(self, session_id: SessionKey, first_us: int | None = None, last_us: int | None = None) -> Iterator[Run]:
        return reading.scan(session_id, *bounds(first_us, last_us))

    def summary(
        self,
        session_id: SessionKey,
        channel_ids: Collection[UUID] | None = None,
        first_us: int | None = None,
        last_us: int | None = None,
    ) -> dict[UUID, Stats]:
        return figures.summary(session_id, channel_ids, *bounds(first_us, last_us))

    def seal(self, session_id: SessionKey) -> dict[UUID, Seal]:
        return seal_runs(self.scan(session_id))

    def withdraw(self, session_id: SessionKey, channel_id: UUID, first_us: int, last_us: int, *, at: datetime) -> Run:
        return withdrawal.withdraw(self, session_id, channel_id, first_us, last_us, at=at)

    def sessions_of(self, channel_id: UUID) -> list[SessionKey]:
        return list(Latest.objects.filter(channel_id=channel_id).values_list("session_id", flat=True))

    def compact(self, session_id: SessionKey) -> int:
        return compaction.compact(session_id, self.settle)

    def settle(self, session_id: SessionKey, runs: Mapping[UUID, Readings], position: int) -> None:
        compaction.settle_in_chunks(session_id, runs, position)

    def prepare(self) -> None:
        """The tables are Django's own; migrations make them."""

    def spans(self, channel_ids: Collection[UUID], first_us: int, last_us: int) -> list[Span]:
        return spans.spans(channel_ids, first_us, last_us)

    def sessions_to_compact(self, *, idle_before: datetime, least: int) -> list[SessionKey]:
        waiting = Segment.objects.filter(columns__isnull=False).values("session_id").order_by("session_id")
        ready = waiting.annotate(readings=Sum("count"), oldest=Min("received_at")).filter(
            Q(readings__gte=least) | Q(oldest__lt=idle_before)
        )
        return [row["session_id"] for row in ready.order_by(F("readings").desc())]


def _newest(intake: Intake) -> list[sql.LatestRow]:
    """Return the newest reading that a batch brings of each channel, by channel."""
    batch = intake.batch
    newest = batch.starts[1:] - 1
    return sorted(
        (channel_id, us, value, intake.standings.get(channel_id, Standing.INSIDE).value)
        for channel_id, us, value in zip(
            intake.channel_ids, batch.times[newest].tolist(), batch.values[newest].tolist(), strict=True
        )
    )


def bounds(first_us: int | None, last_us: int | None) -> tuple[int, int]:
    """Return a range with both its ends, where an open one reaches beyond any reading."""
    return (
        reading.FIRST_US if first_us is None else first_us,
        reading.LAST_US if last_us is None else last_us,
    )


def keep_original(position: int, body: Body) -> None:
    """Keep a batch's body as it was received."""
    packed = zstandard.ZstdCompressor().compress(body.data)
    Original.objects.create(segment_id=position, media_type=body.media_type, body=packed, size=len(body.data))


def seal_runs(runs: Iterator[Run]) -> dict[UUID, Seal]:
    """Return each channel's seal over runs that come, channel by channel, in time order."""
    digests: dict[UUID, Any] = {}
    ends: dict[UUID, tuple[int, int, int]] = {}
    for run in runs:
        canonical = np.empty((run.times.size, 2), dtype=">i8")
        canonical[:, 0] = run.times
        canonical[:, 1] = run.values.view(np.int64)
        digests.setdefault(run.channel_id, hashlib.sha256()).update(canonical.tobytes())
        first, _, count = ends.get(run.channel_id, (int(run.times[0]), 0, 0))
        ends[run.channel_id] = first, int(run.times[-1]), count + run.times.size
    return {channel: Seal(ends[channel][2], *ends[channel][:2], made.hexdigest()) for channel, made in digests.items()}
