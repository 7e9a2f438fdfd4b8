"""How small and how fast readings pack: the codec beside what it was chosen from, lossless every one."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import zstandard
from numpy.typing import NDArray

from telemetry_app import codec
from telemetry_app.bioreactor import samples
from telemetry_app.codec import Times, Values
from telemetry_app.instants import SECOND_US, to_us
from telemetry_app.stores.packing import CHUNK_ROWS
from tests.bench import gorilla
from tests.bench.table import Table

HOURS = 6
TRIES = 3

Words = NDArray[np.uint64]
Recording = dict[str, tuple[Times, Values]]


@dataclass(frozen=True)
class Way:
    """A way to pack one column of a chunk; None where it does not keep these values exactly."""

    name: str
    encode: Callable[[Values], bytes | None]
    decode: Callable[[bytes, int], Values]


def codec_sizes(folder: str) -> list[Table]:
    """Return a table for each recording: the bioreactor's, the same at full precision, and those of CSV files.

    Args:
        folder: holds recordings as CSV, semicolons between cells, the time first; empty for none.
    """
    whole = bioreactor()
    noise = np.random.default_rng(1)
    full = {
        name: (times, values * (1 + 1e-6 * noise.standard_normal(values.size)))
        for name, (times, values) in whole.items()
    }
    tables = [_times(whole, "bioreactor"), _values(whole, "bioreactor"), _values(full, "bioreactor at full precision")]
    if folder:
        found = recorded(Path(folder))
        tables += [_times(found, Path(folder).name), _values(found, Path(folder).name)]
    return tables


def bioreactor() -> Recording:
    """Return a run of the model at 1 Hz, all its channels."""
    shown = list(samples(every_s=1.0, duration_s=HOURS * 3600))
    start = to_us(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    times = start + np.arange(len(shown), dtype=np.int64) * SECOND_US
    return {name: (times, np.array([probes[name] for _, probes in shown])) for name in shown[0][1]}


def recorded(folder: Path) -> Recording:
    """Return the columns of all CSV files of a folder."""
    found: Recording = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="") as file:
            header, *rows = csv.reader(file, delimiter=";")
        times = np.array([to_us(datetime.fromisoformat(row[0]).replace(tzinfo=UTC)) for row in rows], dtype=np.int64)
        for place, name in enumerate(header[1:], start=1):
            found[f"{path.stem}.{name}"] = times, np.array([float(row[place]) for row in rows])
    return found


def _times(recording: Recording, title: str) -> Table:
    columns = {name: times.view(np.float64) for name, (times, _) in recording.items()}
    return _table(f"times, {title}", columns, TIME_WAYS)


def _values(recording: Recording, title: str) -> Table:
    return _table(f"values, {title}", {name: values for name, (_, values) in recording.items()}, VALUE_WAYS)


def _table(title: str, columns: Mapping[str, Values], ways: tuple[Way, ...]) -> Table:
    parts = [
        np.ascontiguousarray(column[start : start + CHUNK_ROWS])
        for column in columns.values()
        for start in range(0, column.size, CHUNK_ROWS)
    ]
    rows: list[tuple[str | float | None, ...]] = []
    for way in ways:
        blocks = [way.encode(part) for part in parts]
        packed = [(part, block) for part, block in zip(parts, blocks, strict=True) if block is not None]
        for part, block in packed:
            if way.decode(block, part.size).tobytes() != part.tobytes():
                raise RuntimeError(f"{way.name} lost something")
        points = sum(part.size for part, _ in packed)
        share = points / sum(part.size for part in parts)
        if not points:
            rows.append((way.name, None, None, None, 0.0))
            continue
        size = sum(len(block) for _, block in packed) / points
        into = _seconds(lambda way=way, packed=packed: [way.encode(part) for part, _ in packed])  # type: ignore[misc]
        back = _seconds(lambda way=way, packed=packed: [way.decode(block, part.size) for part, block in packed])  # type: ignore[misc]
        rows.append((way.name, size, points / into / 1e6, points / back / 1e6, 100 * share))
    names = ("bytes/point", "pack M/s", "unpack M/s", "exact for %")
    return Table(f"{title}: {sum(part.size for part in parts):,} points in {len(columns)} columns", names, rows)


def _seconds(work: Callable[[], object]) -> float:
    """Return the least time that the work took in a few tries, which a busy machine bends least."""
    taken = []
    for _ in range(TRIES):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def _words(values: Values) -> Words:
    return values.view(np.uint64)


def _shuffled(words: Words) -> bytes:
    """Return words with the bytes of one weight side by side, compressed."""
    return zstandard.compress(np.ascontiguousarray(words.view(np.uint8).reshape(-1, 8).T).tobytes(), 3)


def _unshuffled(block: bytes, count: int) -> Words:
    raw = np.frombuffer(zstandard.decompress(block), dtype=np.uint8).reshape(8, count)
    return np.ascontiguousarray(raw.T).view(np.uint64).reshape(-1)


def _steps(words: Words, times: int) -> Words:
    """Return differences of differences, ``times`` over, with the sign in the lowest bit."""
    for _ in range(times):
        words = np.diff(words, prepend=np.uint64(0))
    signed = words.view(np.int64)
    return ((signed << 1) ^ (signed >> 63)).view(np.uint64)


def _sums(words: Words, times: int) -> Words:
    words = (words >> np.uint64(1)) ^ (np.uint64(0) - (words & np.uint64(1)))
    for _ in range(times):
        words = np.cumsum(words, dtype=np.uint64)
    return words


def _steps_way(name: str, times: int) -> Way:
    return Way(
        name,
        lambda values: _shuffled(_steps(_words(values), times)),
        lambda block, count: _sums(_unshuffled(block, count), times).view(np.float64),
    )


def _decimals_way(name: str, times: int) -> Way:
    def encode(values: Values) -> bytes | None:
        found = codec.as_decimals(values)
        if found is None:
            return None
        return bytes([found[0]]) + _shuffled(_steps(found[1].view(np.uint64), times))

    def decode(block: bytes, count: int) -> Values:
        integers = _sums(_unshuffled(block[1:], count), times).view(np.int64)
        values: Values = integers / 10.0 ** block[0]
        return values

    return Way(name, encode, decode)


def _xor(values: Values) -> bytes:
    words = _words(values).copy()
    words[1:] ^= _words(values)[:-1]
    return _shuffled(words)


TIME_WAYS = (
    Way(
        "deltas of deltas, narrow, zstd (kept)",
        lambda values: codec.encode_times(values.view(np.int64)),
        lambda block, count: codec.decode_times(block, count).view(np.float64),
    ),
    _steps_way("deltas, shuffled, zstd", 1),
    _steps_way("as they are, shuffled, zstd", 0),
)
VALUE_WAYS = (
    Way("the codec: decimals, else the smaller of XOR and bits (kept)", codec.encode_values, codec.decode_values),
    _decimals_way("scaled decimals, deltas, shuffled, zstd", 1),
    _decimals_way("scaled decimals, deltas of deltas, shuffled, zstd", 2),
    _decimals_way("scaled decimals as they are, shuffled, zstd", 0),
    _steps_way("bits, deltas of deltas, shuffled, zstd", 2),
    Way(
        "XOR with the one before, shuffled, zstd",
        _xor,
        lambda block, count: np.bitwise_xor.accumulate(_unshuffled(block, count)).view(np.float64),
    ),
    Way("XOR as Gorilla packs it, bit by bit (Python)", gorilla.encode, gorilla.decode),
    _steps_way("bits as they are, shuffled, zstd", 0),
    Way(
        "zstd alone",
        lambda values: zstandard.compress(values.tobytes(), 3),
        lambda block, count: np.frombuffer(zstandard.decompress(block)),
    ),
)
