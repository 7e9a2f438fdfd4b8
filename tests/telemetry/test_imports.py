"""Files of readings: handed in, looked into, taken in once, or refused as a whole."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from biolab.accounts.models import Membership
from biolab.accounts.roles import Role
from biolab.kernel import storage
from biolab.kernel.leases import LEASE
from sessions_app.models import LabSession
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from telemetry_app import selectors, stores, tasks
from telemetry_app.models import Channel, ImportJob, Segment
from telemetry_app.services import import_job, importing
from telemetry_app.services.import_job import run_import
from tests.conftest import Clock
from tests.factories.accounts import client_of
from tests.factories.sessions import SessionFactory, make_member
from tests.factories.telemetry import ChannelFactory

pytestmark = pytest.mark.django_db

WIDE = "time;Temperature [°C];pH;remark\n2025-03-03T09:00:00Z;36,5;7,01;ok\n\n2025-03-03T09:00:01Z;;7,02;\n"
LONG = "timestamp,channel,value,unit\n1740992400,pH,7.01,\n1740992401,T,36.5,°C\n1740992401,pH,7.02,\n"


@pytest.fixture(autouse=True)
def _folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    artifacts = {**settings.STORAGES["artifacts"], "OPTIONS": {"location": tmp_path / "artifacts"}}
    settings.STORAGES = {**settings.STORAGES, "artifacts": artifacts}


@pytest.fixture
def session() -> LabSession:
    return SessionFactory()


@pytest.fixture
def client(session: LabSession) -> APIClient:
    return client_of(make_member(session.team, Role.OPERATOR))


def address(session: LabSession, rest: str = "") -> str:
    return f"/api/sessions/{session.public_id}/telemetry/import{rest}"


def hand_in(client: APIClient, session: LabSession, text: str | bytes, rest: str = "", **fields: str) -> Any:
    data = text.encode() if isinstance(text, str) else text
    file = SimpleUploadedFile("bench.csv", data)
    return client.post(address(session, rest), {"file": file, **fields}, format="multipart")


def taken_in(client: APIClient, session: LabSession, text: str | bytes, **fields: str) -> ImportJob:
    answer = hand_in(client, session, text, **fields)
    assert answer.status_code == 202, answer.json()
    job = ImportJob.objects.get()
    run_import(job_id=job.pk, clock=timezone.now)
    return ImportJob.objects.get(pk=job.pk)


def stored(session: LabSession) -> dict[str, list[tuple[str, float]]]:
    found, _ = selectors.newest_readings(session, names=None, since=None, until=None, limit=1000, before=None)
    by_channel: dict[str, list[tuple[str, float]]] = {}
    for reading in reversed(found):
        by_channel.setdefault(reading["channel"], []).append((reading["timestamp"], reading["value"]))
    return by_channel


def test_a_wide_file_of_a_german_spreadsheet_is_taken_in(client: APIClient, session: LabSession) -> None:
    job = taken_in(client, session, b"\xef\xbb\xbf" + WIDE.encode())

    assert (job.status, job.error, job.rows_total, job.rows_done, job.created) == ("done", "", 3, 3, 3)
    assert stored(session) == {
        "Temperature": [("2025-03-03T09:00:00Z", 36.5)],
        "pH": [("2025-03-03T09:00:00Z", 7.01), ("2025-03-03T09:00:01Z", 7.02)],
    }
    assert Channel.objects.get(name="Temperature").unit == "°C"
    assert job.mapping["left_out"] == ["remark"]
    kinds = session.events.order_by("sequence").values_list("kind", flat=True)
    assert [kind for kind in kinds if "import" in kind] == ["telemetry.import.queued", "telemetry.import.finished"]


def test_a_long_file_with_seconds_since_1970_is_taken_in(client: APIClient, session: LabSession) -> None:
    job = taken_in(client, session, LONG)

    assert (job.status, job.created, job.late) == ("done", 3, 3)
    assert stored(session)["pH"] == [("2025-03-03T09:00:00Z", 7.01), ("2025-03-03T09:00:01Z", 7.02)]
    assert Channel.objects.get(name="T").unit == "°C"
    batch = Segment.objects.get()
    assert (batch.address_kind, batch.batch_id) == ("import", f"import:{job.public_id}:0")
    assert batch.body_sha256 == job.sha256


def test_a_parquet_file_comes_as_the_body_and_keeps_its_microseconds(client: APIClient, session: LabSession) -> None:
    times = pa.array([1740992400000001, 1740992400000002], pa.timestamp("us", "UTC"))
    table = pa.table({"timestamp": times, "channel": pa.array(["a", "b"]).dictionary_encode(), "value": [1.5, 2.5]})
    body = io.BytesIO()
    pq.write_table(table, body)

    answer = client.post(
        address(session, "?file_name=../x/bench.parquet"), body.getvalue(), content_type="application/octet-stream"
    )
    run_import(job_id=ImportJob.objects.get().pk, clock=timezone.now)

    assert answer.status_code == 202
    assert (answer.json()["file_name"], answer.json()["format"]) == ("bench.parquet", "parquet")
    assert stored(session) == {
        "a": [("2025-03-03T09:00:00.000001Z", 1.5)],
        "b": [("2025-03-03T09:00:00.000002Z", 2.5)],
    }


def test_the_file_is_kept_as_it_was_received(client: APIClient, session: LabSession) -> None:
    job = taken_in(client, session, WIDE)

    with storage.fetch(job.stored_as, sha256=job.sha256) as file:
        assert file.read() == WIDE.encode()


def test_the_file_comes_back_as_it_was_received(client: APIClient, session: LabSession) -> None:
    data = "Zeit;pH\r\n2025-03-03T09:00:00Z;7,01\r\n".encode("utf-16")
    job = taken_in(client, session, data)

    answer = client.get(f"{address(session)}s/{job.public_id}/file")

    assert b"".join(answer.streaming_content) == data
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="bench.csv"'


def test_a_file_that_was_tampered_with_is_not_handed_out(client: APIClient, session: LabSession) -> None:
    job = taken_in(client, session, WIDE)
    Path(storage.store().path(job.stored_as)).write_text("time;pH\n")

    answer = client.get(f"{address(session)}s/{job.public_id}/file")

    assert answer.status_code == 409
    assert answer.json()["code"] == "integrity_failed"


def test_wrong_rows_are_named_by_line_and_nothing_is_stored(client: APIClient, session: LabSession) -> None:
    text = WIDE + "2025-03-03T09:00:02Z;nan;7,0;\nyesterday;1;7;\n2025-03-03T09:00:04Z;1\n2099-01-01T00:00:00Z;1;7;\n"

    job = taken_in(client, session, text)

    shown = client.get(address(session, f"s/{job.public_id}")).json()
    assert (job.status, job.rows_total, job.created) == ("failed", None, 0)
    assert shown["error"] == "These rows are wrong; no reading was stored."
    assert [one.partition(":")[0] for one in shown["errors"]] == [
        "Line 5, Temperature [°C]",
        "Line 6, time",
        "Line 7",
        "Line 8, time",
    ]
    assert not Segment.objects.exists()
    assert not Channel.objects.exists()
    assert session.events.filter(kind="telemetry.import.failed").exists()


def test_a_file_may_spell_a_unit_in_its_own_way(client: APIClient, session: LabSession) -> None:
    ChannelFactory(team=session.team, name="Temperature", unit="degC")

    assert taken_in(client, session, WIDE).status == "done"


def test_a_file_in_another_unit_is_refused_before_anything_is_stored(client: APIClient, session: LabSession) -> None:
    ChannelFactory(team=session.team, name="Temperature", unit="K")

    job = taken_in(client, session, WIDE)

    assert job.status == "failed"
    assert "recorded in K, not in °C" in job.error
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("text", "fields", "pointer"),
    [
        ("", {}, "/file"),
        ("\x00\x01\x02", {}, "/file"),
        ("PAR1 but no more", {}, "/file"),
        ("a,b\nx,y\n", {}, "/time_column"),
        ("time,pH\n2025-03-03 09:00:00,7\n", {}, "/time_zone"),
        ("time,pH\n2025-03-03 09:00:00,7\n", {"time_zone": "Mars/Olympus"}, "/time_zone"),
        ("time,pH\n0.0,7\n0.1,7\n", {}, "/time_column"),
        (WIDE, {"time_column": "when"}, "/time_column"),
        (WIDE, {"shape": "long"}, "/channel_column"),
        (WIDE, {"shape": "round"}, "/shape"),
        (WIDE, {"columns": "{"}, "/columns"),
        (WIDE, {"columns": '{"no such": "x"}'}, "/columns"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused_at_the_door(
    client: APIClient, session: LabSession, text: str, fields: dict[str, str], pointer: str
) -> None:
    answer = hand_in(client, session, text, **fields)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not ImportJob.objects.exists()
    assert list(storage.names_under("imports")) == []


def test_clocks_without_an_offset_are_read_in_their_time_zone(client: APIClient, session: LabSession) -> None:
    rows = "t,pH\n2025-03-03 10:00:00,7\n2025-07-03 11:00:00,8\n2025-07-03T11:00:00+01:00,9\n"

    job = taken_in(client, session, rows, time_zone="Europe/Berlin")

    assert job.status == "done"
    assert stored(session)["pH"] == [
        ("2025-03-03T09:00:00Z", 7),
        ("2025-07-03T09:00:00Z", 8),
        ("2025-07-03T10:00:00Z", 9),
    ]


def test_an_hour_that_the_clock_change_repeats_is_no_moment(client: APIClient, session: LabSession) -> None:
    job = taken_in(client, session, "t,pH\n2024-10-27 02:30:00,7\n", time_zone="Europe/Berlin")

    assert job.status == "failed"
    assert "not one moment in that time zone" in job.error


def test_a_preview_shows_what_would_be_read_and_keeps_nothing(client: APIClient, session: LabSession) -> None:
    columns = json.dumps({"pH": "Acidity [pH]"})

    shown = hand_in(client, session, WIDE, "/preview", columns=columns).json()

    assert shown["mapping"]["dialect"] == {"encoding": "utf-8", "delimiter": ";", "decimal": ",", "header_line": 1}
    assert shown["mapping"]["series"] == [{"column": "pH", "channel": "Acidity", "unit": "pH"}]
    assert shown["mapping"]["left_out"] == ["Temperature [°C]", "remark"]
    assert shown["sample"][0] == ["2025-03-03T09:00:00Z", "36,5", "7,01", "ok"]
    assert shown["readings"][0] == {
        "timestamp": "2025-03-03T09:00:00Z",
        "channel": "Acidity",
        "value": 7.01,
        "unit": "pH",
    }
    assert shown["errors"] == []
    assert not ImportJob.objects.exists()


def many_rows(count: int) -> bytes:
    start = np.datetime64("2025-03-03T09:00:00")
    rows = [f"{start + np.timedelta64(i, 's')}Z,{i},{i % 7}" for i in range(count)]
    return ("time,a,b\n" + "\n".join(rows) + "\n").encode()


def test_a_worker_that_dies_is_replaced_and_every_reading_is_there_once(
    client: APIClient, session: LabSession, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.now = timezone.now()
    hand_in(client, session, many_rows(40_000))
    job = ImportJob.objects.get()
    taken = iter(range(10))
    whole = import_job.ingest

    def dies(**batch: Any) -> Any:
        if next(taken) == 2:
            raise KeyboardInterrupt
        return whole(**batch)

    monkeypatch.setattr(import_job, "ingest", dies)
    with pytest.raises(KeyboardInterrupt):
        run_import(job_id=job.pk, clock=clock)
    half = ImportJob.objects.get()
    too_early = run_import(job_id=job.pk, clock=clock)
    clock.forward(seconds=LEASE.total_seconds())
    resumed = run_import(job_id=job.pk, clock=clock)

    done = ImportJob.objects.get()
    assert 0 < half.rows_done < half.rows_total == 40_000
    assert (too_early, resumed) == (False, True)
    assert (done.status, done.rows_done, done.created, done.attempts) == ("done", 40_000, 80_000, 2)
    assert {stats.count for stats in stores.current().summary(session.pk).values()} == {40_000}


def test_a_slow_worker_that_lost_its_lease_stores_nothing_more(
    client: APIClient, session: LabSession, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.now = timezone.now()
    hand_in(client, session, many_rows(40_000))
    job = ImportJob.objects.get()
    whole = import_job.ingest

    def robbed(**batch: Any) -> Any:
        ImportJob.objects.update(lease=uuid4())
        return whole(**batch)

    monkeypatch.setattr(import_job, "ingest", robbed)
    finished = run_import(job_id=job.pk, clock=clock)

    assert not finished
    assert ImportJob.objects.get().rows_done == 0
    assert not Segment.objects.exists()


def test_storage_that_is_down_is_tried_again_and_given_up_in_the_end(
    client: APIClient, session: LabSession, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.now = timezone.now()
    hand_in(client, session, WIDE)
    job = ImportJob.objects.get()
    Path(storage.store().path(job.stored_as)).unlink()

    run_import(job_id=job.pk, clock=clock)
    waiting = ImportJob.objects.get()
    for _ in range(5):
        clock.forward(minutes=20)
        run_import(job_id=job.pk, clock=clock)

    failed = ImportJob.objects.get()
    assert (waiting.status, waiting.attempts, waiting.lease) == ("queued", 1, None)
    assert waiting.lease_until is not None
    assert waiting.lease_until > clock.now - timedelta(minutes=101)
    assert (failed.status, failed.attempts) == ("failed", 5)


def test_a_failed_import_is_retried_by_who_may(client: APIClient, session: LabSession) -> None:
    channel = ChannelFactory(team=session.team, name="Temperature", unit="K")
    job = taken_in(client, session, WIDE)
    Channel.objects.filter(pk=channel.pk).update(unit="°C")

    refused = client_of(make_member(session.team, Role.OBSERVER)).post(address(session, f"s/{job.public_id}/retry"))
    again = client.post(address(session, f"s/{job.public_id}/retry"))
    tasks.take_in(str(job.pk))
    done = client.post(address(session, f"s/{job.public_id}/retry"))

    assert (refused.status_code, again.status_code, done.status_code) == (403, 202, 409)
    assert ImportJob.objects.get().status == "done"


def test_a_session_that_ends_in_between_keeps_what_was_stored_and_says_so(
    client: APIClient, session: LabSession
) -> None:
    hand_in(client, session, WIDE)
    lead = make_member(session.team, Role.LEAD)
    move_session(session=session, move=COMPLETE, by=lead, at=timezone.now())

    tasks.take_in(str(ImportJob.objects.get().pk))
    later = hand_in(client, session, WIDE)

    assert ImportJob.objects.get().status == "failed"
    assert "has ended" in ImportJob.objects.get().error
    assert (later.status_code, later.json()["code"]) == (409, "session_ended")


def test_who_was_removed_from_the_team_imports_nothing(client: APIClient, session: LabSession) -> None:
    hand_in(client, session, WIDE)
    job = ImportJob.objects.get()
    Membership.objects.filter(user=job.asked_by).delete()

    tasks.take_in(str(job.pk))

    assert ImportJob.objects.get().status == "failed"
    assert not Segment.objects.exists()


def test_the_sweep_finds_what_is_due_and_removes_only_old_files_of_nobody(
    client: APIClient, session: LabSession, tmp_path: Path
) -> None:
    hand_in(client, session, WIDE)
    job = ImportJob.objects.get()
    source = tmp_path / "orphan"
    source.write_bytes(b"nobody's")
    storage.put(source, "imports/x/orphan")
    now = timezone.now()

    young, old = importing.sweep_import_files(at=now), importing.sweep_import_files(at=now + timedelta(days=2))

    assert importing.due_imports(at=now) == [job.pk]
    assert (young, old) == (0, 1)
    assert list(storage.names_under("imports")) == [job.stored_as]


def test_a_file_beyond_the_limit_is_refused(client: APIClient, session: LabSession, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 50

    answer = hand_in(client, session, WIDE)

    assert answer.status_code == 413
    assert list(storage.names_under("imports")) == []


def test_an_idempotency_key_makes_one_job(client: APIClient, session: LabSession) -> None:
    answers = [
        client.post(
            address(session),
            {"file": SimpleUploadedFile("a.csv", WIDE.encode())},
            format="multipart",
            headers={"Idempotency-Key": "one"},
        )
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert ImportJob.objects.count() == 1


def test_the_list_of_imports_takes_as_many_queries_for_many_as_for_one(
    client: APIClient, session: LabSession, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        hand_in(client, session, WIDE)

    with django_assert_max_num_queries(6):
        page = client.get(address(session, "s")).json()

    assert len(page["items"]) == 3
    assert page["items"][0]["status"] == "queued"
    assert client_of(SessionFactory().created_by).get(address(session, "s")).status_code == 404
