"""Ladders in numbers: how long stages take, which are late and for how long. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from biolab.kernel.ids import typeid
from biolab.kernel.times import iso_or_none
from governance_app.analytics.metrics import MINUTE_S, mean_of

SAMPLES: Final = 50
TREND_DAYS: Final = 90
STAGE_PREFIX: Final = "stg"


@dataclass(frozen=True, slots=True)
class StageRow:
    """One stage of the ladder of an export; ``closed_at`` is when its ladder ended, signed or not."""

    id: UUID
    export_id: str
    session_id: UUID
    sequence_index: int
    name: str
    role: str
    status: str
    started_at: datetime | None
    due_at: datetime | None
    completed_at: datetime | None
    closed_at: datetime | None
    notified_at: datetime | None

    @property
    def public_id(self) -> str:
        return typeid(STAGE_PREFIX, self.id)

    @property
    def resolved_at(self) -> datetime | None:
        """When the stage stopped waiting."""
        return self.completed_at or self.closed_at

    def late(self, now: datetime) -> bool:
        """Tell whether its due date passed before it was decided."""
        return self.due_at is not None and self.due_at < (self.resolved_at or now)

    @property
    def resolution_minutes(self) -> float | None:
        """From its start to its decision."""
        if self.started_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.started_at).total_seconds() / MINUTE_S


def stage_metrics(stages: Sequence[StageRow], *, now: datetime) -> dict[str, Any]:
    """Return how the ladder of one export fares."""
    return {
        "total": len(stages),
        "overdue_count": sum(stage.late(now) for stage in stages),
        "mean_resolution_minutes": mean_of(stage.resolution_minutes for stage in stages),
        "status_counts": dict(Counter(stage.status for stage in stages)),
        "stage_details": {
            stage.public_id: {
                "sequence_index": stage.sequence_index,
                "name": stage.name,
                "status": stage.status,
                "breached": stage.late(now),
                "resolution_minutes": stage.resolution_minutes,
                "due_at": iso_or_none(stage.due_at),
                "completed_at": iso_or_none(stage.completed_at),
            }
            for stage in stages
        },
    }


@dataclass(frozen=True, slots=True)
class Overdue:
    """The stages that were late; ``shown`` are the first of them, open ones and the longest late first."""

    late: tuple[StageRow, ...]
    now: datetime

    @property
    def open(self) -> list[StageRow]:
        """Those that still wait."""
        return [stage for stage in self.late if stage.resolved_at is None]

    @property
    def shown(self) -> list[StageRow]:
        return sorted(self.late, key=lambda stage: (stage.resolved_at is not None, stage.due_at, stage.id))[:SAMPLES]

    def summary(self) -> dict[str, Any]:
        """Return them as numbers, the samples left to whoever names things on the wire."""
        ages = [(self.now - stage.due_at).total_seconds() / MINUTE_S for stage in self.open if stage.due_at is not None]
        days = Counter(stage.due_at.date().isoformat() for stage in self.late if stage.due_at is not None)
        return {
            "total_overdue": len(self.late),
            "open_overdue": len(ages),
            "resolved_overdue": len(self.late) - len(ages),
            "overdue_exports": sorted({stage.export_id for stage in self.late}),
            "role_counts": dict(sorted(Counter(stage.role for stage in self.late).items())),
            "mean_open_minutes": mean_of(ages),
            "open_age_buckets": {
                "lt60": sum(age < 60 for age in ages),
                "60to180": sum(60 <= age <= 180 for age in ages),
                "gt180": sum(age > 180 for age in ages),
            },
            "trend": [{"date": day, "count": days[day]} for day in sorted(days)[-TREND_DAYS:]],
        }


def overdue(stages: Iterable[StageRow], *, now: datetime) -> Overdue:
    """Return the stages that are or were late."""
    return Overdue(tuple(stage for stage in stages if stage.late(now)), now)
