"""The demo's channels, and its finished session's readings: a run of the simulated bioreactor, as instruments send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Final

import orjson

from biolab.accounts.models import Team, User
from biolab.kernel.canonical import sha256
from biolab.kernel.times import iso
from sessions_app.models import LabSession
from telemetry_app.bioreactor import CHANNELS, Setup, samples
from telemetry_app.ingest.batch import decode_batch
from telemetry_app.instants import to_us
from telemetry_app.models import Channel
from telemetry_app.services.channels import add_channel
from telemetry_app.services.ingest import ingest

EVERY_S: Final = 10
BATCH_S: Final = 1800
INOCULATED_S: Final = 1.2 * 3600

Happening = tuple[float, Callable[[datetime], object]]


def add_channels(team: Team, *, by: User, at: datetime) -> None:
    """Make the bioreactor's channels, each with the limits in which a run is well, as far as they are missing."""
    known = set(Channel.objects.in_use().filter(team=team).values_list("name", flat=True))
    for probe in CHANNELS:
        if probe.name not in known:
            made = Channel(team=team, name=probe.name, unit=probe.unit, min_value=probe.low, max_value=probe.high)
            add_channel(channel=made, by=by, at=at)


def record_run(session: LabSession, *, by: User, start: datetime, hours: float) -> list[Happening]:
    """Return one happening for each half hour of a run: its hour, and the batch that the instrument then sends."""
    batches = int(hours * 3600 // BATCH_S)
    run = samples(Setup(feed=False, inoculate_at_s=INOCULATED_S), seed=11, every_s=EVERY_S, duration_s=hours * 3600)
    timed = ((iso(start + timedelta(seconds=second)), values) for second, values in run)
    return [
        ((number + 1) * BATCH_S / 3600, partial(_send, session, by, list(islice(timed, BATCH_S // EVERY_S))))
        for number in range(batches)
    ]


def _send(session: LabSession, by: User, taken: list[tuple[str, dict[str, float]]], at: datetime) -> None:
    columns: list[dict[str, Any]] = [
        {
            "channel": probe.name,
            "unit": probe.unit,
            "timestamps": [time for time, _ in taken],
            "values": [values[probe.name] for _, values in taken],
        }
        for probe in CHANNELS
    ]
    body = orjson.dumps({"columns": columns})
    batch = decode_batch(body, received_us=to_us(at))
    ingest(session=session, batch=batch, by=by, at=at, body_sha256=sha256(body), address_kind="demo")
