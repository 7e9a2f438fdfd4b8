"""The store by itself: readings in, folded, on disk and out again, beside rows with a primary key on PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.bench.table import Table
from tests.services import services

DATABASE = "test_bench_store"
WORK = "import django; django.setup(); from tests.bench.store_work import main; main()"


def store(folder: str) -> list[Table]:
    """Return what the store does with ten million readings of the bioreactor, on PostgreSQL and on SQLite.

    Args:
        folder: holds recordings as CSV, stored and measured too; empty for none.
    """
    with services() as found:
        if found is None:
            raise SystemExit("This bench needs PostgreSQL.")
        with psycopg.connect(found.database_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {DATABASE}")
        url = urlunsplit(urlsplit(found.database_url)._replace(path=f"/{DATABASE}"))
        try:
            tables = _worked(folder, BIOLAB_TEST_DATABASE_URL=url, BIOLAB_TEST_REDIS_URL=found.redis_url)
        finally:
            with psycopg.connect(found.database_url, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    with TemporaryDirectory(prefix="biolab-bench-") as data:
        tables += _worked(folder, BIOLAB_TEST_DATABASE_URL="", BIOLAB_TEST_REDIS_URL="", BIOLAB_TEST_DATA=data)
    return tables


def _worked(folder: str, **environment: str) -> list[Table]:
    """Do the work in a process of its own and return its tables."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "biolab.settings.test", "BENCH_RECORDINGS": folder, **environment}
    done = subprocess.run([sys.executable, "-c", WORK], env=env, check=True, stdout=subprocess.PIPE)
    tables = json.loads(done.stdout.splitlines()[-1])
    return [Table(table["title"], tuple(table["columns"]), [tuple(row) for row in table["rows"]]) for table in tables]
