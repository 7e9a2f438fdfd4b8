"""How much one query may ask of the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from telemetry_app.promql.errors import ExecutionError

MOST_READINGS: Final = 50_000_000
MOST_CELLS: Final = 4_000_000
MOST_WORK: Final = 500_000_000


@dataclass
class Budget:
    """What is left for a query.

    Attributes:
        readings: that may still be read from the store.
        work: readings that range functions may still look at; overlapping windows look at some many times.
    """

    readings: int = MOST_READINGS
    work: int = MOST_WORK

    def read(self, count: int) -> None:
        """Take ``count`` readings.

        Raises:
            ExecutionError: there are not so many left.
        """
        self.readings -= count
        if self.readings < 0:
            raise ExecutionError("This query reads too many readings; narrow its range or its labels.")

    def look_at(self, count: int) -> None:
        """Take ``count`` looks of a range function.

        Raises:
            ExecutionError: there are not so many left.
        """
        self.work -= count
        if self.work < 0:
            raise ExecutionError("This query's windows overlap too much; take a longer step or a shorter range.")

    @staticmethod
    def hold(series: int, steps: int) -> None:
        """Refuse a result of too many values.

        Raises:
            ExecutionError: it has more than may be held at once.
        """
        if series * steps > MOST_CELLS:
            raise ExecutionError("This query gives too many values; take a longer step or fewer series.")
