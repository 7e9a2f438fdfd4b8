"""Benches that work in a database and a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.bench.table import Table
from tests.services import services


@contextmanager
def own_database(name: str) -> Iterator[dict[str, str]]:
    """Give the environment of a process that works in a new PostgreSQL database, which is dropped at the end."""
    with services() as found:
        if found is None:
            raise SystemExit("This bench needs PostgreSQL.")
        url = urlunsplit(urlsplit(found.database_url)._replace(path=f"/{name}"))
        _run(found.database_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
        try:
            yield {"BIOLAB_TEST_DATABASE_URL": url, "BIOLAB_TEST_REDIS_URL": found.redis_url}
        finally:
            _run(found.database_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def tables_of(module: str, **environment: str) -> list[Table]:
    """Run ``main`` of a module with Django set up and return the tables that its last line of output tells."""
    work = f"import django; django.setup(); from {module} import main; main()"
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "biolab.settings.test", **environment}
    done = subprocess.run([sys.executable, "-c", work], env=env, check=True, stdout=subprocess.PIPE)
    tables = json.loads(done.stdout.splitlines()[-1])
    return [Table(table["title"], tuple(table["columns"]), [tuple(row) for row in table["rows"]]) for table in tables]


def _run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
