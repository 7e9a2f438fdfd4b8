"""What the bench of decks does, in a process of its own whose settings name the bench's database."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import timedelta

from django.core.management import call_command
from django.db import connection

from biolab.accounts.models import User
from exports_app.models import DeckJob
from exports_app.services.decks import ask_session_deck, build_deck, open_deck
from sessions_app.models import LabSession, Note, NoteVersion, TimelineEvent
from tests.bench.table import Table
from tests.factories.exports import TEN, approve, make_export, make_export_bench
from tests.factories.sessions import NINE

SIZES = (1_000, 10_000)
SLIDES = 5
READINGS = 100_000
"""Of each of two channels, at either size."""
TRIES = 5
TARGET_S = 3.0
TEXT = "Foam at 3 cm; antifoam added, 0.4 ml. Stirrer at 700 rpm to hold the oxygen."

Row = tuple[str | float | None, ...]


def main() -> None:
    """Print the table as one line of JSON."""
    call_command("migrate", verbosity=0)
    rows: list[Row] = []
    for size in SIZES:
        bench = make_export_bench(readings=READINGS)
        approve(make_export(bench), bench)
        session = LabSession.objects.get(pk=bench.session.pk)
        fill(session, by=bench.asker, size=size)
        rows.append(measured(session, by=bench.asker, size=size))
    ratios = [_ratio(after, before) for before, after in zip(rows[0][1:], rows[1][1:], strict=True)]
    rows += [("ratio", *ratios), ("target", None, None, TARGET_S, TARGET_S, None, None)]
    columns = ("outline s", "build s", "whole s", "first s", "cpu s", "kB")
    print(json.dumps([asdict(Table(f"a deck of {SLIDES} slides, facts engine, PostgreSQL", columns, rows))]))


def fill(session: LabSession, *, by: User, size: int) -> None:
    """Add events until there are ``size``, every second one a note."""
    events, notes, versions = [], [], []
    for sequence in range(session.head_sequence + 1, size + 1):
        at = NINE + timedelta(seconds=sequence)
        kind, payload = "session.viewed", {}
        if sequence % 2:
            note = Note(session=session, author=by, timestamp=at, content=TEXT, created_at=at, updated_at=at)
            versions.append(NoteVersion(note=note, version=1, action="created", content=TEXT, by=by, at=at))
            notes.append(note)
            kind, payload = "note.created", {"note_id": note.public_id, "content": TEXT}
        events.append(
            TimelineEvent(
                session=session,
                sequence=sequence,
                kind=kind,
                actor=by,
                occurred_at=at,
                created_at=at,
                prev_hash="0" * 64,
                hash="0" * 64,
                canonical=json.dumps({"payload": payload}),
            )
        )
    Note.objects.bulk_create(notes, batch_size=1000)
    NoteVersion.objects.bulk_create(versions, batch_size=1000)
    TimelineEvent.objects.bulk_create(events, batch_size=1000)
    LabSession.objects.filter(pk=session.pk).update(head_sequence=size)
    session.refresh_from_db()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def measured(session: LabSession, *, by: User, size: int) -> Row:
    """Return the figures of the quickest of some decks, and the time of the first, which imports what the rest use."""
    turns = [_turn(session, by) for _ in range(TRIES)]
    outline_s, build_s, cpu_s = min(turns, key=lambda turn: turn[0] + turn[1])
    job = DeckJob.objects.filter(session=session).latest("created_at")
    with open_deck(job) as file:
        size_kb = len(file.read()) / 1000
    first_s = turns[0][0] + turns[0][1]
    return f"{size:,} events", outline_s, build_s, outline_s + build_s, first_s, cpu_s, size_kb


def _turn(session: LabSession, by: User) -> tuple[float, float, float]:
    """Make one deck and return (seconds of its outline, seconds of its building, processor seconds of both)."""
    began, cpu = time.perf_counter(), time.process_time()
    job = ask_session_deck(session=session, by=by, at=TEN, count=SLIDES)
    outlined = time.perf_counter()
    if not build_deck(job_id=job.pk, clock=lambda: TEN):
        raise SystemExit("The deck was not built.")
    return outlined - began, time.perf_counter() - outlined, time.process_time() - cpu


def _ratio(after: object, before: object) -> float | None:
    return after / before if isinstance(after, float) and isinstance(before, float) and before else None
