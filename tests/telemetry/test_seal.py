"""What the bench sees of the readings: seals at the end of a session, values for notes and steps."""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from biolab.accounts.roles import Role
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.ports import readings
from sessions_app.services.sessions import move_session
from sessions_app.states import ABORT, COMPLETE
from telemetry_app import tasks
from telemetry_app.instants import to_us
from telemetry_app.models import Channel, Chunk, Segment
from telemetry_app.services.ingest import ingest
from telemetry_app.services.sealing import compact_readings
from telemetry_app.stores import current
from tests.factories.sessions import NINE, SessionFactory, make_member
from tests.factories.telemetry import ChannelFactory, make_batch

pytestmark = pytest.mark.django_db

NINE_US = to_us(NINE)


def record(session: LabSession, rows: list[tuple[str, int, float]], at: datetime = NINE) -> None:
    person = make_member(session.team, Role.OPERATOR)
    ingest(session=session, batch=make_batch(rows), by=person, at=at, body_sha256="0" * 64)


def seal_of(session: LabSession) -> TimelineEvent:
    return TimelineEvent.objects.get(session=session, kind="telemetry.sealed")


@pytest.mark.parametrize("move", [COMPLETE, ABORT])
@pytest.mark.parametrize("compacted", [False, True])
def test_the_end_of_a_session_seals_its_readings_whatever_their_packing(move: object, compacted: bool) -> None:
    session = SessionFactory()
    rows = [("pH", NINE_US + i, i / 7) for i in range(100)]
    record(session, rows)
    record(session, [("pH", NINE_US + 5, -0.0), ("T", NINE_US, 37.0)])
    if compacted:
        current().compact(session.pk)

    move_session(session=session, move=move, by=make_member(session.team, Role.LEAD), at=NINE, reason="Enough.")

    sealed = seal_of(session)
    values = dict(enumerate(value for _, _, value in rows)) | {5: -0.0}
    canonical = b"".join(struct.pack(">qd", NINE_US + i, value) for i, value in sorted(values.items()))
    channel = sealed.payload["channels"]["pH"]
    assert sealed.payload["readings"] == 101
    assert (channel["count"], channel["first"]) == (100, "2026-03-02T09:00:00Z")
    assert channel["sha256"] == hashlib.sha256(canonical).hexdigest()
    assert set(sealed.payload["channels"]) == {"pH", "T"}


def test_the_seal_follows_the_event_that_ended_the_session_and_names_nobody() -> None:
    session = SessionFactory()
    record(session, [("pH", NINE_US, 7.0)])

    move_session(session=session, move=COMPLETE, by=make_member(session.team, Role.LEAD), at=NINE)

    events = list(TimelineEvent.objects.filter(session=session).order_by("sequence"))
    kinds = [event.kind for event in events]
    assert kinds.index("telemetry.sealed") == kinds.index("session.completed") + 1
    assert seal_of(session).actor is None


def test_a_session_without_readings_has_nothing_to_seal() -> None:
    session = SessionFactory(completed=True)

    assert not TimelineEvent.objects.filter(session=session, kind="telemetry.sealed").exists()


def test_compaction_after_the_end_changes_no_seal() -> None:
    session = SessionFactory()
    record(session, [("pH", NINE_US + i, float(i)) for i in range(50)])
    move_session(session=session, move=COMPLETE, by=make_member(session.team, Role.LEAD), at=NINE)

    compact_readings(least=1, idle_before=NINE)

    seal = current().seal(session.pk)[Channel.objects.get(name="pH").pk]
    assert seal.sha256 == seal_of(session).payload["channels"]["pH"]["sha256"]
    assert not Segment.objects.filter(columns__isnull=False).exists()


def test_the_bench_reads_latest_values_by_name_pin_and_time() -> None:
    session = SessionFactory()
    ChannelFactory(team=session.team, name="pH", unit="pH", pinned=True)
    record(session, [("pH", NINE_US, 7.0), ("pH", NINE_US + 10, 6.9), ("T", NINE_US + 5, 37.0)])

    port = readings()

    assert {name: value.value for name, value in port.latest(session).items()} == {"T": 37.0, "pH": 6.9}
    assert list(port.latest(session, pinned=True)) == ["pH"]
    assert list(port.latest(session, names=["T", "none"])) == ["T"]
    assert port.latest(session, names=["none"]) == {}
    before = port.latest(session, at=NINE + timedelta(microseconds=9))
    assert (before["pH"].value, before["pH"].unit, before["pH"].at) == (7.0, "pH", NINE)
    current().compact(session.pk)
    assert port.latest(session, at=NINE + timedelta(microseconds=9)) == before
    assert port.latest(session, at=NINE - timedelta(hours=1)) == {}


def test_the_bench_reads_what_the_session_holds_of_each_channel() -> None:
    session = SessionFactory()
    record(session, [("b", NINE_US, 1.0), ("b", NINE_US + 10, 3.0), ("a", NINE_US, 5.0)])
    record(SessionFactory(team=session.team), [("c", NINE_US, 1.0)])

    channels = readings().channels(session)

    assert [channel.name for channel in channels] == ["a", "b"]
    assert (channels[1].count, channels[1].minimum, channels[1].maximum) == (2, 1.0, 3.0)
    assert (channels[1].first_at, channels[1].pinned) == (NINE, False)


def test_the_beat_folds_what_has_waited_and_may_run_twice() -> None:
    session = SessionFactory()
    record(session, [("pH", NINE_US + i, float(i)) for i in range(10)])
    fresh = SessionFactory()
    record(fresh, [("pH", NINE_US, 1.0)], at=datetime.now(UTC) + timedelta(minutes=1))

    tasks.compact()
    tasks.compact()

    assert Chunk.objects.get().session == session
    assert Segment.objects.get(columns__isnull=False).session == fresh


def test_whoever_runs_the_house_folds_all_sessions_or_one_and_sees_how_far_it_is() -> None:
    sessions = [SessionFactory() for _ in range(3)]
    for session in sessions:
        record(session, [("pH", NINE_US + i, float(i)) for i in range(10)])
    out, err = StringIO(), StringIO()

    call_command("compact_readings", session=sessions[0].public_id, stdout=out)
    call_command("compact_readings", stdout=out, stderr=err)

    assert out.getvalue().splitlines() == ["10 readings were folded.", "20 readings were folded."]
    assert err.getvalue().splitlines() == ["1/2: 10 readings", "2/2: 10 readings"]
    assert not Segment.objects.filter(columns__isnull=False).exists()
    with pytest.raises(CommandError, match="no session sess_nothing"):
        call_command("compact_readings", session="sess_nothing")
