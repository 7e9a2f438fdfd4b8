"""What a store of readings does, whichever engine is behind it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from telemetry_app.codec import Times, Values
from telemetry_app.decimate import Envelope
from telemetry_app.ingest.columns import Batch
from telemetry_app.states import Standing

if TYPE_CHECKING:
    from telemetry_app.stores.admission import Admission

SessionKey = UUID | None
"""A session's key; None for readings outside any session."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who sent a batch, and by which way in."""

    key: str
    person_id: UUID | None = None
    token_id: UUID | None = None
    address_kind: str = "http"


@dataclass(frozen=True, slots=True)
class Body:
    """A body as it was received."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True, eq=False)
class Intake:
    """A batch that may be stored.

    Attributes:
        channel_ids: the channels of the batch's runs, in their order.
        standings: where the channels with limits stand after it.
        original: the body, where it is to be kept.
    """

    session_id: SessionKey
    channel_ids: tuple[UUID, ...]
    batch: Batch
    batch_id: str
    source: Source
    body_sha256: str
    received_at: datetime
    flagged: int = 0
    standings: Mapping[UUID, Standing] = field(default_factory=dict)
    original: Body | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What came of a batch.

    Attributes:
        created: rows that were new or changed a stored value; 0 for a batch that was already stored.
        replayed: this batch was already stored, and nothing was done.
        body_sha256: digest of the body that was stored under this batch id.
        first_seen: channels that had no reading in the session before.
    """

    created: int
    late: int
    flagged: int
    batch_id: str
    replayed: bool
    body_sha256: str
    first_seen: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one channel at a time."""

    channel_id: UUID
    session_id: SessionKey
    us: int
    value: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A channel's newest reading and where it stands against the limits."""

    us: int
    value: float
    standing: Standing


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Readings of one channel, times rising."""

    channel_id: UUID
    times: Times
    values: Values


@dataclass(frozen=True, slots=True)
class Stats:
    """What a session holds of one channel; times in microseconds since 1970, ``total`` None beyond float64."""

    count: int
    first_us: int
    last_us: int
    minimum: float
    maximum: float
    total: float | None
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Span:
    """A session that holds readings of some channels in a range, and from when to when at most.

    Attributes:
        count: how many; exact where ``settled``, else about, with repeats and what lies just outside.
    """

    session_id: SessionKey
    first_us: int
    last_us: int
    count: int
    settled: bool


@dataclass(frozen=True, slots=True)
class Seal:
    """A channel's readings in one line: the digest is over the canonical readings, however they are packed.

    Source:
        SHA-256 over 16 bytes for each reading in time order: microseconds since 1970 as a signed integer, then the
        value as IEEE 754 binary64, both big-endian.
    """

    count: int
    first_us: int
    last_us: int
    sha256: str


class ReadingStore(Protocol):
    """Keeps readings. One value per channel, session and microsecond; of two, the last received wins.

    Times are microseconds since 1970; ranges include both ends. Values come back bit for bit, the sign of zero too.
    """

    name: str

    def append(self, intake: Intake) -> Counts:
        """Store a batch, in the caller's transaction, which has passed the session's turnstile.

        A batch id seen before from this source changes nothing.
        """

    def append_again(self, intake: Intake, admission: Admission) -> Counts | None:
        """Store a batch, in a transaction of its own, if an earlier admission still stands and nothing else changes.

        None, with nothing done, where it does not stand, or where this engine gains nothing by asking so.
        """

    def marks(self, session_id: SessionKey, channel_ids: Collection[UUID]) -> dict[UUID, Mark]:
        """Return where channels stand, held until the transaction ends."""

    def latest(
        self, session_id: SessionKey, channel_ids: Collection[UUID] | None = None, *, until_us: int | None = None
    ) -> dict[UUID, Reading]:
        """Return the newest reading of each channel, or the newest up to ``until_us``."""

    def window(
        self, session_id: SessionKey, channel_ids: Collection[UUID] | None, first_us: int, last_us: int
    ) -> dict[UUID, Run]:
        """Return the readings of each channel in a range; channels without any are left out."""

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
        """Return the last ``limit`` readings of a range, newest first and, within a moment, by channel.

        Args:
            before: continue after this (time, channel).
        """

    def decimated(
        self, session_id: SessionKey, channel_ids: Collection[UUID], first_us: int, last_us: int, *, max_points: int
    ) -> Envelope[UUID]:
        """Return what a chart shows of a range: at most ``max_points`` places, and every spike."""

    def scan(self, session_id: SessionKey, first_us: int | None = None, last_us: int | None = None) -> Iterator[Run]:
        """Yield all readings in time slices, each channel's runs in time order, in bounded memory."""

    def summary(
        self,
        session_id: SessionKey,
        channel_ids: Collection[UUID] | None = None,
        first_us: int | None = None,
        last_us: int | None = None,
    ) -> dict[UUID, Stats]:
        """Return what a range of the session holds of each channel; channels without any reading are left out."""

    def seal(self, session_id: SessionKey) -> dict[UUID, Seal]:
        """Return the digest of each channel's readings."""

    def withdraw(self, session_id: SessionKey, channel_id: UUID, first_us: int, last_us: int, *, at: datetime) -> Run:
        """Take a channel's readings of a range away, in the caller's transaction, and return what they were.

        From then on no read shows or counts them. A repeat of the batch that brought them changes nothing; a new batch
        may store readings at the same times. Waits for batches in flight, as the end of a session does: the caller
        holds the session's row ``to_end``, or does not hold it yet.
        """

    def prepare(self) -> None:
        """Make what the engine needs before its first use; may be repeated.

        Raises:
            ImproperlyConfigured: the engine is not what it must be; the message says what is missing.
        """

    def settle(self, session_id: SessionKey, runs: Mapping[UUID, tuple[Times, Values]], position: int) -> None:
        """Keep readings where they rest; NaN takes one away. What came in an earlier batch gives way.

        Args:
            runs: each channel's times, rising, and values.
            position: receive order of the newest batch among them.
        """

    def sessions_of(self, channel_id: UUID) -> list[SessionKey]:
        """Return the sessions in which a channel has readings."""

    def compact(self, session_id: SessionKey) -> int:
        """Tidy what has been appended, where the engine needs it; return how many readings were moved."""

    def sessions_to_compact(self, *, idle_before: datetime, least: int) -> list[SessionKey]:
        """Return the sessions where tidying pays: ``least`` readings wait, or some wait since ``idle_before``."""

    def spans(self, channel_ids: Collection[UUID], first_us: int, last_us: int) -> list[Span]:
        """Return the sessions, and none, that may hold readings of these channels in a range; last to end first."""
