"""The bench's sockets."""

from __future__ import annotations

from typing import Any, cast

from django.urls import re_path

from sessions_app.consumers import SessionSocket
from sessions_app.live.inbox import InboxSocket

websocket_urlpatterns: list[Any] = [
    re_path(r"^/?ws/sessions/(?P<sid>[^/]+)/?$", cast(Any, SessionSocket.as_asgi())),
    re_path(r"^/?ws/notifications/?$", cast(Any, InboxSocket.as_asgi())),
]
