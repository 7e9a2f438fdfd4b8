"""A recording as a pump stand leaves it: eight channels once a second, full precision, with spikes."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

ROWS = 1150
BEGAN = datetime(2020, 3, 9, 10, 14, 33, tzinfo=UTC)
CHANNELS = {  # unit, level, amplitude of the slow swing, noise
    "Accelerometer1RMS": ("g", 0.027, 0.001, 0.0004),
    "Accelerometer2RMS": ("g", 0.040, 0.002, 0.0006),
    "Current": ("A", 1.33, 0.4, 0.25),
    "Pressure": ("bar", 0.054, 0.1, 0.2),
    "Temperature": ("°C", 79.3, 4.0, 0.2),
    "Thermocouple": ("°C", 26.0, 0.6, 0.03),
    "Voltage": ("V", 233.1, 6.0, 4.0),
    "Volume Flow RateRMS": ("l/min", 32.0, 0.9, 0.4),
}
SPIKES = {"Current": (211, 37.25), "Pressure": (640, -9.5), "Temperature": (903, 418.0625), "Voltage": (77, 0.0)}


@dataclass(frozen=True)
class Recording:
    """``times`` in order, one second apart but for one gap, and as many values of each channel."""

    times: list[datetime]
    values: dict[str, list[float]]

    @property
    def count(self) -> int:
        """How many readings there are."""
        return len(self.times) * len(self.values)

    def rows(self, first: int, last: int) -> list[dict[str, object]]:
        """Return the readings of the seconds ``first`` up to ``last`` as rows of a batch."""
        return [
            {"timestamp": stamp(at), "channel": name, "value": values[first + place], "unit": CHANNELS[name][0]}
            for place, at in enumerate(self.times[first:last])
            for name, values in self.values.items()
        ]

    def columns(self, first: int, last: int) -> list[dict[str, object]]:
        """Return the same as columns of a batch."""
        times = [stamp(at) for at in self.times[first:last]]
        return [
            {"channel": name, "unit": CHANNELS[name][0], "timestamps": times, "values": values[first:last]}
            for name, values in self.values.items()
        ]


def stamp(at: datetime) -> str:
    """Return the time as the wire writes it."""
    return at.isoformat().replace("+00:00", "Z")


def record(seed: int = 4) -> Recording:
    """Return a recording; the same seed gives the same."""
    chance = random.Random(seed)
    values = {
        name: [
            level + swing * math.sin(second / 90 + level) + chance.gauss(0, noise) + math.ulp(level) * (second % 7)
            for second in range(ROWS)
        ]
        for name, (_, level, swing, noise) in CHANNELS.items()
    }
    for name, (second, value) in SPIKES.items():
        values[name][second] = value
    gap = timedelta(seconds=12)
    times = [BEGAN + timedelta(seconds=second) + (gap if second >= 800 else timedelta()) for second in range(ROWS)]
    return Recording(times, values)
