"""Talking to a ClickHouse server: a few connections, taken and put back, and refusals in the house's words."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from biolab.kernel.errors import Unavailable

try:
    from clickhouse_driver import Client, errors
except ImportError:  # an extra; the constructor says so
    Client = None

DEFAULT_PORT, DEFAULT_TLS_PORT = 9000, 9440
SPARE_CONNECTIONS = 8
TIMEOUT_S = {"connect_timeout": 5, "send_receive_timeout": 120}
SETTINGS = {
    "insert_distributed_sync": 1,  # an insert is answered when the shards have it, not when it is queued for them
    "max_query_size": 1 << 24,  # thousands of channels by name
}


class Server:
    """A server, or the node of a cluster that is asked first."""

    def __init__(self, url: str, *, host: str = "", port: int = 0) -> None:
        """Take the address and connect to nobody yet.

        Args:
            url: ``clickhouse://user:password@host:port/database``, or ``clickhouses://`` for TLS.
            host, port: where another node is, which takes the same name and password.

        Raises:
            ImproperlyConfigured: the address is none, or the driver is not installed.
        """
        if Client is None:
            raise ImproperlyConfigured("STORAGE_BACKEND=clickhouse needs its driver: pip install 'biolab[clickhouse]'.")
        parts = urlsplit(url)
        if parts.scheme not in {"clickhouse", "clickhouses"} or not parts.hostname:
            raise ImproperlyConfigured("CLICKHOUSE_URL must read clickhouse://user:password@host:9000/database.")
        tls = parts.scheme == "clickhouses"
        self.url = url
        self.host = host or parts.hostname
        self.port = port or parts.port or (DEFAULT_TLS_PORT if tls else DEFAULT_PORT)
        self._options = {
            "user": unquote(parts.username or "default"),
            "password": unquote(parts.password or ""),
            "database": parts.path.strip("/") or "default",
            "secure": tls,
            "client_name": "biolab",
            "settings": SETTINGS,
            **TIMEOUT_S,
        }
        self._spare: deque[Any] = deque()

    def at(self, host: str, port: int) -> Server:
        """Return another node that takes the same name and password."""
        return Server(self.url, host=host, port=port)

    def ask(self, sql: str, *, external: list[dict[str, Any]] | None = None, **parameters: Any) -> list[Any]:
        """Return the rows of a statement, or nothing of one that has none.

        Args:
            external: tables that exist for this statement alone.

        Raises:
            Unavailable: the server does not answer.
        """
        with self._connection() as client:
            answer = client.execute(sql, parameters or None, external_tables=external)
        return answer if isinstance(answer, list) else []

    def close(self) -> None:
        """Let go of the connections."""
        while self._spare:
            self._spare.pop().disconnect()

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        try:
            client = self._spare.pop()
        except IndexError:
            client = Client(self.host, port=self.port, **self._options)
        try:
            yield client
        except (errors.NetworkError, errors.SocketTimeoutError, EOFError, OSError) as problem:
            client.disconnect()
            raise Unavailable(
                "The server that keeps the readings does not answer; what is sent meanwhile is kept.", retry_after_s=10
            ) from problem
        except BaseException:
            client.disconnect()
            raise
        if len(self._spare) < SPARE_CONNECTIONS:
            self._spare.append(client)
        else:
            client.disconnect()
