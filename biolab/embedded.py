"""Embedded mode: server, job worker and scheduler in one process, ended together by Ctrl-C."""

import socket
import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

import structlog

log = structlog.get_logger(__name__)


class Jobs:
    """The Celery worker (threads) and beat (database scheduler), each in a thread of its own."""

    def __init__(self, *, threads: int = 2) -> None:
        from celery.beat import Service

        from biolab.celery import app

        app.loader.import_default_modules()
        self._worker = app.WorkController(
            pool="threads", concurrency=threads, without_gossip=True, without_mingle=True, without_heartbeat=True
        )
        self._beat: Any = Service(app, max_interval=2, scheduler_cls=app.conf.beat_scheduler)
        self._threads = [
            threading.Thread(target=self._worker.start, name="worker", daemon=True),
            threading.Thread(target=self._run_beat, name="beat", daemon=True),
        ]

    def _run_beat(self) -> None:
        """Tick until stopped; a scheduler that fails is reported, never silently gone."""
        try:
            self._beat.start(embedded_process=False)
        except Exception:
            log.exception("scheduler_stopped")
            raise

    def start(self) -> None:
        """Start both."""
        for thread in self._threads:
            thread.start()

    def stop(self, *, patience_s: float = 10) -> None:
        """Stop both, waiting for running jobs no longer than ``patience_s``; the rest resume on the next start."""
        self._beat._is_shutdown.set()
        stopping = threading.Thread(target=self._worker.stop, daemon=True)
        stopping.start()
        deadline = time.monotonic() + patience_s
        for thread in (stopping, *self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))


class Companion(Protocol):
    """Something that lives as long as the server does."""

    def start(self) -> None:
        """Begin; called once the server listens."""

    def stop(self) -> None:
        """End; called when the server has stopped."""


def serve(*, host: str, port: int, companions: Sequence[Companion] = ()) -> None:
    """Serve pages, API and sockets until SIGINT or SIGTERM, with the jobs and ``companions`` beside them.

    Raises:
        OSError: the address is taken.
    """
    from daphne.endpoints import build_endpoint_description_strings
    from django.conf import settings

    from biolab.asgi import application
    from biolab.pacing import PacedServer

    begun: list[Companion] = []

    def start() -> None:
        for companion in (Jobs(), *companions):
            companion.start()
            begun.append(companion)

    server = PacedServer(
        application=application,
        endpoints=build_endpoint_description_strings(host=host, port=port),
        signal_handlers=True,
        ready_callable=start,
        server_name="biolab",
        http_timeout=None,
        websocket_handshake_timeout=10,
        websocket_max_message_size=settings.REQUEST_MAX_BYTES,
        websocket_max_frame_size=settings.REQUEST_MAX_BYTES,
        application_close_timeout=5,
    )
    try:
        server.run()
    finally:
        for companion in reversed(begun):
            companion.stop()


def is_free(host: str, port: int) -> bool:
    """Return whether the address can be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
