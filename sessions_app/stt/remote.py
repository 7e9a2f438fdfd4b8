"""Has recordings heard by a server that speaks OpenAI's ``/v1/audio/transcriptions``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import IO, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from biolab.kernel.errors import Unreachable
from sessions_app.stt.containers import SUFFIX
from sessions_app.stt.engine import EngineRefused, Heard, Word

LARGEST_ANSWER: Final = 8 * 1024 * 1024
PATIENCE: Final = httpx.Timeout(30, read=600)
DEFAULT_MODEL: Final = "whisper-1"
LATER: Final = frozenset({408, 425, 429})


class _Word(msgspec.Struct):
    word: str
    start: float
    end: float
    probability: float | None = None


class _Segment(msgspec.Struct):
    start: float
    end: float
    avg_logprob: float | None = None


class _Answer(msgspec.Struct):
    text: str
    words: list[_Word] | None = None
    segments: list[_Segment] | None = None
    duration: float | None = None


class RemoteEngine:
    """A server that the administrator has named; it may be in the lab's own network.

    Args:
        base_url: up to and with ``/v1``.
        api_key: sent as a bearer token; empty sends none.
        model: the model's name there.
        language: the language spoken; empty lets the model find out.
    """

    def __init__(self, *, base_url: str, api_key: str, model: str, language: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EngineRefused("STT_BASE_URL must name an http or https address.")
        self.url = f"{base_url.rstrip('/')}/audio/transcriptions"
        self.headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self.fields: dict[str, str | list[str]] = {
            "model": model or DEFAULT_MODEL,
            "response_format": "verbose_json",
            "timestamp_granularities[]": ["word", "segment"],
            "temperature": "0",
            **({"language": language} if language else {}),
        }

    def hear(self, file: IO[bytes], *, media_type: str, hotwords: Sequence[str]) -> Heard:
        fields = {**self.fields, **({"prompt": ", ".join(hotwords)} if hotwords else {})}
        sent = {"file": (f"recording.{SUFFIX[media_type]}", file, media_type)}
        try:
            with (
                httpx.Client(timeout=PATIENCE, follow_redirects=False) as client,
                client.stream("POST", self.url, headers=self.headers, data=fields, files=sent) as answer,
            ):
                _require_success(answer)
                return _heard(_body(answer))
        except httpx.HTTPError as error:
            raise Unreachable(f"The speech server does not answer ({type(error).__name__}).") from error


def _require_success(answer: httpx.Response) -> None:
    if answer.status_code in LATER or answer.status_code >= 500:
        raise Unreachable(f"The speech server answered {answer.status_code}.")
    if answer.status_code != 200:
        raise EngineRefused(f"The speech server refused this recording with {answer.status_code}.")


def _body(answer: httpx.Response) -> bytes:
    body = bytearray()
    for piece in answer.iter_bytes():
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise EngineRefused("The speech server's answer is too large.")
    return bytes(body)


def _heard(body: bytes) -> Heard:
    try:
        told = msgspec.json.decode(body, type=_Answer)
    except msgspec.DecodeError as error:
        raise EngineRefused("The speech server's answer is no verbose_json.") from error
    words = tuple(Word(word.word.strip(), word.start, word.end, _share(word.probability)) for word in told.words or ())
    return Heard(told.text.strip(), words, _confidence(told), told.duration)


def _confidence(told: _Answer) -> float | None:
    """Return how sure the server is: of its words where it says so, else of its segments by their length."""
    known = [share for word in told.words or () if (share := _share(word.probability)) is not None]
    if known:
        return round(sum(known) / len(known), 4)
    judged = [
        (max(0.0, one.end - one.start), one.avg_logprob) for one in told.segments or () if one.avg_logprob is not None
    ]
    length_s = sum(length for length, _ in judged)
    if not length_s:
        return None
    return round(min(1.0, math.exp(sum(length * logprob for length, logprob in judged) / length_s)), 4)


def _share(value: float | None) -> float | None:
    return None if value is None else min(1.0, max(0.0, value))
