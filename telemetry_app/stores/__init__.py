"""Where readings are kept; ``STORAGE_BACKEND`` names the engine."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from telemetry_app.stores.base import ReadingStore

BACKENDS = {
    "database": "telemetry_app.stores.segments:SegmentStore",
    "postgresql": "telemetry_app.stores.segments:SegmentStore",
    "timescale": "telemetry_app.stores.timescale:store",
    "clickhouse": "telemetry_app.stores.clickhouse:store",
}


def current() -> ReadingStore:
    """Return the store that the settings name.

    Raises:
        ImproperlyConfigured: no store has this name, or its settings do not do.
    """
    return by_name(settings.STORAGE_BACKEND)


@cache
def by_name(name: str) -> ReadingStore:
    """Return the store called ``name``.

    Raises:
        ImproperlyConfigured: no store has this name, or its settings do not do.
    """
    if name not in BACKENDS:
        raise ImproperlyConfigured(f"STORAGE_BACKEND={name!r} is unknown; choose one of {', '.join(sorted(BACKENDS))}.")
    module, _, made = BACKENDS[name].partition(":")
    store: ReadingStore = getattr(import_module(module), made)()
    return store
