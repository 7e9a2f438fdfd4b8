"""The instruments' sockets."""

from __future__ import annotations

from typing import Any, cast

from django.urls import re_path

from telemetry_app.live.controller import ControllerSocket
from telemetry_app.live.stream import StreamSocket

websocket_urlpatterns: list[Any] = [
    re_path(r"^/?ws/controller/telemetry/?$", cast(Any, ControllerSocket.as_asgi())),
    re_path(r"^/?ws/datapoints/stream/?$", cast(Any, StreamSocket.as_asgi())),
]
