"""XOR compression of float64 as published, bit by bit, for comparison.

Source:
    Pelkonen et al., "Gorilla: A Fast, Scalable, In-Memory Time Series Database", VLDB 2015, §4.1.2.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from telemetry_app.codec import Values


def encode(values: Values) -> bytes:
    """Return values as a bit stream: the first whole, then what differs from the one before."""
    words = values.view(np.uint64).tolist()
    stream, length = words[0], 64
    leading, trailing, window = 65, 0, 0
    for previous, word in pairwise(words):
        difference = previous ^ word
        if difference == 0:
            stream, length = stream << 1, length + 1
            continue
        zeros = min(64 - difference.bit_length(), 31)
        low = (difference & -difference).bit_length() - 1
        if leading <= zeros and trailing <= low:
            stream = (stream << 2 | 0b10) << window | difference >> trailing
            length += 2 + window
            continue
        leading, trailing, window = zeros, low, 64 - zeros - low
        head = (0b11 << 5 | leading) << 6 | (window & 63)
        stream = (stream << 13 | head) << window | difference >> trailing
        length += 13 + window
    return (stream << (-length % 8)).to_bytes(-(-length // 8), "big")


def decode(block: bytes, count: int) -> Values:
    """Return the ``count`` values of :func:`encode`."""
    bits = np.unpackbits(np.frombuffer(block, dtype=np.uint8)).tobytes()
    at = 0

    def take(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(np.packbits(np.frombuffer(bits, np.uint8, size, at - size)).tobytes(), "big") >> (
            -size % 8
        )

    words = [take(64)]
    trailing = window = 0
    while len(words) < count:
        difference = 0
        if take(1):
            if take(1):
                leading, window = take(5), take(6) or 64
                trailing = 64 - leading - window
            difference = take(window) << trailing
        words.append(words[-1] ^ difference)
    return np.array(words, dtype=np.uint64).view(np.float64)
