"""The backend itself, under the name by which Django looks for it."""

import select
from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes a connection from the pool only if its server is still there.

    The pool's own check asks the server before every request: one exchange more where a request has few. A server
    that ends a connection says so, and the operating system knows; so only a connection that has something to tell is
    asked.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection; one whose server has gone is given back to the pool, which replaces it."""
        connection = super().get_new_connection(conn_params)
        while self.pool and _has_gone(connection):
            connection.close()
            self.pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        return connection


def _has_gone(connection: Any) -> bool:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0):
        return False
    try:
        ConnectionPool.check_connection(connection)
    except OperationalError:
        return True
    return False
