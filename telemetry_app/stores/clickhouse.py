"""Rows in ClickHouse: one machine, or a cluster's shards behind one distributed table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from telemetry_app.stores.base import SessionKey, Stats
from telemetry_app.stores.clickhouse_server import Server
from telemetry_app.stores.packing import Readings, kept
from telemetry_app.stores.reading import FIRST_US, Ids
from telemetry_app.stores.rows import NO_SESSION, RowStore
from telemetry_app.stores.rows_chart import SCALE, Buckets, unscaled

_COLUMNS = "(session UUID, channel UUID, us Int64, value Float64, position UInt64)"
_ENGINE = "ReplacingMergeTree(position) ORDER BY (session, channel, us)"
_SAFE = ("fsync_after_insert", "fsync_part_directory")
"""Settings by which an insert is answered only once it is on the disk; old servers know none."""


class ClickHouseRows:
    """The table ``readings`` of each server and, over a cluster, ``readings_all``.

    Of the rows for one moment the server keeps that of the highest position whenever it merges. Until then ``FINAL``
    does so for sums; raw rows are settled here, which costs the server less.
    """

    def __init__(self, url: str, cluster: str = "") -> None:
        self.server = Server(url)
        self.cluster = cluster
        self.table = "readings_all" if cluster else "readings"

    def prepare(self) -> None:
        if not self.cluster:
            _make_table(self.server)
            return
        nodes = self.server.ask(
            "SELECT host_name, port FROM system.clusters WHERE cluster = %(cluster)s", cluster=self.cluster
        )
        if not nodes:
            raise ImproperlyConfigured(f"CLICKHOUSE_CLUSTER={self.cluster!r} is no cluster of this ClickHouse server.")
        for host, port in sorted(set(nodes)):
            node = self.server.at(host, port)
            _make_table(node)
            node.close()
        self.server.ask(
            f"CREATE TABLE IF NOT EXISTS readings_all {_COLUMNS} ENGINE = "
            "Distributed(%(cluster)s, currentDatabase(), 'readings', cityHash64(toString(session), toString(channel)))",
            cluster=self.cluster,
        )

    def write(self, session_id: SessionKey, runs: Mapping[UUID, Readings], position: int) -> None:
        if not runs:
            return
        fresh = {
            "name": "fresh",
            "structure": [("channel", "String"), ("us", "Array(Int64)"), ("value", "Array(Float64)")],
            "data": [(str(channel), times.tolist(), values.tolist()) for channel, (times, values) in runs.items()],
        }
        self.server.ask(
            f"INSERT INTO {self.table} SELECT toUUID(%(session)s), toUUID(channel), us, value, "  # noqa: S608
            "toUInt64(%(position)s) FROM fresh ARRAY JOIN us, value",
            external=[fresh],
            session=str(session_id or NO_SESSION),
            position=position,
        )

    def read(self, session_id: SessionKey, ids: Ids, first_us: int, last_us: int) -> dict[UUID, Readings]:
        columns = "channel, groupArray(us), groupArray(value), groupArray(position)"
        within = _within(session_id, ids, first_us, last_us)
        rows = self.server.ask(f"SELECT {columns} FROM {self.table} WHERE {within} GROUP BY channel")  # noqa: S608
        runs = {channel: _in_order(times, values, positions) for channel, times, values, positions in rows}
        return {channel: run for channel, run in runs.items() if run[0].size}

    def newest(self, session_id: SessionKey, ids: Ids, until_us: int) -> dict[UUID, tuple[int, float]]:
        within = _within(session_id, ids, FIRST_US, until_us)
        rows = self._summed("channel, max(us), argMax(value, us)", within, by="channel")
        return {channel: (us, value) for channel, us, value in rows}

    def figures(self, session_id: SessionKey, ids: Ids, first_us: int, last_us: int) -> dict[UUID, Stats]:
        columns = "count(), min(us), max(us), min(value), max(value)"
        totals = f"sum(value / {SCALE!r}), argMin(value, us), argMax(value, us)"
        within = _within(session_id, ids, first_us, last_us)
        rows = self._summed(f"channel, {columns}, {totals}", within, by="channel")
        return {
            channel: Stats(count, first_us, last_us, low, high, unscaled(total), first, last)
            for channel, count, first_us, last_us, low, high, total, first, last in rows
        }

    def buckets(
        self, session_id: SessionKey, ids: Collection[UUID], first_us: int, last_us: int, *, start_us: int, width: int
    ) -> dict[UUID, Buckets]:
        columns = f"channel, intDiv(us - toInt64({start_us}), {width}) AS place"
        figures = f"count() AS n, min(value) AS low, max(value) AS high, sum(value / {SCALE!r}) / count() AS mean"
        within = _within(session_id, ids, first_us, last_us)
        inner = self._statement(f"{columns}, {figures}", within, by="channel, place")
        arrays = ", ".join(f"groupArray({name})" for name in ("place", "n", "low", "high", "mean"))
        rows = self.server.ask(f"SELECT channel, {arrays} FROM ({inner}) GROUP BY channel")  # noqa: S608
        return {channel: Buckets.of(*found) for channel, *found in rows}

    def extent(self, session_id: SessionKey, ids: Ids, first_us: int, last_us: int) -> tuple[int, int, int] | None:
        within = _within(session_id, ids, first_us, last_us)
        ((first, last, rows),) = self.server.ask(
            f"SELECT min(us), max(us), count() FROM {self.table} WHERE {within}"  # noqa: S608
        )
        return (first, last, rows) if rows else None

    def histogram(self, session_id: SessionKey, first_us: int, last_us: int, *, width: int) -> list[tuple[int, int]]:
        within = _within(session_id, None, first_us, last_us)
        return self.server.ask(
            f"SELECT intDiv(us - toInt64({first_us}), {width}) AS place, count() FROM {self.table} "  # noqa: S608
            f"WHERE {within} GROUP BY place ORDER BY place"
        )

    def reach_back(self, session_id: SessionKey, ids: Ids, first_us: int, last_us: int, rows: int) -> int | None:
        within = _within(session_id, ids, first_us, last_us)
        found = self.server.ask(
            f"SELECT us FROM {self.table} WHERE {within} ORDER BY us DESC LIMIT {rows - 1}, 1"  # noqa: S608
        )
        return int(found[0][0]) if found else None

    def extents(
        self, session_ids: Collection[SessionKey], ids: Collection[UUID], first_us: int, last_us: int
    ) -> list[tuple[SessionKey, int, int, int]]:
        within = f"session IN ({_listed(one or NO_SESSION for one in session_ids)}) AND {_of(ids)} AND "
        rows = self._summed(
            "session, min(us), max(us), count()", f"{within}us BETWEEN {first_us} AND {last_us}", by="session"
        )
        return [(None if session == NO_SESSION else session, *rest) for session, *rest in rows]

    def _summed(self, columns: str, within: str, *, by: str) -> list[Any]:
        return self.server.ask(self._statement(columns, within, by=by))

    def _statement(self, columns: str, within: str, *, by: str) -> str:
        """Return a sum over what stands: of rows for one moment the last, and none that was taken away."""
        return f"SELECT {columns} FROM {self.table} FINAL WHERE {within} AND NOT isNaN(value) GROUP BY {by}"  # noqa: S608


def _make_table(server: Server) -> None:
    known = server.ask("SELECT name FROM system.merge_tree_settings WHERE name IN %(names)s", names=_SAFE)
    safe = ", ".join(f"{name} = 1" for (name,) in sorted(known))
    server.ask(f"CREATE TABLE IF NOT EXISTS readings {_COLUMNS} ENGINE = {_ENGINE}{safe and f' SETTINGS {safe}'}")


def _within(session_id: SessionKey, ids: Ids, first_us: int, last_us: int) -> str:
    of_channels = "" if ids is None else f" AND {_of(ids)}"
    return f"session = toUUID('{session_id or NO_SESSION}'){of_channels} AND us BETWEEN {first_us} AND {last_us}"


def _of(ids: Collection[UUID]) -> str:
    return f"channel IN ({_listed(ids)})"


def _listed(ids: Iterable[UUID]) -> str:
    return ", ".join(f"toUUID('{one}')" for one in ids)


def _in_order(times: Sequence[int], values: Sequence[float], positions: Sequence[int]) -> Readings:
    """Return rows as the server gave them with times rising, each moment as it was received last."""
    at, value = np.array(times, dtype=np.int64), np.array(values, dtype=np.float64)
    if not np.all(at[1:] > at[:-1]):
        order = np.lexsort((np.array(positions, dtype=np.uint64), at))
        order = order[np.append(at[order][1:] != at[order][:-1], True)]
        at, value = at[order], value[order]
    return kept((at, value))


def store() -> RowStore:
    """Return the store that CLICKHOUSE_URL and CLICKHOUSE_CLUSTER name."""
    return RowStore("clickhouse", ClickHouseRows(settings.CLICKHOUSE_URL, settings.CLICKHOUSE_CLUSTER))
