"""What a file of readings says about itself: its shape, its columns and where the readings are from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

MOMENT: Final = "timestamp"


class Shape(StrEnum):
    """One row per reading, or one row per moment with a column per channel."""

    LONG = "long"
    WIDE = "wide"


@dataclass(frozen=True, slots=True)
class Column:
    """A channel as a file names it."""

    id: UUID
    public_id: str
    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class Outline:
    """A file of readings before its first row.

    Attributes:
        columns: the channels in the order in which they stand within a moment.
        metadata: what formats with room for it keep beside the readings.
    """

    shape: Shape
    columns: Sequence[Column]
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def places(self) -> dict[UUID, int]:
        """Where each channel stands."""
        return {column.id: place for place, column in enumerate(self.columns)}

    @property
    def headings(self) -> list[str]:
        """The wide shape's column names after the first: the name with its unit, and no name twice."""
        taken, found = {MOMENT}, []
        for column in self.columns:
            heading = f"{column.name} [{column.unit}]" if column.unit else column.name
            if heading in taken:
                heading = f"{heading} ({column.public_id})"
            taken.add(heading)
            found.append(heading)
        return found
