"""What readings take on disk, and whether a figure meets its target."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from telemetry_app.models import Chunk, Latest, Segment

Row = tuple[str | float | None, ...]
TABLES = [model._meta.db_table for model in (Chunk, Segment, Latest)]


@dataclass(frozen=True)
class Size:
    """Bytes on disk, with what is out of line and free space, and how many of them are indexes."""

    total: int
    indexes: int | None = None

    def __sub__(self, other: Size) -> Size:
        indexes = None if self.indexes is None else self.indexes - (other.indexes or 0)
        return Size(self.total - other.total, indexes)

    @classmethod
    def of(cls, *tables: str) -> Size:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sum(pg_total_relation_size(t::regclass)), sum(pg_indexes_size(t::regclass)) "
                "FROM unnest(%s::text[]) AS t",
                [list(tables)],
            )
            return cls(*map(int, cursor.fetchone()))

    @classmethod
    def of_readings(cls) -> Size:
        """Return what the tables of readings take; of SQLite, the file with all that is in it."""
        if connection.vendor == "postgresql":
            return cls.of(*TABLES)
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return cls(Path(connection.settings_dict["NAME"]).stat().st_size)


def size_row(name: str, points: int, size: Size, limit: float | None) -> Row:
    indexes = None if size.indexes is None else size.indexes / points
    verdict = (None, None) if limit is None else at_most(size.total / points, limit, "bytes")[1:]
    return name, points, size.total / points, indexes, *verdict


def at_most(value: float, limit: float, unit: str) -> tuple[None, str, str]:
    """Return (no ratio, the target, whether it is met)."""
    return None, f"≤ {limit:g} {unit}", "met" if value <= limit else "missed"


def at_least(ratio: float, limit: float) -> tuple[float, str, str]:
    """Return (the ratio, the target, whether it is met)."""
    return ratio, f"≥ {limit:g}", "met" if ratio >= limit else "missed"
