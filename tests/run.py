"""``make test``: the whole suite on SQLite, then again on PostgreSQL and Redis with real workers."""

import os
import subprocess
import sys

from tests.services import services

PYTEST = [sys.executable, "-m", "pytest", "-q"]


def _pytest(title: str, arguments: list[str], environment: dict[str, str]) -> int:
    print(f"\n=== {title}", flush=True)
    # importing biolab names the settings of a running house; pytest must take its own
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "biolab.settings.test", **environment}
    # the many processes that tests start would compile the whole house again, each
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run([*PYTEST, *arguments], env=environment, check=False).returncode


def main(extra: list[str]) -> int:
    """Run both passes and return 0 only if both passed.

    Coverage is measured in the first alone: it takes a third of a pass's time, and little is PostgreSQL's own.

    Args:
        extra: more arguments for pytest, such as ``--cov``.
    """
    # one more than there are processors: many tests wait for processes, leases and disks
    lanes = ["-n", str(min(4, 1 + (os.cpu_count() or 1))), "--dist", "loadgroup", "--no-loadscope-reorder"]
    alone = {"BIOLAB_TEST_DATABASE_URL": "", "BIOLAB_TEST_REDIS_URL": ""}
    failed = _pytest("SQLite, everything in one process", [*lanes, "-m", "not services", *extra], alone)
    with services() as found:
        if found is None:
            if os.environ.get("BIOLAB_REQUIRE_SERVICES") == "1":
                print("FAILED: BIOLAB_REQUIRE_SERVICES=1, but there is no PostgreSQL or no Redis.", file=sys.stderr)
                return 1
            print("SKIPPED: the pass on PostgreSQL and Redis; install them or set DATABASE_URL and REDIS_URL.")
            return failed
        served = {"BIOLAB_TEST_DATABASE_URL": found.database_url, "BIOLAB_TEST_REDIS_URL": found.redis_url}
        title = f"PostgreSQL and Redis ({found.how}), real workers"
        unmeasured = [argument for argument in extra if not argument.startswith("--cov")]
        return _pytest(title, [*lanes, "-m", "not sqlite_only", *unmeasured], served) or failed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
