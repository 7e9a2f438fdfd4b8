"""What every test may use: a clock, and tables that stay append-only around transactional tests."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from biolab.kernel import append_only
from tests.faults import prepared

# how fast examples come says how busy the machine is, not how good the test
hypothesis_settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("house")


class Clock:
    """Time as an argument: reads ``now`` and moves only when told to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> datetime:
        """Move on by a ``timedelta`` given by its parts and return the new time."""
        self.now += timedelta(**delta)
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands at 09:00 UTC on a working day."""
    return Clock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


@pytest.fixture(scope="session", autouse=True)
def _tables_are_emptied_quickly() -> Iterator[None]:
    """Empty what a transactional test filled, instead of Django's flush.

    That truncates every table, which PostgreSQL takes a second for, and fails on tables that only grow.
    """
    original = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
    TransactionTestCase._fixture_teardown = lambda _case: empty_tables()  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = original  # type: ignore[attr-defined]


def empty_tables() -> None:
    """Delete all rows but those that migrations and ``migrate`` itself put there; triggers are lifted meanwhile."""
    made = {MigrationRecorder.Migration._meta.db_table, ContentType._meta.db_table, Permission._meta.db_table}
    tables = sorted(set(connection.introspection.django_table_names(only_existing=True)) - made)
    asked = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")" for table in tables)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(asked)
        filled = [table for (table,) in cursor.fetchall()]
        with append_only.lifted(among=filled):
            for table in filled:
                cursor.execute(f'DELETE FROM "{table}"')
            connection.check_constraints()


@pytest.fixture(scope="session", autouse=True)
def _data_folder_is_removed() -> Iterator[None]:
    """Remove the run's data folder at its end."""
    yield
    shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    """Let all lanes of the run share the first start of a house."""
    if not hasattr(config, "workerinput"):
        prepared.open_folder()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what they shared."""
    if not hasattr(config, "workerinput"):
        prepared.close_folder()


DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "django_db_serialized_rollback"}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep together, in one lane of a run, what shares something: mostly a house of real processes, or a browser.

    Said this early because pytest-xdist reads it before it lets others change the collection. Tests on the run's own
    database are left out: those that commit must come after all others, and a group would bring them forward.
    """
    if _drives_a_browser(item):
        item.add_marker(pytest.mark.xdist_group("browser"))
    elif item.path.stem == "test_style":  # reads the whole house, once
        item.add_marker(pytest.mark.xdist_group("style"))
    elif _shares(item) and not _uses_the_database(item):
        kind = "service" if item.get_closest_marker("services") else "alone"
        item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}-{kind}"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest, houses of real processes and browsers; skip what needs services where there are none."""
    items.sort(key=lambda item: (not {"faults", "flows"} & set(item.path.parts), not _drives_a_browser(item)))
    if not (settings.DATABASES["default"]["ENGINE"].endswith("postgresql") and not settings.EMBEDDED):
        for item in items:
            if item.get_closest_marker("services"):
                item.add_marker(pytest.mark.skip(reason="needs PostgreSQL and Redis"))
        return
    pure = [item for item in items if not _touches_services(item)]
    if pure:
        config.hook.pytest_deselected(items=pure)
        items[:] = [item for item in items if _touches_services(item)]


def _touches_services(item: pytest.Item) -> bool:
    """Tell whether a test reads or writes a database, or asks for services by name."""
    return _uses_the_database(item) or item.get_closest_marker("services") is not None


def _uses_the_database(item: pytest.Item) -> bool:
    """Tell whether a test reads or writes the database of the run."""
    marked = item.get_closest_marker("django_db")
    return bool(marked or DATABASE_FIXTURES & set(getattr(item, "fixturenames", ())))


def _shares(item: pytest.Item) -> bool:
    """Tell whether a test uses a fixture that others of its module use, too."""
    fixtures: dict[str, Any] = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009  pytest has no public way
    return any(definitions[-1].scope == "module" for definitions in fixtures.values())


def _drives_a_browser(item: pytest.Item) -> bool:
    return "browser" in item.path.parts or item.get_closest_marker("browser") is not None
