"""Where snippets point to on this very server, as the person who asks reaches it."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from telemetry_app.snippets import Broker, Destination


def destination(request: HttpRequest, secret: str, session_id: str | None) -> Destination:
    """Return where an instrument with this secret sends to."""
    broker = urlsplit(settings.MQTT_URL) if settings.MQTT_URL else None
    return Destination(
        base_url=request.build_absolute_uri("/").rstrip("/"),
        secret=secret,
        session_id=session_id,
        broker=None if broker is None else Broker(broker.hostname or "", broker.port, broker.scheme == "mqtts"),
    )
