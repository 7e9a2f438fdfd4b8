"""What the bench needs from the floors above it, as Protocols that they bind themselves to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sessions_app.models import LabSession


@dataclass(frozen=True)
class ReadingValue:
    """The value of one channel at a time, in the channel's unit."""

    channel: str
    value: float
    unit: str
    at: datetime


@dataclass(frozen=True)
class ChannelSummary:
    """What a session holds of one channel; the figures are None before the first reading."""

    id: str
    name: str
    unit: str
    pinned: bool
    count: int
    first_at: datetime | None
    last_at: datetime | None
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True)
class ChannelEnvelope:
    """What one channel did over a session, in few enough intervals to draw; times count from a given origin.

    Attributes:
        mean: None where the sum is beyond float64.
        elapsed_s: when each interval with readings begins, rising.
        low, high: the least and the greatest value of each, in the channel's unit; as long as ``elapsed_s``.
    """

    name: str
    unit: str
    count: int
    minimum: float
    maximum: float
    mean: float | None
    elapsed_s: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class Anomaly:
    """A stretch in which a channel was beyond its limits, or silent.

    Attributes:
        told: what it is about, in a few words after the channel's name.
        until: None while it goes on.
        answered: whether somebody has said what they make of it.
    """

    id: str
    channel: str
    channel_id: str
    told: str
    since: datetime
    until: datetime | None
    answered: bool


class Readings(Protocol):
    """Read access to the readings of a session."""

    def latest(
        self,
        session: LabSession,
        *,
        names: Sequence[str] | None = None,
        at: datetime | None = None,
        pinned: bool = False,
    ) -> dict[str, ReadingValue]:
        """Return the last value of each channel, by name.

        Args:
            names: only these channels.
            at: as of this moment; None for now.
            pinned: only channels that the team has pinned.
        """

    def channels(self, session: LabSession) -> list[ChannelSummary]:
        """Return the channels with readings in this session, by name."""

    def anomalies(self, session: LabSession, *, most: int) -> list[Anomaly]:
        """Return at most ``most`` anomalies: first those that nobody has answered for, then the newest."""

    def envelopes(self, session: LabSession, *, origin: datetime, places: int) -> list[ChannelEnvelope]:
        """Return what each channel with readings did, by name, in at most ``places`` intervals."""


class NoReadings:
    """What there is before a telemetry store is bound: nothing."""

    def latest(
        self,
        session: LabSession,
        *,
        names: Sequence[str] | None = None,
        at: datetime | None = None,
        pinned: bool = False,
    ) -> dict[str, ReadingValue]:
        return {}

    def channels(self, session: LabSession) -> list[ChannelSummary]:
        return []

    def anomalies(self, session: LabSession, *, most: int) -> list[Anomaly]:
        return []

    def envelopes(self, session: LabSession, *, origin: datetime, places: int) -> list[ChannelEnvelope]:
        return []


_readings: Readings = NoReadings()


def bind_readings(readings: Readings) -> None:
    """Make ``readings`` the answer; called once, when the apps are ready."""
    global _readings
    _readings = readings


def readings() -> Readings:
    """Return the bound store's read access."""
    return _readings
