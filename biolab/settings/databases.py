"""Database settings for both engines, each with the options that keep writes safe."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=20000;"


def sqlite(path: Path) -> dict[str, Any]:
    """Return settings for one SQLite file, whose writers queue instead of failing.

    Transactions begin IMMEDIATE, which is what stands in for row locks on this engine.
    """
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": SQLITE_PRAGMAS},
    }


def postgresql(url: str, *, pool_size: int) -> dict[str, Any]:
    """Return settings for a pooled PostgreSQL connection from ``url``.

    Raises:
        ImproperlyConfigured: the URL is not postgresql://…/name.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or len(parts.path) < 2:
        raise ImproperlyConfigured("DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    options["options"] = "-c statement_timeout=60000 -c lock_timeout=15000 -c idle_in_transaction_session_timeout=60000"
    # parameters travel beside their statement, and a statement that comes again is planned once
    options |= {"server_side_binding": True, "prepare_threshold": 5}
    options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10, "max_idle": 300}
    return {
        "ENGINE": "biolab.kernel.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        "DISABLE_SERVER_SIDE_CURSORS": False,
        "OPTIONS": options,
    }
