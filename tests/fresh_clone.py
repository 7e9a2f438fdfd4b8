"""Try the README's two commands as a newcomer would: a clean clone, an empty HOME, nothing else set.

Imports nothing but Python's own: it runs while the requirements of this checkout are being installed.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
KEPT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "PIP_",
    "SSL_CERT",
    "REQUESTS_CA",
    "NODE_EXTRA_CA",
    "NPM_CONFIG",
    "HTTP_PROXY",
    "HTTPS_PROXY",
)


def newcomer(home: Path) -> dict[str, str]:
    """Return an environment with nothing of ours in it, but how this machine reaches its package registries."""
    kept = {name: value for name, value in os.environ.items() if name.upper().startswith(KEPT)}
    virtual = str(ROOT / ".venv")
    kept["PATH"] = ":".join(part for part in kept["PATH"].split(":") if not part.startswith(virtual))
    return {**kept, "HOME": str(home)}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def served(clone: Path, environment: dict[str, str], *, patience_s: float) -> float:
    """Run ``make run`` until it answers, end it with Ctrl-C, and return how long it took to answer."""
    port = free_port()
    started = time.monotonic()
    process = subprocess.Popen(
        ["make", "run"],
        cwd=clone,
        env={**environment, "PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        while True:
            if process.poll() is not None:
                output = process.stdout.read() if process.stdout else ""
                raise SystemExit(f"make run ended with {process.returncode}: {output}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in", timeout=5) as answer:
                    assert answer.status == 200
                break
            except (urllib.error.URLError, OSError):
                if time.monotonic() - started > patience_s:
                    raise SystemExit("make run did not answer in time.") from None
                time.sleep(0.2)
        taken = time.monotonic() - started
    finally:
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    print(output)
    if process.returncode not in (0, -signal.SIGINT):  # make itself may end by the signal it was sent
        raise SystemExit(f"Ctrl-C ended make run with {process.returncode}.")
    for told in (f"http://127.0.0.1:{port}", "Administrator: ", "BioLab has stopped."):
        if told not in output:
            raise SystemExit(f"make run did not say {told!r}.")
    return taken


def main() -> int:
    """Clone, run, run again, and start the tests; return 0 when all of it works."""
    # a shell lets what it starts in the background ignore Ctrl-C, and so would the server that is ended by it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with TemporaryDirectory(prefix="biolab-fresh-") as folder:
        clone, home = Path(folder) / "biolab", Path(folder) / "home"
        home.mkdir()
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(clone)], check=True)
        environment = newcomer(home)
        first = served(clone, environment, patience_s=900)
        no_network = {**environment, "PIP_NO_INDEX": "1", "npm_config_offline": "true"}
        second = served(clone, no_network, patience_s=60)
        print(f"make run answered after {first:.0f} s at first, after {second:.1f} s the second time.")
        command = ["make", "test", "ARGS=tests/wiring tests/kernel/test_gates.py"]
        tested = subprocess.run(command, cwd=clone, env=environment, check=False)
        left = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
        if left.stdout:
            print(f"The commands changed tracked files:\n{left.stdout}", file=sys.stderr)
            return 1
    return tested.returncode


if __name__ == "__main__":
    raise SystemExit(main())
