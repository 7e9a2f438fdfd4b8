"""Columns to bytes and back: times as deltas of deltas, values as scaled decimals or shuffled bits, then zstd.

Every float64 comes back bit for bit, the sign of zero, subnormals and NaN included; so does every int64 time.
Each block begins with one byte that names its scheme, so later schemes can join without touching stored data.
"""

from __future__ import annotations

import threading
from enum import IntEnum
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Buffer = bytes | memoryview
Words = NDArray[np.unsignedinteger[Any]]

CODEC = 1
"""The version that stored rows carry beside their blocks."""

MOST_DECIMALS = 12
EXACT_INTEGER = 2.0**53
HEADER = 3  # scheme, word width, decimals

_local = threading.local()


class Scheme(IntEnum):
    """How the words of a block were made."""

    TIMES = 1
    DECIMAL = 2
    XOR = 3
    BITS = 4


class BlockError(ValueError):
    """The bytes are no block of this codec, or are damaged."""


def encode_times(times: Times, *, level: int = 3) -> bytes:
    """Return ``times`` as a block.

    Args:
        times: shape (n,), microseconds since 1970, in any order; even spacing costs next to nothing.
        level: zstd effort.
    """
    return _pack(Scheme.TIMES, 0, _zigzag(_steps(_steps(times.view(np.uint64)))), level)


def decode_times(block: Buffer, count: int) -> Times:
    """Return the ``count`` times of ``block``.

    Raises:
        BlockError: the bytes are no block of times, or hold another number of them.
    """
    scheme, _, words = _unpack(block, count)
    if scheme is not Scheme.TIMES:
        raise BlockError("This block holds no times.")
    steps = np.cumsum(_unzigzag(words), dtype=np.uint64)
    return np.cumsum(steps, dtype=np.uint64).view(np.int64)


def encode_values(values: Values, *, level: int = 3) -> bytes:
    """Return ``values`` as the smallest block among the schemes that keep them exactly.

    Args:
        values: shape (n,); readings with few decimals take about two bytes each.
        level: zstd effort.
    """
    decimal = as_decimals(values)
    if decimal is not None:
        decimals, integers = decimal
        return _pack(Scheme.DECIMAL, decimals, _zigzag(_steps(integers.view(np.uint64))), level)
    bits = values.view(np.uint64)
    shuffled = _pack(Scheme.BITS, 0, bits, level)
    xored = bits.copy()
    xored[1:] ^= bits[:-1]
    return min(shuffled, _pack(Scheme.XOR, 0, xored, level), key=len)


def decode_values(block: Buffer, count: int) -> Values:
    """Return the ``count`` values of ``block``, bit for bit.

    Raises:
        BlockError: the bytes are no block of values, or hold another number of them.
    """
    scheme, decimals, words = _unpack(block, count)
    match scheme:
        case Scheme.DECIMAL:
            integers = np.cumsum(_unzigzag(words), dtype=np.uint64).view(np.int64)
            return integers / 10.0**decimals
        case Scheme.XOR:
            return np.bitwise_xor.accumulate(words.astype(np.uint64)).view(np.float64)
        case Scheme.BITS:
            return words.astype(np.uint64).view(np.float64)
    raise BlockError("This block holds no values.")


def as_decimals(values: Values) -> tuple[int, NDArray[np.int64]] | None:
    """Return (decimals, integers) with ``integers / 10**decimals`` equal to ``values`` bit for bit, or nothing."""
    head = values[:64]
    for decimals in range(MOST_DECIMALS + 1):
        if _scaled(head, decimals) is None:
            continue
        integers = _scaled(values, decimals)
        if integers is not None:
            return decimals, integers
    return None


def _scaled(values: Values, decimals: int) -> NDArray[np.int64] | None:
    factor = 10.0**decimals
    with np.errstate(over="ignore"):
        rounded = np.rint(values * factor)
    if not np.all(np.abs(rounded) < EXACT_INTEGER):
        return None
    integers = rounded.astype(np.int64)
    back = integers / factor
    return integers if np.array_equal(back.view(np.uint64), values.view(np.uint64)) else None


def _steps(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the differences, modulo 2^64, from a zero before the first."""
    steps = words.copy()
    steps[1:] -= words[:-1]
    return steps


def _zigzag(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    signed = words.view(np.int64)
    return ((signed << 1) ^ (signed >> 63)).view(np.uint64)


def _unzigzag(words: Words) -> NDArray[np.uint64]:
    wide = words.astype(np.uint64)
    return (wide >> np.uint64(1)) ^ (np.uint64(0) - (wide & np.uint64(1)))


def _pack(scheme: Scheme, decimals: int, words: NDArray[np.uint64], level: int) -> bytes:
    """Return the header and the words, cut to the narrowest width, bytes of one weight side by side, compressed."""
    top = int(words.max()) if words.size else 0
    width = next(width for width in (1, 2, 4, 8) if top < 1 << (8 * width))
    narrow = words.astype(f"<u{width}")
    if width > 1:
        narrow = np.ascontiguousarray(narrow.view(np.uint8).reshape(-1, width).T)
    return bytes((scheme, width, decimals)) + _compressor(level).compress(narrow.tobytes())


def _unpack(block: Buffer, count: int) -> tuple[Scheme, int, Words]:
    data = bytes(block)
    try:
        scheme, width, decimals = Scheme(data[0]), data[1], data[2]
        raw = _decompressor().decompress(data[HEADER:], max_output_size=count * width)
    except (IndexError, ValueError, zstandard.ZstdError) as problem:
        raise BlockError("This block cannot be read.") from problem
    if width not in (1, 2, 4, 8) or len(raw) != count * width or decimals > MOST_DECIMALS:
        raise BlockError("This block holds another number of readings than its row says.")
    if width == 1:
        return scheme, decimals, np.frombuffer(raw, dtype=np.uint8)
    rows = np.frombuffer(raw, dtype=np.uint8).reshape(width, -1)
    return scheme, decimals, np.ascontiguousarray(rows.T).view(f"<u{width}").reshape(-1)


def compress(raw: bytes, *, level: int = 3) -> bytes:
    """Return bytes packed; the frame says how many they were."""
    return _compressor(level).compress(raw)


def decompress(packed: Buffer) -> bytes:
    """Return the bytes of :func:`compress`.

    Raises:
        BlockError: they are none, or damaged.
    """
    try:
        return _decompressor().decompress(bytes(packed))
    except zstandard.ZstdError as problem:
        raise BlockError("This block cannot be read.") from problem


def _compressor(level: int) -> zstandard.ZstdCompressor:
    """Return this thread's compressor for ``level``; they are costly to make and not shared between threads."""
    made: dict[int, zstandard.ZstdCompressor] = _local.__dict__.setdefault("compressors", {})
    if level not in made:
        made[level] = zstandard.ZstdCompressor(level=level)
    return made[level]


def _decompressor() -> zstandard.ZstdDecompressor:
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor()
    made: zstandard.ZstdDecompressor = _local.decompressor
    return made
