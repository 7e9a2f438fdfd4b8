"""Python's search for cyclic garbage, put off while much is built that lives until it is done."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

_LOCK: Final = Lock()
_waiting = 0
_was_on = True


@contextmanager
def collector_put_off() -> Iterator[None]:
    """Do not search for cyclic garbage inside; what is no longer referred to goes at once all the same.

    A search looks at all that was made lately. Where a hundred thousand rows are made and kept, it looks at them over
    and over and finds nothing, which takes as long as making them. Threads may do this side by side: the search goes
    on when the last is done, unless it was off before.
    """
    global _waiting, _was_on
    with _LOCK:
        _was_on = gc.isenabled() if _waiting == 0 else _was_on
        _waiting += 1
        gc.disable()
    try:
        yield
    finally:
        with _LOCK:
            _waiting -= 1
            if _waiting == 0 and _was_on:
                gc.enable()
