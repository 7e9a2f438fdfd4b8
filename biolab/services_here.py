"""Start service mode on this machine, for tries: every process of an installation, ended together by Ctrl-C.

PostgreSQL and Redis come from ``DATABASE_URL`` and ``REDIS_URL``; where those are unset, private ones are started from
installed binaries in the data folder.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from biolab import private_services
from biolab.front import pass_on
from biolab.settings import env
from biolab.settings.secrets import kept_secret

BIN = Path(sys.executable).parent


def environment(
    data: Path, *, database_url: str, redis_url: str, given: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return ``given`` completed for service mode's processes, with secrets kept in the data folder."""
    given = dict(given)
    given.setdefault("SECRET_KEY", kept_secret(data / "keys" / "secret_key"))
    given.setdefault("JWT_SECRET_KEY", kept_secret(data / "keys" / "jwt_key"))
    given.setdefault("ALLOWED_HOSTS", "127.0.0.1,localhost")
    given.setdefault("SECURE_SSL", "0")
    given.setdefault("BIOLAB_DEMO", "1")
    given.setdefault("INITIAL_ADMIN_EMAIL", "admin@biolab.example")
    given.setdefault("INITIAL_ADMIN_PASSWORD", kept_secret(data / "keys" / "first_administrator"))
    metrics = data / "metrics"
    metrics.mkdir(parents=True, exist_ok=True)
    for old in metrics.glob("*.db"):
        old.unlink()
    return given | {
        "DJANGO_SETTINGS_MODULE": "biolab.settings.service",
        "BIOLAB_DATA": str(data),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "PYTHONUNBUFFERED": "1",
    }


def commands(*, host: str, web_port: int, live_port: int, data: Path, web_workers: int = 4) -> dict[str, list[str]]:
    """Return the command line of every process, by its name."""
    python, celery = str(BIN / "python"), [str(BIN / "celery"), "-A", "biolab.celery"]
    return {
        "web": [  # one thread a worker: two threads that decode at once in one interpreter halve each other's speed
            *(str(BIN / "granian"), "--interface", "wsgi", "--host", host, "--port", str(web_port)),
            *(
                "--workers",
                str(web_workers),
                "--blocking-threads",
                "1",
                "--backpressure",
                "16",
                "--no-ws",
                "--log-level",
                "warning",
            ),
            *("--respawn-failed-workers", "--workers-kill-timeout", "5", "biolab.wsgi:application"),
        ],
        "live": [
            *(python, "-m", "uvicorn", "biolab.asgi:application", "--host", host, "--port", str(live_port)),
            *("--lifespan", "off", "--no-access-log", "--log-level", "warning"),
            *("--timeout-graceful-shutdown", "5"),  # a client that polls has a request open all the time
        ],
        "worker": [
            *celery,
            "worker",
            "--concurrency",
            "2",
            "-Q",
            "default,packaging,stt,decks",
            "--loglevel",
            "warning",
        ],
        "beat": [*celery, "beat", "--loglevel", "warning", "--pidfile", str(data / "beat.pid")],
        **({"mqtt": [python, "-m", "biolab.cli", "manage", "bridge_mqtt"]} if _has_broker() else {}),
    }


def _has_broker() -> bool:
    """Return whether an MQTT broker and a token for the bridge are named."""
    return bool(env.text("MQTT_URL") and env.text("MQTT_TOKEN"))


def run() -> int:
    """Prepare the data, start every process, and wait for Ctrl-C or the first of them to die."""
    data = env.folder("BIOLAB_DATA", Path.cwd() / ".biolab") / "services"
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    (data / "beat.pid").unlink(missing_ok=True)
    host, port = env.text("HOST", "127.0.0.1"), env.number("PORT", 8000)
    with contextlib.ExitStack() as ending:
        database_url = env.text("DATABASE_URL") or ending.enter_context(
            private_services.postgresql(data / "postgresql")
        )
        redis_url = env.text("REDIS_URL") or ending.enter_context(private_services.redis(data / "redis"))
        given = environment(data, database_url=database_url, redis_url=redis_url)
        for preparation in (["prepare"], ["collectstatic", "--noinput", "--verbosity", "0"]):
            done = subprocess.run(
                [str(BIN / "python"), "-m", "biolab.cli", "manage", *preparation], env=given, check=False
            )
            if done.returncode:
                return done.returncode
        if "INITIAL_ADMIN_PASSWORD" not in os.environ:
            print(f"First password: {data / 'keys' / 'first_administrator'}")  # noqa: T201
        try:
            return asyncio.run(_supervise(host, port, data, given))
        except KeyboardInterrupt:
            return 0


async def _supervise(host: str, port: int, data: Path, given: dict[str, str]) -> int:
    web_port, live_port = port + 1, port + 2
    processes = {
        name: await asyncio.create_subprocess_exec(*command, env=given, start_new_session=True)
        for name, command in commands(host="127.0.0.1", web_port=web_port, live_port=live_port, data=data).items()
    }
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    front = asyncio.create_task(
        pass_on(listen=(host, port), web=("127.0.0.1", web_port), live=("127.0.0.1", live_port))
    )
    stop = asyncio.create_task(asked.wait())
    waits = {name: asyncio.create_task(process.wait()) for name, process in processes.items()}
    print(  # noqa: T201
        f"\nBioLab serves at http://{host}:{port}  "
        f"(web {web_port}, live {live_port}; {', '.join(f'{name} pid {p.pid}' for name, p in processes.items())})\n",
        flush=True,
    )
    await asyncio.wait({front, stop, *waits.values()}, return_when=asyncio.FIRST_COMPLETED)
    died = [name for name, wait in waits.items() if wait.done()]
    front.cancel()
    for process in processes.values():
        if process.returncode is None:
            process.terminate()
    _, slow = await asyncio.wait(waits.values(), timeout=15)
    for name, process in processes.items():
        if waits[name] in slow:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    await asyncio.gather(*waits.values())
    if died and not asked.is_set():
        print(f"BioLab stopped because these ended: {', '.join(died)}.", file=sys.stderr)  # noqa: T201
        return 1
    print("BioLab has stopped.")  # noqa: T201
    return 0
