"""The first start of a house, made once for a whole test run: migrating an empty database takes longer than most tests.

What is made lies in a folder that all lanes of the run share. Outside a test run, as in the benches, nothing is shared
and every house starts from nothing.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.faults import object_server

SHARED = "BIOLAB_TEST_PREPARED"
DATABASE = "test_house_template_"


def open_folder() -> None:
    """Make the shared folder, and name it to the lanes that this process is going to start."""
    os.environ[SHARED] = mkdtemp(prefix="biolab-prepared-")


def close_folder() -> None:
    """Remove what the run has shared."""
    folder = Path(os.environ.pop(SHARED))
    _end_process(folder / "bucket" / "pid")
    with contextlib.suppress(FileNotFoundError):
        _drop((folder / "database").read_text(), DATABASE + folder.name[-8:])
    shutil.rmtree(folder, ignore_errors=True)


def lay_out_data(data: Path, environment: Mapping[str, str]) -> None:
    """Fill a data folder as embedded mode's first start does."""

    def make(where: Path) -> None:
        _manage(environment, "prepare", BIOLAB_DATA=str(where))

    template = _once("embedded", make)
    if template is not None:
        shutil.copytree(template, data)


def collected_static(environment: Mapping[str, str]) -> Path | None:
    """Return a folder with the collected static files; None where nothing is shared."""
    return _once("static", lambda where: _manage(environment, "collectstatic", "--noinput", BIOLAB_STATIC=str(where)))


def template_database(url: str, environment: Mapping[str, str]) -> str | None:
    """Return the name of a migrated database that others may be copied from; None where nothing is shared."""

    def make(where: Path) -> None:
        name = DATABASE + where.parent.name[-8:]
        create_database(url, name)
        (where.parent / "database").write_text(url)
        _manage(environment, "migrate", "--verbosity", "0", DATABASE_URL=at_database(url, name))

    folder = _once("migrated", make)
    return DATABASE + folder.parent.name[-8:] if folder is not None else None


def create_database(url: str, name: str, *, template: str | None = None) -> None:
    """Make a database, empty or as a copy."""
    copied = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)) + copied)


@contextlib.contextmanager
def database(url: str, name: str, *, template: str | None = None) -> Iterator[str]:
    """Make a database for the block, give its URL, and drop it afterwards, whoever is still connected."""
    create_database(url, name, template=template)
    try:
        yield at_database(url, name)
    finally:
        _drop(url, name)


def at_database(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _drop(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def object_store() -> tuple[str, Path]:
    """Return the address of an S3-compatible server that runs until the end of the test run, and its folder."""
    folder = _once("bucket", object_server.start)
    if folder is None:
        raise RuntimeError("an object store is started in test runs only")
    return (folder / "address").read_text(), folder


def _end_process(note: Path) -> None:
    """Kill the process group that the note names, if there is one."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.killpg(int(note.read_text()), signal.SIGKILL)


def _once(name: str, make: Callable[[Path], None]) -> Path | None:
    """Return the shared folder of this name, made by whichever lane comes first."""
    shared = os.environ.get(SHARED)
    if shared is None:
        return None
    folder, done = Path(shared) / name, Path(shared) / f"{name}.done"
    with (Path(shared) / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def _manage(environment: Mapping[str, str], *arguments: str, **other: str) -> None:
    command = [sys.executable, "-m", "biolab.cli", "manage", *arguments]
    subprocess.run(command, env={**environment, **other}, stdout=subprocess.DEVNULL, check=True)
