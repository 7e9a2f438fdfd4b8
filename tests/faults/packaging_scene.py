"""Run inside a house's own environment: ``python -m tests.faults.packaging_scene READINGS`` makes a session to export.

Prints one line of JSON: session, export and who may do what; everybody's password is the factories'.
"""

import json
import sys

import django

django.setup()

import numpy as np  # noqa: E402  the apps must be ready first
from django.utils import timezone  # noqa: E402

from sessions_app.models import LabSession  # noqa: E402
from telemetry_app import stores  # noqa: E402
from telemetry_app.ingest.columns import settle  # noqa: E402
from telemetry_app.instants import SECOND_US, to_us  # noqa: E402
from tests.factories.exports import make_export, make_export_bench  # noqa: E402
from tests.factories.sessions import NINE  # noqa: E402
from tests.factories.telemetry import make_channels, make_intake  # noqa: E402

CHANNELS = ("conductivity", "pH")


def add_many_readings(session: LabSession, count: int) -> None:
    """Store ``count`` readings of each channel, ten a second, in one batch for each channel."""
    known = make_channels(session, *CHANNELS)
    random = np.random.default_rng(5)
    for name in CHANNELS:
        batch = settle(
            names=(name,),
            units=("",),
            index=np.zeros(count, dtype=np.int64),
            times=to_us(NINE) + np.arange(count, dtype=np.int64) * (SECOND_US // 10),
            values=7 + random.standard_normal(count),
            received_us=to_us(NINE),
            timed=True,
            batch_id=f"batch of {name}",
        )
        stores.current().append(make_intake(session, known, batch))


def main() -> None:
    """Make the scene and tell it."""
    bench = make_export_bench(ended=False)
    add_many_readings(bench.session, int(sys.argv[1]))
    export = make_export(bench, at=timezone.now())
    people = {name: getattr(bench, name).email for name in ("asker", "reviewer", "approver")}
    print(json.dumps({"session": bench.session.public_id, "export": export.public_id, **people}))


main()
