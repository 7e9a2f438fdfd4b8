"""Run on prepared data: ``python -m tests.faults.packaging_points KILLS`` packs exports and dies at many places.

One whole attempt is counted first; then, export after export, a forked worker is killed with SIGKILL at one act after
the other, spread evenly, and another takes over when the lease has run out. Prints one line of JSON per kill.
"""

import json
import signal
import sys
from datetime import datetime, timedelta
from functools import partial

import django

django.setup()

from django.conf import settings  # noqa: E402  the apps must be ready first

from biolab.kernel.leases import LEASE  # noqa: E402
from exports_app import storage  # noqa: E402
from exports_app.models import NarrativeExport  # noqa: E402
from exports_app.services.packaging import pack_export  # noqa: E402
from tests.factories.exports import TEN, approve, kinds, make_export, make_export_bench  # noqa: E402
from tests.faults import fuse as fuses  # noqa: E402
from tests.faults.fuse import Fuse  # noqa: E402

SLACK = 12  # the first attempt makes folders, too
settings.PACKAGING_ATTEMPTS = 99


def work(fuse: Fuse, export: NarrativeExport, *, at: datetime, burns_at: int) -> int:
    """Pack in a forked worker and return how it ended."""
    return fuses.work(fuse, partial(pack_export, export_id=export.pk, clock=lambda: at), burns_at=burns_at)


def main() -> None:
    """Count, then kill."""
    kills, fuse = int(sys.argv[1]), Fuse()
    bench = make_export_bench(readings=20)
    acts = work(fuse, approve(make_export(bench), bench), at=TEN + LEASE, burns_at=0)
    for number in range(kills):
        place = 1 + number * (acts - SLACK) // (kills - 1)
        export, at = approve(make_export(bench), bench), TEN + timedelta(minutes=number + 2)
        ended = work(fuse, export, at=at, burns_at=place)
        work(fuse, export, at=at + LEASE, burns_at=0)
        work(fuse, export, at=at + 2 * LEASE, burns_at=0)
        export = NarrativeExport.objects.select_related("session").get(pk=export.pk)
        told = [
            event.payload
            for event in bench.session.events.filter(kind__startswith="narrative_export.packaging.")
            if event.payload["export_id"] == export.public_id
        ]
        with storage.fetch(export.artifact_name, sha256=export.artifact_checksum) as file:
            size = len(file.read())
        answer = {
            "place": place,
            "acts": acts,
            "killed": ended == -signal.SIGKILL,
            "status": export.artifact_status,
            "attempts": export.attempts,
            "told_attempts": [
                payload["attempt"] for payload in told if set(payload) == {"export_id", "version", "attempt"}
            ],
            "ready": kinds(bench.session).count("packaging.ready"),
            "archives": len(list(storage.names_under(f"narratives/{bench.session.public_id}/v{export.version}"))),
            "is_whole": size == export.artifact_size,
        }
        print(json.dumps(answer), flush=True)


main()
