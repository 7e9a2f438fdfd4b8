"""Servers to compare with, each on a database of its own in the same PostgreSQL."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from secrets import token_urlsafe
from urllib.parse import urlsplit, urlunsplit

import jwt
import psycopg

from biolab.private_services import free_port
from tests.faults.house import status, wait_for

NAME = "test_bench_reference"


@contextmanager
def served(
    app: str, *, database_url: str = "", tables: Sequence[str] = (), workers: int = 2
) -> Iterator[tuple[str, dict[str, str], int]]:
    """Serve a reference under uvicorn and give its URL, the headers it wants and its process.

    Args:
        app: the module under ``tests.bench`` that holds it.
        tables: statements that make its tables; without any it has no database.
    """
    port, key = free_port(), token_urlsafe(40)
    own = urlunsplit(urlsplit(database_url)._replace(path=f"/{NAME}"))
    if tables:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {NAME}")
        with psycopg.connect(own) as connection:
            for statement in tables:
                connection.execute(statement)
    env = {**os.environ, "REFERENCE_KEY": key, "REFERENCE_DATABASE_URL": own}
    command = [sys.executable, "-m", "uvicorn", f"tests.bench.{app}:app", "--port", str(port)]
    quiet = ["--workers", str(workers), "--log-level", "warning", "--no-access-log"]
    server = subprocess.Popen([*command, *quiet], env=env)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: status(f"{url}/health") == 200, doing="for the reference")
        token = jwt.encode({"sub": "bench"}, key, algorithm="HS256")
        yield url, {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}, server.pid
    finally:
        server.terminate()
        server.wait()
        if tables:
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
