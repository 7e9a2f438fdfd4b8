"""What only engines beside Django's own database can do: be absent, be down, be read while readings move to them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from biolab.accounts.roles import Role
from biolab.kernel.errors import Unavailable
from biolab.private_services import free_port
from sessions_app.models import TimelineEvent
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from telemetry_app import stores
from telemetry_app.models import Segment
from telemetry_app.stores import clickhouse_server
from telemetry_app.stores.clickhouse import ClickHouseRows
from telemetry_app.stores.clickhouse_server import Server
from telemetry_app.stores.rows import RowStore
from telemetry_app.stores.timescale import HyperRows, TableRows
from tests.factories.accounts import client_of
from tests.factories.sessions import NINE, SessionFactory, make_member
from tests.factories.telemetry import NINE_US, later_iso, make_channels
from tests.telemetry.conformance.looking import assert_reads_as, bits, everything, put
from tests.telemetry.engines import CLUSTER, clickhouse_store, clickhouse_urls  # noqa: F401  fixtures
from tests.telemetry.test_races import in_threads, sender

TEN = (np.arange(10), np.arange(10, dtype=np.float64))


@pytest.fixture
def uncached() -> Iterator[None]:
    """Let names stand for what the settings of the test say."""
    stores.by_name.cache_clear()
    yield
    stores.by_name.cache_clear()


# --- absent or wrongly set up ---


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:8123", "clickhouse:///readings"])
def test_an_address_that_is_none_is_refused_before_anything_starts(
    url: str, settings: Settings, uncached: None
) -> None:
    settings.STORAGE_BACKEND, settings.CLICKHOUSE_URL = "clickhouse", url

    with pytest.raises(ImproperlyConfigured, match="CLICKHOUSE_URL must read"):
        stores.current()


def test_a_missing_driver_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clickhouse_server, "Client", None)

    with pytest.raises(ImproperlyConfigured, match=r"pip install 'biolab\[clickhouse\]'"):
        Server("clickhouse://127.0.0.1")


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("clickhouse://lab:p%40ss@ch.example/readings", ("ch.example", 9000)),
        ("clickhouses://ch.example", ("ch.example", 9440)),
        ("clickhouse://ch.example:9001", ("ch.example", 9001)),
    ],
)
def test_an_address_may_leave_the_port_to_its_kind(url: str, where: tuple[str, int]) -> None:
    server = Server(url)

    assert (server.host, server.port) == where


def test_a_cluster_that_the_server_does_not_know_is_refused(clickhouse_urls: list[str]) -> None:  # noqa: F811
    rows = ClickHouseRows(clickhouse_urls[0], "warehouse")

    with pytest.raises(ImproperlyConfigured, match="'warehouse' is no cluster"):
        rows.prepare()
    rows.server.close()


def test_a_cluster_spreads_channels_over_its_servers(clickhouse_urls: list[str]) -> None:  # noqa: F811
    rows = ClickHouseRows(clickhouse_urls[0], CLUSTER)
    rows.prepare()
    session = UUID(int=77)
    runs = {UUID(int=number): TEN for number in range(1, 41)}

    rows.write(session, runs, 1)

    counts = []
    for url in clickhouse_urls:
        server = Server(url)
        counts += server.ask("SELECT count() FROM readings WHERE session = toUUID(%(session)s)", session=str(session))
        server.close()
    assert sum(count for (count,) in counts) == 400
    assert all(count > 0 for (count,) in counts)
    assert rows.read(session, None, 0, 10).keys() == runs.keys()
    rows.server.close()


@pytest.mark.django_db
def test_a_database_without_the_extension_is_refused_with_what_to_do() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'")
            if cursor.fetchone():
                pytest.skip("this PostgreSQL has the extension")

    with pytest.raises(ImproperlyConfigured, match="STORAGE_BACKEND=timescale needs"):
        HyperRows().prepare()


@pytest.mark.django_db
@pytest.mark.sqlite_only
def test_preparing_a_start_says_what_the_engine_lacks(settings: Settings, uncached: None) -> None:
    settings.STORAGE_BACKEND = "timescale"

    with pytest.raises(CommandError, match="STORAGE_BACKEND=timescale needs PostgreSQL"):
        call_command("prepare")


# --- down ---


@pytest.mark.django_db
@pytest.mark.sqlite_only
def test_batches_are_taken_while_the_server_is_down_and_move_when_it_is_back(clickhouse_store: RowStore) -> None:  # noqa: F811
    session = SessionFactory()
    channels = make_channels(session, "a")
    rows: Any = clickhouse_store.rows
    there, rows.server = rows.server, Server(f"clickhouse://127.0.0.1:{free_port()}")

    counts = [put(clickhouse_store, session, channels, [("a", NINE_US + i, float(i))]) for i in range(3)]
    with pytest.raises(Unavailable, match="does not answer"):
        clickhouse_store.compact(session.pk)
    with pytest.raises(Unavailable, match="does not answer"):
        everything(clickhouse_store, session.pk)

    assert [count.created for count in counts] == [1, 1, 1]
    assert Segment.objects.filter(columns__isnull=False).count() == 3
    assert clickhouse_store.latest(session.pk)[channels["a"]].value == 2.0
    rows.server = there
    assert clickhouse_store.compact(session.pk) == 3
    assert not Segment.objects.filter(columns__isnull=False).exists()
    assert_reads_as(clickhouse_store, session.pk, {(channels["a"], NINE_US + i): bits(float(i)) for i in range(3)})


@pytest.mark.django_db
@pytest.mark.sqlite_only
def test_a_move_that_was_cut_off_after_the_rows_were_written_is_made_again_without_doubling(
    clickhouse_store: RowStore,  # noqa: F811
) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a")
    expected = {}
    for turn in range(3):
        readings = [("a", NINE_US + turn * 50 + i, float(turn)) for i in range(100)]
        put(clickhouse_store, session, channels, readings)
        expected |= {(channels["a"], us): bits(value) for _, us, value in readings}
    position = Segment.objects.order_by("position")[1].position
    waiting = clickhouse_store.window(session.pk, None, 0, 2 * NINE_US)[channels["a"]]
    clickhouse_store.settle(session.pk, {channels["a"]: (waiting.times[:150], waiting.values[:150])}, position)

    assert_reads_as(clickhouse_store, session.pk, expected)
    clickhouse_store.compact(session.pk)

    assert_reads_as(clickhouse_store, session.pk, expected)


# --- in use ---


@pytest.mark.django_db
@pytest.mark.sqlite_only
def test_a_session_runs_from_its_first_reading_to_its_seal_on_another_engine(
    clickhouse_store: RowStore,  # noqa: F811
    clickhouse_urls: list[str],  # noqa: F811
    settings: Settings,
    uncached: None,
) -> None:
    settings.STORAGE_BACKEND, settings.CLICKHOUSE_URL = "clickhouse", clickhouse_urls[0]
    session = SessionFactory()
    client = client_of(make_member(session.team, Role.OPERATOR))
    address = f"/api/sessions/{session.public_id}/telemetry"
    start = timezone.now() - timedelta(seconds=200)
    data = [{"timestamp": later_iso(start, seconds=i), "channel": "pH", "value": i / 10} for i in range(100)]

    for part in (data[:60], data[60:]):
        assert client.post(f"{address}/batch", {"data": part}, format="json").json()["created"] == len(part)
        if part is not data[60:]:
            stores.current().compact(session.pk)

    assert [row["value"] for row in client.get(f"{address}?channel=pH&limit=3").json()] == [9.9, 9.8, 9.7]
    series = client.get(f"{address}/series?channels=pH&max_points=10").json()
    assert (series["raw_count"], series["decimated"]) == (100, True)
    assert (series["series"]["pH"]["min"][0], series["series"]["pH"]["max"][-1]) == (0.0, 9.9)
    move_session(session=session, move=COMPLETE, by=make_member(session.team, Role.LEAD), at=NINE)
    sealed = TimelineEvent.objects.get(session=session, kind="telemetry.sealed")
    assert sealed.payload["channels"]["pH"]["count"] == 100
    current: Any = stores.current()
    current.rows.server.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.services
@pytest.mark.parametrize("engine", ["clickhouse", "plain_rows"])
def test_readings_that_arrive_while_others_move_to_the_engine_are_all_there_once(
    engine: str, request: pytest.FixtureRequest
) -> None:
    store = rows_store(engine, request)
    session = SessionFactory()
    done = threading.Event()

    def fold() -> int:
        moved = 0
        while not done.is_set():
            moved += store.compact(session.pk)
        return moved

    def look() -> int:
        most = 0
        while not done.is_set():
            count = sum(held.count for held in store.summary(session.pk).values())
            assert count >= most, "a reading disappeared"
            most = count
        return most

    def send_all() -> list[object]:
        try:
            return in_threads(*(sender(session, 100 * i, 30, name=f"c{i % 2}") for i in range(3)))
        finally:
            done.set()

    sent, *others = in_threads(send_all, fold, fold, look)

    assert sent == [300, 300, 300]
    assert not [other for other in others if isinstance(other, Exception)]
    store.compact(session.pk)
    assert not Segment.objects.filter(columns__isnull=False).exists()
    assert sum(run.times.size for run in everything(store, session.pk).values()) == 900


def rows_store(engine: str, request: pytest.FixtureRequest) -> RowStore:
    """Return the store of an engine, with its table outside any transaction of the test."""
    if engine == "clickhouse":
        (url, _) = request.getfixturevalue("clickhouse_urls")
        rows = ClickHouseRows(url)
        request.addfinalizer(rows.server.close)
        rows.prepare()
        return RowStore("clickhouse", rows)
    table = TableRows()
    table.prepare()
    return RowStore("timescale", table)
