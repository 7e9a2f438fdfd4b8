"""What happens to instruments and their readings. Readings themselves are data, not facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from biolab.kernel.facts import Fact


@dataclass(frozen=True, kw_only=True)
class ChannelsAdded(Fact):
    """Channels that sent their first reading of the session; ``channels`` holds id, name and unit of each."""

    kind: ClassVar[str] = "telemetry.channel.added"
    sentence: ClassVar[str] = "First readings arrived from {names}."
    names: str
    channels: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class LimitMoved(Fact):
    """Common shape of crossing a limit and coming back.

    ``untold`` counts the changes of the same batch that stand between this one and the one told before.
    """

    channel: str
    channel_id: str
    unit: str
    value: float
    timestamp: datetime
    minimum: float | None
    maximum: float | None
    standing: str
    untold: int


@dataclass(frozen=True, kw_only=True)
class LimitCrossed(LimitMoved):
    """A reading lies beyond a limit, the one before it did not."""

    kind: ClassVar[str] = "telemetry.limit.crossed"
    sentence: ClassVar[str] = "{channel} left its limits ({standing}): {value} {unit}."


@dataclass(frozen=True, kw_only=True)
class LimitCleared(LimitMoved):
    """A channel is back inside its limits, far enough not to flutter."""

    kind: ClassVar[str] = "telemetry.limit.cleared"
    sentence: ClassVar[str] = "{channel} is back inside its limits: {value} {unit}."


@dataclass(frozen=True, kw_only=True)
class GapNoticed(Fact):
    """A channel that sent regularly sends no more; ``since`` is when its last reading arrived.

    ``expected_s`` is how far apart its readings were lately, in seconds.
    """

    kind: ClassVar[str] = "telemetry.gap"
    sentence: ClassVar[str] = "{channel} has sent nothing since {since}."
    channel: str
    channel_id: str
    since: datetime
    expected_s: float


@dataclass(frozen=True, kw_only=True)
class GapEnded(Fact):
    """Readings of a silent channel arrive again, ``seconds`` after the last ones did."""

    kind: ClassVar[str] = "telemetry.gap.ended"
    sentence: ClassVar[str] = "{channel} sends again, after {seconds} seconds."
    channel: str
    channel_id: str
    since: datetime
    until: datetime
    seconds: float


@dataclass(frozen=True, kw_only=True)
class AlarmAcknowledged(Fact):
    """Somebody has seen an alarm and said what they make of it."""

    kind: ClassVar[str] = "telemetry.alarm.acknowledged"
    sentence: ClassVar[str] = "The alarm of {channel} was acknowledged: {comment}"
    alarm_id: str
    alarm_kind: str
    channel: str
    channel_id: str
    opened_at: datetime
    comment: str


@dataclass(frozen=True, kw_only=True)
class ReadingsWithdrawn(Fact):
    """An administrator took readings of a channel away; the digest is over them as ``telemetry.sealed`` has it."""

    kind: ClassVar[str] = "telemetry.withdrawn"
    sentence: ClassVar[str] = "{count} readings of {channel} were withdrawn: {reason}"
    channel: str
    channel_id: str
    unit: str
    withdrawal_id: str
    count: int
    first: datetime
    last: datetime
    sha256: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class TelemetrySealed(Fact):
    """The readings of an ended session, fixed: id, unit, count, first, last and SHA-256 of each channel by name.

    The digest is over 16 bytes for each reading in time order: microseconds since 1970 as a signed 64-bit integer,
    then the value as IEEE 754 binary64, both big-endian.
    """

    kind: ClassVar[str] = "telemetry.sealed"
    sentence: ClassVar[str] = "{readings} readings of the session were sealed."
    readings: int
    channels: dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class AnalyticsSnapshot(Fact):
    """What the readings of a window come to: unit, count and figures of each channel by name, under ``metrics``.

    ``since`` and ``until`` are the window as asked for; None is an open end.
    """

    kind: ClassVar[str] = "analytics.snapshot"
    sentence: ClassVar[str] = "Statistics were taken over {readings} readings of {names}."
    names: str
    readings: int
    since: datetime | None
    until: datetime | None
    metrics: dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class QcMetric(Fact):
    """One channel's readings of a window held against its limits.

    ``readings`` holds {timestamp, value}: all of them where they are few, else the least and the greatest of equal
    spans of time, so that nothing that stood out is missing. ``outside`` counts over all of them.
    """

    kind: ClassVar[str] = "qc.metric"
    sentence: ClassVar[str] = "{channel}: {outside} of {count} readings lie outside the limits."
    channel: str
    channel_id: str
    unit: str
    minimum: float | None
    maximum: float | None
    since: datetime | None
    until: datetime | None
    count: int
    outside: int
    passed: bool
    readings: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class ImportFact(Fact):
    """Common shape of what happens to a file of readings; ``sha256`` is of the file as it was received."""

    id: str
    file_name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ImportQueued(ImportFact):
    """A file of readings was handed in."""

    kind: ClassVar[str] = "telemetry.import.queued"
    sentence: ClassVar[str] = "The file {file_name} was handed in for its readings."
    size: int


@dataclass(frozen=True, kw_only=True)
class ImportFinished(ImportFact):
    """All readings of a file are in the session."""

    kind: ClassVar[str] = "telemetry.import.finished"
    sentence: ClassVar[str] = "{created} readings were taken from {file_name}."
    rows: int
    created: int


@dataclass(frozen=True, kw_only=True)
class ImportFailed(ImportFact):
    """A file was refused, or given up; ``rows`` of it had been stored by then."""

    kind: ClassVar[str] = "telemetry.import.failed"
    sentence: ClassVar[str] = "{file_name} could not be taken in: {error}"
    rows: int
    error: str
