"""Copy all readings from the engine in use to another, and prove that they are the same there."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from biolab.kernel.errors import Refusal
from biolab.kernel.ids import parse_id
from sessions_app.models import LabSession
from sessions_app.states import LIVE_STATUSES
from telemetry_app import stores
from telemetry_app.services.moving import (
    compare_session_readings,
    last_position,
    move_session_readings,
    sessions_with_readings,
)
from telemetry_app.stores.base import ReadingStore, SessionKey


class Command(BaseCommand):
    """Goes session by session; stopped anywhere, the next run goes on where this one was."""

    help = (
        "Copy readings from the engine in use to another one, session by session, and compare their seals. "
        "Stop the workers first, so that later batches wait until STORAGE_BACKEND names the new engine."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = sorted(stores.BACKENDS)
        parser.add_argument("--from", dest="source", required=True, choices=names, help="the engine in use")
        parser.add_argument("--to", dest="target", required=True, choices=names, help="the engine to move to")
        parser.add_argument(
            "--session", action="append", default=[], metavar="ID", help="only this session; may be repeated"
        )
        parser.add_argument(
            "--live", action="store_true", help="also sessions that have not ended; nothing may be sent to them"
        )
        parser.add_argument("--verify", action="store_true", help="only compare what both engines hold")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            source, target = (stores.by_name(options[end]) for end in ("source", "target"))
            if source.name == target.name:
                raise CommandError("--from and --to name the same engine.")
            if source.name != stores.current().name and not options["verify"]:
                raise CommandError(
                    f"--from must be the engine in use, {settings.STORAGE_BACKEND}: what arrived last is only there."
                )
            sessions = self._named(options["session"])
            if not (options["live"] or options["verify"]):
                self._refuse_live(sessions)
            target.prepare()
            self._move(source, target, sessions, only_compare=options["verify"])
        except (ImproperlyConfigured, Refusal) as problem:
            raise CommandError(str(problem)) from None

    def _move(
        self, source: ReadingStore, target: ReadingStore, sessions: list[SessionKey], *, only_compare: bool
    ) -> None:
        go = compare_session_readings if only_compare else move_session_readings
        positions: dict[SessionKey, int] = {}
        readings, different = 0, []
        for number, session_id in enumerate(sessions, start=1):
            moved = go(source=source, target=target, session_id=session_id)
            positions[session_id] = moved.position
            readings += moved.readings
            done = "copied" if moved.copied else "compared" if only_compare else "already there"
            outcome = "equal" if moved.equal else "DIFFERENT"
            self.stdout.write(
                f"{number} of {len(sessions)}: {_shown(session_id)}, {moved.readings:,} readings {done}, {outcome}"
            )
            self.stdout.flush()
            if not moved.equal:
                different.append(_shown(session_id))
        if different:
            raise CommandError(
                f"{target.name} holds other readings than {source.name} of {', '.join(different)}. Run this again with "
                "the workers stopped; readings that only the target has must be removed there."
            )
        if late := [_shown(one) for one, position in positions.items() if last_position(one) != position]:
            raise CommandError(f"Batches arrived meanwhile for {', '.join(late)}; run this again.")
        self.stdout.write(
            f"{readings:,} readings of {len(sessions)} sessions are the same in {source.name} and {target.name}."
        )

    def _named(self, texts: list[str]) -> list[SessionKey]:
        if not texts:
            return sessions_with_readings()
        found: list[SessionKey] = []
        for text in texts:
            pk = parse_id(text, LabSession.id_prefix)
            if pk is None or not LabSession.objects.filter(pk=pk).exists():
                raise CommandError(f"There is no session {text}.")
            found.append(pk)
        return found

    def _refuse_live(self, sessions: list[SessionKey]) -> None:
        live = LabSession.objects.filter(pk__in=[one for one in sessions if one], status__in=LIVE_STATUSES)
        if names := [session.public_id for session in live.order_by("pk")]:
            raise CommandError(
                f"Not ended yet: {', '.join(names)}. End them, or stop what sends to them and add --live."
            )


def _shown(session_id: SessionKey) -> str:
    return "no session" if session_id is None else LabSession(pk=session_id).public_id
