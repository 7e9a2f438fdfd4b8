"""Real processes of BioLab for tests: start them, kill them, start them again.

Embedded mode is one process on SQLite. Service mode is web, live, worker and beat on a database of their own in the
PostgreSQL, and in the Redis, that the test run found. Every process gets its own group, so that a kill takes all of it.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from biolab.front import pass_on
from biolab.private_services import free_port
from biolab.services_here import commands, environment
from tests.faults import prepared

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
ADMIN = "admin@lab.example"
PASSWORD = "a-long-enough-password"
CLEAN = ("DJANGO_", "BIOLAB_", "DATABASE_URL", "REDIS_URL", "CELERY_", "SECRET_KEY", "JWT_", "PYTEST_", "PROMETHEUS_")


def wait_for(what: Callable[[], bool], *, timeout_s: float = 120, every_s: float = 0.1, doing: str = "waiting") -> None:
    """Return once ``what`` holds.

    Raises:
        TimeoutError: it does not within ``timeout_s``.
    """
    deadline = time.monotonic() + timeout_s
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError(f"gave up {doing} after {timeout_s:.0f} s")
        time.sleep(every_s)


def status(url: str) -> int:
    """Return the status of a GET, 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


class House:
    """Processes by name, the environment they share and the address people use."""

    def __init__(self, folder: Path, env: dict[str, str], commands: dict[str, list[str]], url: str) -> None:
        self.folder = folder
        self.env = env
        self.commands = commands
        self.url = url
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        """Start the named processes, or all of them."""
        for name in names or self.commands:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    self.commands[name], env=self.env, stdout=log, stderr=log, start_new_session=True
                )

    def wait_until_served(self, timeout_s: float = 240) -> None:
        """Return once ``/health`` answers."""
        wait_for(lambda: status(f"{self.url}/health") == 200, timeout_s=timeout_s, doing=f"for {self.url}")

    def kill(self, *names: str) -> None:
        """Kill the named processes, children included, without a chance to clean up."""
        for name in names:
            process = self.processes[name]
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def interrupt(self, name: str, *, timeout_s: float = 30) -> int:
        """Send Ctrl-C and return the exit status."""
        self.processes[name].send_signal(signal.SIGINT)
        return self.processes[name].wait(timeout_s)

    def manage(self, *arguments: str) -> str:
        """Run a management command in the house's environment and return what it prints."""
        command = [sys.executable, "-m", "biolab.cli", "manage", *arguments]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def log(self, name: str) -> str:
        """Return what a process has written so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def end(self) -> None:
        """Kill whatever still runs."""
        self.kill(*(name for name, process in self.processes.items() if process.poll() is None))


def running_session(house: House) -> tuple[str, str]:
    """Make a running session; return its id and a token that may write readings to it and read them."""
    command = [sys.executable, "-m", "tests.faults.import_scene"]
    done = subprocess.run(command, env=house.env, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    made = json.loads(done.stdout.splitlines()[-1])
    return made["session"], made["token"]


def _clean_environment(folder: Path, **more: str) -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if not name.startswith(CLEAN)}
    return given | {
        "BIOLAB_DATA": str(folder / "data"),
        "BIOLAB_STATIC": str(folder / "static"),
        "BIOLAB_DEMO": "0",
        "INITIAL_ADMIN_EMAIL": ADMIN,
        "INITIAL_ADMIN_PASSWORD": PASSWORD,
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def bare_environment(folder: Path) -> dict[str, str]:
    """Return the environment of embedded mode on a data folder below ``folder``, for programs without a server."""
    return _clean_environment(folder, DJANGO_SETTINGS_MODULE="biolab.settings.local")


@contextlib.contextmanager
def embedded(folder: Path, **env: str) -> Iterator[House]:
    """Run embedded mode on a data folder below ``folder``, prepared and answering."""
    port = free_port()
    given = _clean_environment(folder, PORT=str(port), DJANGO_SETTINGS_MODULE="biolab.settings.local", **env)
    command = [sys.executable, "-m", "biolab.cli", "serve", "--prepare"]
    house = House(folder, given, {"serve": command}, f"http://127.0.0.1:{port}")
    prepared.lay_out_data(folder / "data", given)
    try:
        house.start()
        house.wait_until_served()
        yield house
    finally:
        house.end()


@contextlib.contextmanager
def service(folder: Path, *, database_url: str, redis_url: str, web_workers: int = 2, **env: str) -> Iterator[House]:
    """Run service mode on a database of its own, prepared and answering.

    The house's ``url`` is the web server's; ``env["LIVE_URL"]`` tells where the live server listens.
    """
    name = f"test_house_{uuid4().hex[:12]}"
    data = folder / "data"
    data.mkdir()
    given = _clean_environment(folder, **env)
    given.setdefault("DATABASE_POOL_SIZE", "8")
    given |= environment(data, database_url=database_url, redis_url=redis_url, given=given)
    static = prepared.collected_static(given)
    template = prepared.template_database(database_url, given)
    with prepared.database(database_url, name, template=template) as own_url:
        given["DATABASE_URL"] = own_url
        web_port, live_port = free_port(), free_port()
        processes = commands(
            host="127.0.0.1", web_port=web_port, live_port=live_port, data=data, web_workers=web_workers
        )
        given["LIVE_URL"] = f"http://127.0.0.1:{live_port}"
        house = House(folder, given, processes, f"http://127.0.0.1:{web_port}")
        try:
            house.manage("prepare")
            if static is None:
                house.manage("collectstatic", "--noinput", "--verbosity", "0")
            else:
                house.env["BIOLAB_STATIC"] = str(static)
            house.start()
            house.wait_until_served()
            wait_for(lambda: status(f"{given['LIVE_URL']}/health") == 200, doing="for the live server")
            yield house
        finally:
            house.end()


@contextlib.contextmanager
def in_front_of(web: str, live: str) -> Iterator[str]:
    """Run the front proxy in a thread and give its address."""
    port, runner = free_port(), asyncio.Runner()
    web_at, live_at = ((parts.hostname or "", parts.port or 80) for parts in (urlsplit(web), urlsplit(live)))
    loop = runner.get_loop()
    passing = loop.create_task(pass_on(listen=("127.0.0.1", port), web=web_at, live=live_at))

    def run() -> None:
        with runner, contextlib.suppress(asyncio.CancelledError):  # closing it ends what is still passing
            loop.run_until_complete(passing)

    thread = threading.Thread(target=run)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: status(f"{url}/health") == 200, doing="for the front")
        yield url
    finally:
        loop.call_soon_threadsafe(passing.cancel)
        thread.join()
