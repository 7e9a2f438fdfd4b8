"""Pictures by Runware: asked for in words, all of a deck's at once, within a budget of time and size."""

from __future__ import annotations

import base64
import re
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from exports_app.calls import AS_IT_IS, hung_up_after
from exports_app.decks.images import Fetched, read_picture
from exports_app.decks.slides import clipped

WIDTH, HEIGHT = 1024, 704
BUDGET_S: Final = 20.0
AT_ONCE: Final = 4
TRIES: Final = 3
LONGEST_ANSWER: Final = 12 * 1024 * 1024
LONGEST_PROMPT: Final = 500
_STYLE: Final = "Plain illustration for a presentation, without lettering."
_LATER: Final = frozenset({429, 502, 503, 504})
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
TOO_LATE: Final = "Runware took too long."

Painter = Callable[[Sequence[str]], list[Fetched]]


class _Busy(Exception):
    """The server says to come again."""


@dataclass(frozen=True, slots=True)
class Runware:
    """An account there.

    Attributes:
        api_key: sent as a bearer token, and nowhere else.
        budget_s: how long all pictures of a deck may take together.
    """

    url: str
    api_key: str = field(repr=False)
    model: str
    budget_s: float = BUDGET_S
    wait_s: float = 1.0

    def paint(self, asked: Sequence[str]) -> list[Fetched]:
        """Return a picture for each text, or why there is none; never raises."""
        if not asked:
            return []
        until = time.monotonic() + self.budget_s
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="runware") as pool:
            found = list(pool.map(partial(self._one, until), asked))
        return [self._read(one) for one in found]

    def _read(self, found: bytes | str) -> Fetched:
        """Look at what came, one after the other: a thread cannot turn warnings into errors for itself alone."""
        try:
            if isinstance(found, bytes):
                return read_picture(found)
        except ValueError as error:
            found = str(error)
        told = found.replace(self.api_key, "…")  # should the server have repeated it
        return Fetched(None, trouble=clipped(_CONTROL.sub(" ", told), 200))

    def _one(self, until: float, text: str) -> bytes | str:
        """Return a picture's bytes, or what went wrong."""
        try:
            for turn in range(1, TRIES + 1):
                try:
                    return self._ask(text, until)
                except _Busy as busy:
                    wait_s = self.wait_s * turn
                    if turn == TRIES or time.monotonic() + wait_s >= until:
                        raise ValueError(f"Runware answered {busy}.") from None
                    time.sleep(wait_s)
        except ValueError as error:
            return str(error)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return f"Runware could not be reached ({type(error).__name__})."
        raise AssertionError("the last try returns or raises")

    def _ask(self, text: str, until: float) -> bytes:
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise ValueError(TOO_LATE)
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise ValueError("Runware's address is neither http nor https.")
        task = {
            "taskType": "imageInference",
            "taskUUID": str(uuid.uuid4()),
            "positivePrompt": f"{clipped(_CONTROL.sub(' ', text), LONGEST_PROMPT)}. {_STYLE}",
            "width": WIDTH,
            "height": HEIGHT,
            "model": self.model,
            "numberResults": 1,
            "outputType": "base64Data",
            "outputFormat": "JPG",
        }
        headers = {"Authorization": f"Bearer {self.api_key}", **AS_IT_IS}
        try:
            with (
                httpx.Client(timeout=left_s, follow_redirects=False) as client,
                hung_up_after(left_s) as watched,
                client.stream("POST", self.url, headers=headers, json=[task], extensions=watched) as answer,
            ):
                if answer.status_code in _LATER:
                    raise _Busy(str(answer.status_code))
                data = bytearray()
                for piece in answer.iter_raw(64 * 1024):
                    data += piece
                    if len(data) > LONGEST_ANSWER:
                        raise ValueError("Runware's answer was too large.")
        except httpx.TimeoutException:
            raise ValueError(TOO_LATE) from None
        return _picture_in(bytes(data), answer.status_code, task["taskUUID"])


def _picture_in(answer: bytes, status: int, task: Any) -> bytes:
    try:
        said = msgspec.json.decode(answer)
        if status == 200 and "data" in said:
            (mine,) = (one for one in said["data"] if one["taskUUID"] == task)
            return base64.b64decode(mine["imageBase64Data"], validate=True)
        reasons = said.get("errors") or said["error"]
        reason = reasons[0]["message"] if isinstance(reasons, list) else reasons
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):  # whatever it was, no picture
        raise ValueError(_unread(status)) from None
    raise ValueError(f"Runware refused it: {reason}")


def _unread(status: int) -> str:
    return "Runware's answer holds no picture." if status == 200 else f"Runware answered {status}."
