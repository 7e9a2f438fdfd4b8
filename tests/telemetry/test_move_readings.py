"""Readings moved from engine to engine, and the same on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from sessions_app.models import LabSession
from telemetry_app import stores
from telemetry_app.models import Chunk
from telemetry_app.services import moving
from telemetry_app.stores.base import ReadingStore
from telemetry_app.stores.rows import RowStore
from tests.factories.sessions import SessionFactory
from tests.factories.telemetry import NINE_US, make_channels
from tests.telemetry.conformance.looking import content, everything, put
from tests.telemetry.engines import clickhouse_store, clickhouse_urls  # noqa: F401  fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]


@pytest.fixture
def database() -> ReadingStore:
    return stores.by_name("database")


@pytest.fixture
def clickhouse(
    clickhouse_store: RowStore,  # noqa: F811
    clickhouse_urls: list[str],  # noqa: F811
    settings: Settings,
) -> Iterator[ReadingStore]:
    """Give the store that the name ``clickhouse`` stands for, on a server of the tests' own."""
    settings.CLICKHOUSE_URL = clickhouse_urls[0]
    stores.by_name.cache_clear()
    store = stores.by_name("clickhouse")
    assert isinstance(store, RowStore)
    yield store
    store.rows.server.close()  # type: ignore[attr-defined]
    stores.by_name.cache_clear()


def recorded(store: ReadingStore, *, ended: bool = True) -> LabSession:
    """Return a session with 600 readings in two channels, overwritten, withdrawn and folded in part."""
    session = SessionFactory(completed=ended)
    channels = make_channels(session, "a", "b")
    rows = [(name, NINE_US + i, i / 7) for i in range(300) for name in channels]
    put(store, session, channels, rows)
    store.compact(session.pk)
    put(store, session, channels, [("a", NINE_US + 5, -0.0), ("b", NINE_US + 900, 1.0)])
    store.withdraw(session.pk, channels["b"], NINE_US + 7, NINE_US + 8, at=session.started_at)
    return session


def move(source: str, target: str, *options: str) -> str:
    out = StringIO()
    call_command("move_readings", "--from", source, "--to", target, *options, stdout=out)
    return out.getvalue()


def test_all_sessions_and_what_lies_outside_them_are_there_afterwards_and_the_next_run_copies_nothing(
    database: ReadingStore, clickhouse: ReadingStore
) -> None:
    sessions = [recorded(database) for _ in range(2)]
    loose = make_channels(sessions[0], "c")
    put(database, None, loose, [("c", 1, 2.0)])

    told = move("database", "clickhouse")

    assert told.count("599 readings copied, equal") == 2
    assert "no session, 1 readings copied, equal" in told
    assert "1,199 readings of 3 sessions are the same in database and clickhouse." in told
    for session in sessions:
        expected = content(everything(database, session.pk).values())
        assert content(everything(clickhouse, session.pk).values()) == expected
        assert clickhouse.seal(session.pk) == database.seal(session.pk)
    for session_id in (None, *(session.pk for session in sessions)):
        database.compact(session_id)
    assert move("database", "clickhouse").count("already there, equal") == 3
    assert "compared, equal" in move("database", "clickhouse", "--verify")


def test_what_was_copied_in_part_is_completed(
    database: ReadingStore, clickhouse: ReadingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "BLOCK_ROWS", 100)
    session = recorded(database)
    broken_off = moving._copied(database, clickhouse, session.pk, moving.last_position(session.pk))
    assert next(broken_off)
    assert next(broken_off)

    told = move("database", "clickhouse")

    assert "599 readings copied, equal" in told
    assert clickhouse.seal(session.pk) == database.seal(session.pk)


def test_batches_that_wait_while_the_rest_is_moved_are_folded_into_the_new_engine(
    database: ReadingStore, clickhouse: ReadingStore
) -> None:
    session = recorded(database)
    move("database", "clickhouse")
    sealed = database.seal(session.pk)

    moved = clickhouse.compact(session.pk)

    assert moved == 4
    assert clickhouse.seal(session.pk) == sealed
    assert isinstance(clickhouse, RowStore)
    assert sum(run[0].size for run in clickhouse.rows.read(session.pk, None, 0, 2 * NINE_US).values()) == 599


def test_readings_come_back_to_the_database_as_chunks(
    database: ReadingStore, clickhouse: ReadingStore, settings: Settings
) -> None:
    settings.STORAGE_BACKEND = "clickhouse"
    session = recorded(clickhouse)
    clickhouse.compact(session.pk)
    assert not Chunk.objects.exists()

    told = move("clickhouse", "postgresql")

    assert "599 readings copied, equal" in told
    assert sum(Chunk.objects.values_list("count", flat=True)) == 599
    assert database.seal(session.pk) == clickhouse.seal(session.pk)


def test_readings_that_only_the_target_has_are_told_and_nothing_is_called_done(
    database: ReadingStore, clickhouse: ReadingStore
) -> None:
    session = recorded(database)
    channels = make_channels(session, "z")
    clickhouse.settle(session.pk, {channels["z"]: (np.array([5]), np.array([5.0]))}, 1)

    with pytest.raises(CommandError, match=f"clickhouse holds other readings than database of {session.public_id}"):
        move("database", "clickhouse")

    with pytest.raises(CommandError, match="holds other readings"):
        move("database", "clickhouse", "--verify")


def test_a_session_that_goes_on_is_left_alone_unless_asked_for(
    database: ReadingStore, clickhouse: ReadingStore
) -> None:
    session = recorded(database, ended=False)

    with pytest.raises(CommandError, match=f"Not ended yet: {session.public_id}"):
        move("database", "clickhouse", "--session", session.public_id)

    assert isinstance(clickhouse, RowStore)
    assert clickhouse.rows.extent(session.pk, None, 0, 2 * NINE_US) is None
    assert "equal" in move("database", "clickhouse", "--session", session.public_id, "--live")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("database", "postgresql"), "the same engine"),
        (("clickhouse", "database"), "--from must be the engine in use, database"),
        (("database", "clickhouse", "--session", "sess_nobody"), "There is no session sess_nobody"),
    ],
)
def test_what_makes_no_sense_is_refused(clickhouse: ReadingStore, arguments: tuple[str, ...], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        move(*arguments)


def test_an_engine_that_is_not_set_up_is_named(settings: Settings) -> None:
    settings.CLICKHOUSE_URL = ""
    stores.by_name.cache_clear()

    with pytest.raises(CommandError, match="CLICKHOUSE_URL must read clickhouse://"):
        move("database", "clickhouse")
