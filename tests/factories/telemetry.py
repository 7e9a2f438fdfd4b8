"""Channels, batches and stored readings."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import factory
import numpy as np
from numpy.typing import NDArray

from biolab.kernel.times import iso
from sessions_app.models import LabSession
from telemetry_app.codec import Times, Values
from telemetry_app.ingest.columns import Batch, settle
from telemetry_app.instants import SECOND_US, to_us
from telemetry_app.models import Channel
from telemetry_app.stores.base import Intake, Source
from tests.factories.sessions import make_team

NINE_US = to_us(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
SENDER = Source("user_test")
_numbers = itertools.count(1)


class ChannelFactory(factory.django.DjangoModelFactory[Channel]):
    """A channel; ``limited`` gives it the range 10 to 20."""

    class Meta:
        model = Channel

    class Params:
        limited = factory.Trait(min_value=10.0, max_value=20.0)

    team = factory.LazyFunction(make_team)
    name = factory.Sequence(lambda number: f"channel {number}")
    unit = "°C"


def make_batch(
    rows: Sequence[tuple[str, int, float]], *, batch_id: str | None = None, received_us: int = NINE_US
) -> Batch:
    """Return rows of (channel, microseconds, value) as a batch, in the order received."""
    names = tuple(dict.fromkeys(name for name, _, _ in rows))
    return settle(
        names=names,
        units=("",) * len(names),
        index=np.array([names.index(name) for name, _, _ in rows], dtype=np.int64),
        times=np.array([us for _, us, _ in rows], dtype=np.int64),
        values=np.array([value for _, _, value in rows], dtype=np.float64),
        received_us=received_us,
        timed=True,
        batch_id=batch_id,
    )


def make_intake(
    session: LabSession | None,
    channels: Mapping[str, UUID],
    batch: Batch,
    *,
    batch_id: str | None = None,
    at: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
    source: Source = SENDER,
) -> Intake:
    """Return ``batch`` as a store takes it; with a batch id of its own where none is given."""
    return Intake(
        session_id=None if session is None else session.pk,
        channel_ids=tuple(channels[name] for name in batch.names),
        batch=batch,
        batch_id=batch_id or batch.batch_id or f"batch {next(_numbers)}",
        source=source,
        body_sha256="0" * 64,
        received_at=at,
    )


def make_channels(session: LabSession, *names: str) -> dict[str, UUID]:
    """Return new channels of the session's team, by name."""
    return {name: ChannelFactory(team_id=session.team_id, name=name).pk for name in names}


def bench_recording(count: int = 1200, seed: int = 7) -> tuple[Times, dict[str, Values]]:
    """Return what a water-circulation testbed sends: eight channels at 1 Hz, six significant digits, and spikes."""
    random = np.random.default_rng(seed)
    start = to_us(datetime(2020, 3, 9, 10, 14, 33, tzinfo=UTC))
    steps = np.where(random.random(count) < 0.02, 2, 1)
    times = start + np.cumsum(steps).astype(np.int64) * SECOND_US

    def shown(values: NDArray[np.float64]) -> Values:
        return np.array([float(f"{value:.6g}") for value in values])

    columns = {
        "Accelerometer1RMS": shown(0.027 + 0.0005 * random.standard_normal(count)),
        "Accelerometer2RMS": shown(0.040 + 0.0006 * random.standard_normal(count)),
        "Current": shown(1.1 + 0.4 * random.standard_normal(count)),
        "Pressure": shown(random.choice([-0.273216, 0.054711, 0.382638, 0.710565], count)),
        "Temperature": shown(71.3 + np.cumsum(0.05 * random.standard_normal(count))),
        "Thermocouple": shown(25.08 + np.cumsum(0.002 * random.standard_normal(count))),
        "Voltage": shown(225 + 9 * random.standard_normal(count)),
        "Volume Flow RateRMS": shown(random.choice([31.0, 32.0, 32.0104], count)),
    }
    columns["Current"][count // 3] = 19.7531
    columns["Pressure"][2 * count // 3] = -7.38264
    return times, columns


def later_iso(at: datetime, **delta: float) -> str:
    """Return ``at`` plus a ``timedelta`` given by its parts, as the wire shows it."""
    return iso(at + timedelta(**delta))
