"""The workload of the ingest benches: 1,000-row batches of 20 channels from 8 clients, at times of their own."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

CLIENTS = 8
ROWS = 1_000
CHANNELS = 20

Row = tuple[str, datetime, float]


def rows(client: int, batch: int, *, start: datetime) -> Iterator[Row]:
    """Yield the rows of one batch: 50 instants of 20 channels, 100 ms apart, three decimals."""
    noise = Random(client * 100_003 + batch)
    for index in range(ROWS // CHANNELS):
        at = start + timedelta(milliseconds=100 * (batch * (ROWS // CHANNELS) + index), microseconds=client)
        for channel in range(CHANNELS):
            yield f"channel-{channel:02}", at, round(20 + channel + noise.gauss(0, 1), 3)


def body(client: int, batch: int, *, start: datetime) -> bytes:
    """Return one batch as the JSON that instruments send."""
    data = [
        {"timestamp": at.isoformat().replace("+00:00", "Z"), "channel": channel, "value": value}
        for channel, at, value in rows(client, batch, start=start)
    ]
    return json.dumps({"data": data}).encode()


def long_ago() -> datetime:
    """Return a start so early that no reading of a bench lies in the future."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)
