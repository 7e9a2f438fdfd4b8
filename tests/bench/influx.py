"""How fast line protocol comes in, as InfluxDB's own client writes and packs it, beside JSON into the same house."""

import gzip
from datetime import datetime

from influxdb_client import Point

from tests.bench.load import Outcome, request
from tests.bench.readings import CLIENTS, ROWS, long_ago, rows
from tests.bench.scene import BATCHES, instrument, line_of, our_house, ours, send_measured
from tests.bench.table import Line
from tests.faults.house import House

LINES = 5_000


def lines(client: int, batch: int, *, start: datetime) -> bytes:
    """Return one batch of lines, a point each, packed."""
    parts = LINES // ROWS
    written = [
        Point("bench").tag("channel", channel).field("value", value).time(at).to_line_protocol()
        for part in range(parts)
        for channel, at, value in rows(client, batch * parts + part, start=start)
    ]
    return gzip.compress("\n".join(written).encode())


def influx(house: House) -> Outcome:
    """Send as many points as the JSON workload has, 5,000 in a request, each client to a session of its own."""
    batches = BATCHES * ROWS // LINES
    early = max(1, batches // 10)
    sessions, token = instrument(house, sessions=CLIENTS)
    headers = {"Authorization": f"Token {token}", "Content-Type": "text/plain", "Content-Encoding": "gzip"}
    start = long_ago()
    prepared = [
        [
            request(
                house.url,
                f"/influx/api/v2/write?org=bench&bucket={session}&precision=ns",
                lines(client, batch, start=start),
                headers,
            )
            for batch in range(batches + early)
        ]
        for client, session in enumerate(sessions)
    ]
    return send_measured(house.url, prepared, early=early, server=house.processes["web"].pid)


def ingest_influx() -> list[Line]:
    """Return the line of line protocol, and of JSON."""
    with our_house() as (house, _):
        packed = line_of("line protocol, 5,000 lines in gzip", influx(house), rows=LINES)
        return [packed, line_of("JSON, 1,000 rows", ours(house, sessions=CLIENTS))]
