"""Why a query is not answered, in Prometheus' own kinds."""

from __future__ import annotations


class QueryError(Exception):
    """A query that is not answered; the text is for the person who wrote it."""

    kind = "bad_data"


class BadQueryError(QueryError):
    """The query cannot be read, or asks for what is not offered."""


class ExecutionError(QueryError):
    """The query can be read and cannot be worked out: too much to read, or series that do not fit together."""

    kind = "execution"
