"""What the tests need beside Python: PostgreSQL and Redis, running or started here, and programs of this machine."""

import contextlib
import getpass
import importlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import NoReturn

import psycopg
import pytest
import redis

from biolab import private_services


@dataclass(frozen=True)
class Found:
    """The services' addresses and where they came from."""

    database_url: str
    redis_url: str
    how: str


def _database_candidates() -> list[str]:
    given = os.environ.get("BIOLAB_TEST_DATABASE_URL") or os.environ.get("DATABASE_URL")
    if given:
        return [given]
    people = ["postgres", getpass.getuser(), "postgres:postgres"]
    return [f"postgresql://{person}@127.0.0.1:5432/postgres" for person in people]


def _may_create_databases(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error:
        return False
    return bool(row and row[0])


def _answers(url: str) -> bool:
    try:
        client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
        with contextlib.closing(client):
            return bool(client.ping())
    except redis.RedisError:
        return False


@contextlib.contextmanager
def services() -> Iterator[Found | None]:
    """Give the services' addresses for as long as the block lasts, or None where there are none."""
    given_redis = os.environ.get("BIOLAB_TEST_REDIS_URL") or os.environ.get("REDIS_URL")
    with contextlib.ExitStack() as ending:
        folder = Path(ending.enter_context(TemporaryDirectory(prefix="biolab-services-", dir="/tmp")))
        database_url = next((url for url in _database_candidates() if _may_create_databases(url)), "")
        redis_url = next((url for url in [given_redis or "redis://127.0.0.1:6379/0"] if _answers(url)), "")
        how = "already running"
        try:
            if not database_url:
                database_url = ending.enter_context(private_services.postgresql(folder / "postgresql"))
                how = "private"
            if not redis_url:
                redis_url = ending.enter_context(private_services.redis(folder / "redis"))
                how = "private"
        except private_services.NotInstalled as missing:
            print(f"Services: {missing}")
            yield None
            return
        yield Found(database_url, redis_url, how)


def library(name: str, *, extra: str) -> ModuleType:
    """Return a library of an extra; without it skip the module at hand, or fail it where nothing may be missing."""
    try:
        return importlib.import_module(name)
    except ImportError:
        absent(f"{name} is not installed (the extra “{extra}”)", whole_module=True)


def program(name: str, *, package: str = "") -> str:
    """Return where a program is; without it skip the test at hand, or fail it where nothing may be missing.

    Args:
        package: Debian's, where it has another name.
    """
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")  # not on every person's path
    if found is None:
        absent(f"{name} is not installed (Debian: {package or name})")
    return found


def absent(what: str, *, whole_module: bool = False) -> NoReturn:
    """Skip the test at hand, or its module, because of what is missing; fail it where nothing may be missing."""
    if os.environ.get("BIOLAB_REQUIRE_SERVICES") == "1":
        pytest.fail(what, pytrace=False)
    pytest.skip(what, allow_module_level=whole_module)
