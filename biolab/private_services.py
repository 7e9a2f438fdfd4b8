"""PostgreSQL, Redis and ClickHouse of our own, from installed binaries, on free loopback ports, for tries and tests."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

UNPRIVILEGED = ("postgres", "nobody")


class NotInstalled(Exception):
    """The binaries that would be needed are not on this machine."""


def free_port() -> int:
    """Return a loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _postgresql_bin() -> Path:
    """Return the folder of the newest installed PostgreSQL server."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    for folder in [*folders, *([Path(on_path).parent] if on_path else [])]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NotInstalled("PostgreSQL's server binaries were not found.")


def _owner() -> str | None:
    """Return the account a database server must run as: none but our own, unless we are root."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise NotInstalled("PostgreSQL does not run as root, and there is no other account to run it as.")


def _wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], what: str, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise NotInstalled(f"{what} was installed but did not start.")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes], number: int) -> None:
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def postgresql(folder: Path, *, name: str = "biolab") -> Iterator[str]:
    """Run a PostgreSQL in ``folder`` (kept between runs) and give the URL of database ``name``.

    Raises:
        NotInstalled: there is no server to run.
    """
    import signal

    import psycopg

    binaries, owner = _postgresql_bin(), _owner()
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    if owner is not None:
        _let_through(folder, owner)
    if not (data / "PG_VERSION").exists():
        subprocess.run(
            [str(binaries / "initdb"), "-D", str(data), "-U", "biolab", "-A", "trust", "-E", "UTF8", "--locale=C"],
            check=True,
            stdout=subprocess.DEVNULL,
            user=owner,
            cwd="/",
        )
    port = free_port()
    log = (folder / "log").open("ab")
    process = subprocess.Popen(
        [
            *(str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", ""),
            *("-c", "max_connections=200"),
        ],
        stdout=log,
        stderr=log,
        user=owner,
        cwd="/",
        start_new_session=True,
    )
    url = f"postgresql://biolab@127.0.0.1:{port}"

    def answers() -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(f"{url}/postgres", connect_timeout=2):
            return True
        return False

    try:
        _wait_until(answers, process, "PostgreSQL")
        with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if known is None:
                connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        yield f"{url}/{name}"
    finally:
        _stop(process, signal.SIGINT)
        log.close()


def _let_through(folder: Path, owner: str) -> None:
    """Give ``folder`` to ``owner`` and let that account walk to it."""
    shutil.chown(folder, owner)
    for parent in folder.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001 and parent.stat().st_uid == os.geteuid():
            parent.chmod(mode | 0o111)


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Run a Redis that keeps nothing but its log in ``folder`` and give its URL.

    Raises:
        NotInstalled: there is no server to run.
    """
    import signal

    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        raise NotInstalled("redis-server was not found.")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    log = (folder / "log").open("ab")
    process = subprocess.Popen(
        [binary, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)],
        stdout=log,
        stderr=log,
        start_new_session=True,
    )

    try:
        _wait_until(partial(_listens, port), process, "Redis")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        _stop(process, signal.SIGTERM)
        log.close()


CLICKHOUSE = """<yandex>
  <logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>
  <listen_host>127.0.0.1</listen_host>
  <tcp_port>{port}</tcp_port>
  <path>{folder}/data/</path>
  <tmp_path>{folder}/tmp/</tmp_path>
  <mark_cache_size>67108864</mark_cache_size>
  <users_config>{folder}/config.xml</users_config>
  <users><default>
    <password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
  </default></users>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <remote_servers><{cluster}>{shards}</{cluster}></remote_servers>
</yandex>
"""
CLICKHOUSE_SHARD = "<shard><replica><host>127.0.0.1</host><port>{port}</port></replica></shard>"


@contextlib.contextmanager
def clickhouse(folder: Path, *, shards: int = 1, cluster: str = "lab") -> Iterator[list[str]]:
    """Run a ClickHouse for each shard in ``folder`` and give their URLs; they know one another as ``cluster``.

    Raises:
        NotInstalled: there is no server to run.
    """
    import signal

    binary = shutil.which("clickhouse-server")
    if binary is None:
        raise NotInstalled("clickhouse-server was not found.")
    ports = [free_port() for _ in range(shards)]
    known = "".join(CLICKHOUSE_SHARD.format(port=port) for port in ports)

    with contextlib.ExitStack() as ending:
        for port in ports:
            place = folder / str(port)
            place.mkdir(parents=True)
            config = place / "config.xml"
            config.write_text(CLICKHOUSE.format(folder=place, port=port, cluster=cluster, shards=known))
            out = ending.enter_context((place / "out").open("ab"))
            process = subprocess.Popen(
                [binary, f"--config-file={config}"], cwd=place, stdout=out, stderr=out, start_new_session=True
            )
            ending.callback(_stop, process, signal.SIGTERM)
            _wait_until(partial(_listens, port), process, "ClickHouse")
        yield [f"clickhouse://127.0.0.1:{port}/default" for port in ports]


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
