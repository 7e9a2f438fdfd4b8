"""Whether the house is alive, and whether everything it leans on is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import structlog
from asgiref.sync import async_to_sync
from celery import current_app
from channels.layers import get_channel_layer
from django.conf import settings
from django.core.files.storage import storages
from django.db import connection

from biolab.kernel.models import Heartbeat

log = structlog.get_logger(__name__)

BEAT: Final = "beat"
BEAT_SILENCE: Final = timedelta(seconds=90)


def beat(*, at: datetime) -> None:
    """Say that the clockwork lives; the beat asks for this every few seconds."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=BEAT, at=at)], update_conflicts=True, unique_fields=["name"], update_fields=["at"]
    )


def faults(*, at: datetime) -> dict[str, str]:
    """Try everything the house leans on and return what is wrong, by name; empty when all is well."""
    found: dict[str, str] = {}
    for name, check in CHECKS.items():
        try:
            complaint = check(at)
        except Exception as error:  # any failure at all means: not ready
            log.warning("not ready", part=name, error=type(error).__name__, exc_info=error)
            complaint = "does not answer"
        if complaint:
            found[name] = complaint
    return found


def _database(_at: datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return ""


def _broker(_at: datetime) -> str:
    with current_app.connection_for_write(connect_timeout=2) as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=3)
    return ""


def _channel_layer(_at: datetime) -> str:
    layer: Any = get_channel_layer()
    if layer is None:
        return "is not configured"
    async_to_sync(layer.group_send)(f"ready.{uuid4().hex}", {"type": "ready"})
    return ""


def _storage(_at: datetime) -> str:
    storages["artifacts"].exists("ready")
    location = getattr(storages["artifacts"], "location", None)
    if location is not None:
        _try_folder(str(location))
    return ""


def _try_folder(location: str) -> None:
    """Raise OSError when nothing can be written there."""
    folder = Path(location)
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".ready-{uuid4().hex}"
    probe.write_bytes(b"ready")
    probe.unlink()


def _beat(at: datetime) -> str:
    last = Heartbeat.objects.filter(name=BEAT).values_list("at", flat=True).first()
    if last is None:
        return "has not beaten yet"
    return "" if at - last < BEAT_SILENCE else f"is silent for {(at - last) // timedelta(seconds=1)} s"


CHECKS: Final[dict[str, Callable[[datetime], str]]] = {
    "database": _database,
    "broker": _broker,
    "channel_layer": _channel_layer,
    "storage": _storage,
    "beat": _beat,
}


def version() -> str:
    """Return the running version."""
    return str(settings.SPECTACULAR_SETTINGS["VERSION"])
