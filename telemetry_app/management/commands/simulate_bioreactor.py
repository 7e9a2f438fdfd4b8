"""Simulate a bioreactor that sends its readings to a session."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from telemetry_app.bioreactor import Setup
from telemetry_app.streaming import RefusedError, stream


class Command(BaseCommand):
    """Runs the physical model and streams through the public API, like any instrument."""

    help = "Simulate a bioreactor (growth, oxygen, pH, heat, feed) and stream its readings into a session."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--session", required=True, help="the session's id, such as sess_…")
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server's address")
        parser.add_argument("--token", required=True, help="a service token with the scope telemetry:write")
        parser.add_argument("--rate", type=float, default=2.0, help="measurements a second")
        parser.add_argument("--speed", type=float, default=1.0, help="seconds of the run in one second")
        parser.add_argument("--seed", type=int, default=0, help="seed of the probes' noise")
        parser.add_argument("--duration", type=float, help="seconds to send for; left out: until stopped")
        parser.add_argument("--batch-only", action="store_true", help="feed nothing when the glucose is used up")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (0 < options["rate"] <= 1000 and options["speed"] > 0):
            raise CommandError("--rate is above 0 and at most 1000, --speed is above 0.")
        stop = threading.Event()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stop.set())
        try:
            outcome = stream(
                url=options["url"],
                token=options["token"],
                session=options["session"],
                rate_hz=options["rate"],
                speed=options["speed"],
                seed=options["seed"],
                duration_s=options["duration"],
                setup=Setup(feed=not options["batch_only"]),
                stop=stop,
                told=self.stderr.write,
            )
        except RefusedError as refusal:
            raise CommandError(f"The server refuses the readings: {refusal}") from None
        ending = " The session has ended." if outcome.ended else ""
        lost = f" {outcome.dropped} could not be sent." if outcome.dropped else ""
        self.stdout.write(f"{outcome.readings} readings in {outcome.batches} batches were stored.{lost}{ending}")
