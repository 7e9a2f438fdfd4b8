"""ASGI entry: sockets, and in embedded mode everything else too."""

import os
from typing import Any, cast

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "biolab.settings.local")
_pages = get_wsgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402  apps must be loaded first
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import re_path  # noqa: E402

from biolab.threaded import Receive, Scope, Send, Threaded  # noqa: E402
from sessions_app.routing import websocket_urlpatterns as bench_sockets  # noqa: E402
from telemetry_app.routing import websocket_urlpatterns as telemetry_sockets  # noqa: E402

NO_SUCH_SOCKET = 4404
REQUEST_THREADS = 16


async def _refuse(_scope: Scope, receive: Receive, send: Send) -> None:
    """Tell a client that there is no socket here: accept first, for only then does the code reach it."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": NO_SUCH_SOCKET})


def _sockets() -> list[Any]:
    """Return the socket paths of the house, and a last one that refuses."""
    return [*bench_sockets, *telemetry_sockets, re_path(r"", cast(Any, _refuse))]


application = ProtocolTypeRouter(
    {
        "http": Threaded(_pages, threads=REQUEST_THREADS, limit=settings.UPLOAD_MAX_BYTES),
        "websocket": AuthMiddlewareStack(URLRouter(_sockets())),
    }
)
