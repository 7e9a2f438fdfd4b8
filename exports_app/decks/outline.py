"""The facts engine: outlines of a session, or of a prompt's own words. Pure: the same facts give the same slides."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from exports_app.decks.slides import LONGEST_BULLET, LONGEST_NOTES, LONGEST_TITLE, Chart, Slide, clipped

LINES: Final = 6
"""How many lines a slide of a list holds."""

MANY: Final = 4
"""From how many charts on, the rest of the steps and the notes come first."""

OWN_WORDS: Final = "Outlined from the prompt's own words; nothing was added."
NOTHING_MORE: Final = "Nothing more was given; write here."
_SENTENCE: Final = re.compile(r"(?<=[.!?;])(?<!\b[A-Z]\.)\s+|\n+")  # “E. coli” is no end of a sentence
_CLAUSE: Final = re.compile(r",\s+|\s+[–—-]\s+|:\s+|\s+(?:and|und|et)\s+")


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing to say, and the number of the event that shows it, where one does."""

    text: str
    event: int | None = None


@dataclass(frozen=True, slots=True)
class ChannelTold:
    """One channel's figures, drawn."""

    chart: Chart
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class SessionTold:
    """What a session's deck is made from."""

    name: str
    head: int
    opening: tuple[Claim, ...]
    steps: tuple[Claim, ...]
    steps_done: Claim
    channels: tuple[ChannelTold, ...]
    deviations: tuple[Claim, ...]
    approvals: tuple[Claim, ...]
    next_steps: tuple[Claim, ...]
    notes: tuple[Claim, ...]


def outline_session(told: SessionTold, *, count: int, audience: str = "") -> list[Slide]:
    """Return at most ``count`` slides of a session: the most important ones, in the order of the story.

    There are fewer where the session has no more to tell. Each claim names its event in the notes.
    """
    ranked = sorted(_pages(told, audience), key=lambda page: page[0])[:count]
    return [slide for _, slide in sorted(ranked, key=lambda page: (_ORDER[page[0] // 100], page[0]))]


_ORDER: Final = {0: 0, 1: 1, 7: 1, 3: 2, 6: 2, 10: 2, 2: 3, 9: 3, 8: 4, 5: 5, 4: 6}
"""Where a page of each rank stands in the story; ranks count in hundreds."""


def _pages(told: SessionTold, audience: str) -> Iterable[tuple[int, Slide]]:
    """Yield (rank, slide): the hundreds say what it is, and how much it matters."""
    for_whom = f"For {audience}. " if audience else ""
    lead = f"{for_whom}{told.name}, as its record stood at event #{told.head}."
    yield 0, _slide(told.name, told.opening, lead=lead)
    steps = [*batched(told.steps, LINES)]
    yield 100, _slide("What was done", [told.steps_done, *(steps[0] if steps else ())])
    for place, some in enumerate(steps[1:], 2):
        yield 700 + place, _slide(f"What was done ({place})", some)
    deviations = [*batched(told.deviations, LINES)] or [(Claim("None recorded."),)]
    for place, some in enumerate(deviations):
        yield (200 if place == 0 else 900 + place), _slide(_numbered("Deviations", place), some)
    for place, channel in enumerate(told.channels):
        rank = 300 if place == 0 else (600 if place < MANY else 1000) + place
        yield rank, _slide(channel.chart.channel, channel.claims, chart=channel.chart)
    if not told.channels:
        yield 300, _slide("Readings", [Claim("No readings were stored.")])
    yield 400, _slide("Next steps", told.next_steps[:LINES] or [Claim("Nothing is open.")])
    yield 500, _slide("Approvals", told.approvals[:LINES] or [Claim("No approval was asked for.")])
    for place, some in enumerate(batched(told.notes, LINES)):
        yield 800 + place, _slide(_numbered("Notes", place), some)


def _numbered(title: str, place: int) -> str:
    return title if place == 0 else f"{title} ({place + 1})"


def _slide(title: str, claims: Iterable[Claim], *, lead: str = "", chart: Chart | None = None) -> Slide:
    claims = list(claims)
    said = [
        f"{claim.text} — {f'event #{claim.event}' if claim.event else 'from the record as a whole'}" for claim in claims
    ]
    notes = "\n".join([lead, *said] if lead else said)
    return Slide(
        title=clipped(title, LONGEST_TITLE) or "Untitled",
        bullets=tuple(clipped(claim.text, LONGEST_BULLET) for claim in claims) or (NOTHING_MORE,),
        notes=notes[:LONGEST_NOTES],
        chart=chart,
    )


def outline_prompt(prompt: str, *, count: int, context: str = "") -> list[Slide]:
    """Return ``count`` slides of a prompt's own words, cut at its sentences, then at their clauses; none is added.

    Args:
        context: more of the same, set behind the prompt.
    """
    sentences = [part for part in map(_tidy, _SENTENCE.split(f"{prompt}\n{context}")) if part]
    units = sentences
    if len(units) < count:
        units = [part for sentence in sentences for part in map(_tidy, _CLAUSE.split(sentence)) if part]
    topic = clipped(sentences[0] if sentences else "Untitled", LONGEST_TITLE - 14)
    size, more = divmod(len(units), count)
    slides, at = [], 0
    for place in range(count):
        mine = units[at : at + size + (place < more)]
        at += len(mine)
        heading = mine[0] if len(mine) > 1 and place > 0 else f"{topic} ({place + 1} of {count})" if place else topic
        bullets = tuple(clipped(unit, LONGEST_BULLET) for unit in mine[:30]) or (NOTHING_MORE,)
        slides.append(Slide(title=clipped(heading, LONGEST_TITLE), bullets=bullets, notes=OWN_WORDS))
    return slides


def batched(claims: Iterable[Claim], size: int) -> Iterable[tuple[Claim, ...]]:
    """Yield the claims in runs of ``size``."""
    rest = iter(claims)
    while some := tuple(islice(rest, size)):
        yield some


def _tidy(text: str) -> str:
    return " ".join(text.split()).strip(" -•*#\t")
