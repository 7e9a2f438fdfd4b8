"""ASGI entry: sockets, and in embedded mode everything else too."""

import os
from typing import Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "biolab.settings.local")

from biolab.wsgi import pages  # noqa: I001  loads the apps that all others need
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.urls import re_path

from biolab.threaded import Receive, Scope, Send, Threaded
from sessions_app.live.engine import mounted
from sessions_app.live.visitors import SessionServer
from sessions_app.routing import websocket_urlpatterns as bench_sockets
from telemetry_app.routing import websocket_urlpatterns as telemetry_sockets

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


application = mounted(
    SessionServer(),
    ProtocolTypeRouter(
        {
            "http": Threaded(pages, threads=REQUEST_THREADS, limit=settings.UPLOAD_MAX_BYTES),
            "websocket": AuthMiddlewareStack(URLRouter(_sockets())),
        }
    ),
)
