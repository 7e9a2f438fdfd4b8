"""Slides as plain values: what an outline gives, what a deck is built from. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

LONGEST_TITLE: Final = 100
LONGEST_BULLET: Final = 200
LONGEST_NOTES: Final = 5_000
MOST_BULLETS: Final = 30
MOST_SLIDES: Final = 20
FACTS: Final = "facts"
LLM: Final = "llm"
RUNWARE: Final = "runware"
DRAWN: Final = "drawn"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that a slide wants, fetched or made when the deck is built.

    Attributes:
        url: where it is; without one it is made of ``alt``.
        provider: who made it, or makes it; ``DRAWN`` keeps it in the house.
    """

    url: str
    alt: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A channel's readings, few enough to draw.

    Attributes:
        hours: shape (n,), since the first reading, rising.
        low, high: shape (n,), in ``unit``.
    """

    channel: str
    unit: str
    hours: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Slide:
    """One slide; ``notes`` are the speaker's."""

    title: str
    bullets: tuple[str, ...]
    notes: str = ""
    source: str = FACTS
    image: Picture | None = None
    chart: Chart | None = None

    def as_wire(self) -> dict[str, Any]:
        """Return the slide as the wire shows it."""
        shown: dict[str, Any] = {"title": self.title, "bullets": list(self.bullets), "source": self.source}
        if self.notes:
            shown["notes"] = self.notes
        if self.image is not None:
            shown["image"] = {"url": self.image.url, "altText": self.image.alt, "provider": self.image.provider}
        return shown

    def as_json(self) -> dict[str, Any]:
        """Return all of the slide, as a job keeps it."""
        return dataclasses.asdict(self)


def slide_from(kept: Mapping[str, Any]) -> Slide:
    """Return a slide that ``as_json`` gave."""
    image, chart = kept["image"], kept["chart"]
    return Slide(
        title=kept["title"],
        bullets=tuple(kept["bullets"]),
        notes=kept["notes"],
        source=kept["source"],
        image=Picture(**image) if image is not None else None,
        chart=Chart(
            channel=chart["channel"],
            unit=chart["unit"],
            hours=tuple(chart["hours"]),
            low=tuple(chart["low"]),
            high=tuple(chart["high"]),
        )
        if chart is not None
        else None,
    )


def clipped(text: str, longest: int) -> str:
    """Return a text on one line, cut at a word where there is one near the end."""
    line = " ".join(text.split())
    if len(line) <= longest:
        return line
    cut = line[: longest - 1]
    space = cut.rfind(" ", longest * 2 // 3)
    return (cut[:space] if space > 0 else cut).rstrip(" ,;:.") + "…"
