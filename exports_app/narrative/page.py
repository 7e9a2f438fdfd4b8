"""The dossier as one self-contained HTML page: no script, nothing fetched from anywhere."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import nh3
from markdown_it import MarkdownIt

from exports_app.narrative.dossier import EVENT_HEADING

_TAGS: Final = {"h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "strong", "em", "code", "pre", "blockquote", "hr", "br"}
_UNESCAPE: Final = re.compile(r"\\([\\`*_\[\]#|~$])")
_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 1rem/1.55 system-ui, sans-serif; margin: 0 auto; padding: 1.5rem; max-width: 60rem; }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin-top: 2rem; border-top: 1px solid #8886; padding-top: 1rem; font-size: 1.2rem; }
h3 { font-size: 1.05rem; }
pre { background: #8881; padding: .75rem; border-radius: .375rem; overflow-x: auto; }
blockquote { margin: 0; padding-left: 1rem; border-left: .25rem solid #8886; overflow-wrap: anywhere; }
img { max-width: 100%; height: auto; background: #fff; border-radius: .375rem; }
@page { size: A4; margin: 18mm 16mm; @bottom-right { content: counter(page) " / " counter(pages); font-size: 8pt; } }
@media print {
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  h2, h3 { break-after: avoid; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 8pt; }
  img { break-inside: avoid; }
}
""".strip()
STYLE_HASH: Final = f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
POLICY: Final = f"default-src 'none'; style-src {STYLE_HASH}; img-src data:"
_TELEMETRY: Final = "## Telemetry\n"


def render_page(title: str, markdown: Iterable[str], pictures: Sequence[str] = ()) -> Iterator[str]:
    """Yield the HTML page of a dossier, section by section.

    Args:
        title: of the page; any text.
        markdown: the dossier, in pieces cut anywhere.
        pictures: charts in SVG, for the first channels of the dossier in their order.
    """
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    )
    yield from render_body(markdown, pictures)
    yield "</body>\n</html>\n"


def render_body(markdown: Iterable[str], pictures: Sequence[str] = ()) -> Iterator[str]:
    """Yield the dossier as sanitised HTML without a frame, section by section."""
    converter = MarkdownIt("commonmark", {"html": False})

    def shown(section: str) -> str:
        if section.startswith(EVENT_HEADING):
            return _event(section)
        page = nh3.clean(converter.render(section), tags=_TAGS, attributes={})
        return _illustrated(page, pictures) if section.startswith(_TELEMETRY) else page

    for sections in _sections(markdown):
        yield "".join(map(shown, sections))


def for_print(markdown: Iterable[str], *, most_events: int) -> Iterator[str]:
    """Yield the dossier with the first ``most_events`` of its events, and a word on where the others are."""
    seen = 0
    for sections in _sections(markdown):
        kept = []
        for section in sections:
            if section.startswith(EVENT_HEADING):
                seen += 1
                if seen > most_events:
                    continue
            elif seen > most_events:
                more = f"{seen - most_events} further events are not printed here; narrative.md holds them."
                kept.append(f"## Further events\n\n{more}\n\n")
                seen = 0
            kept.append(section)
        yield "".join(kept)


def _illustrated(page: str, pictures: Sequence[str]) -> str:
    """Return the channels' section with a picture under each heading, as long as there are pictures."""
    first, *channels = page.split("</h3>")
    shown = [first]
    for place, channel in enumerate(channels):
        image = ""
        if place < len(pictures):
            name = shown[-1].rpartition("<h3>")[2].replace('"', "&quot;")
            code = base64.b64encode(pictures[place].encode()).decode()
            image = f'\n<p><img alt="Readings of {name} over time" src="data:image/svg+xml;base64,{code}"></p>'
        shown.append(f"</h3>{image}{channel}")
    return "".join(shown)


def _sections(markdown: Iterable[str]) -> Iterator[list[str]]:
    """Yield the text cut before each second-level heading, in groups.

    No line within a dossier's code blocks begins with a heading's marks: they hold indented JSON and pictures.
    """
    held: list[str] = []
    tail = ""
    for piece in markdown:
        seen, tail = tail + piece, (tail + piece)[-3:]
        held.append(piece)
        if "\n## " in seen:
            first, *others, last = "".join(held).split("\n## ")
            yield [first + "\n", *(f"## {section}\n" for section in others)]
            held = ["## ", last]
    yield ["".join(held)]


def _event(section: str) -> str:
    """Return one event's section; the dossier wrote its lines, so they need no general parser.

    ``plain`` left only entities and backslashes in the text, hence what remains after unescaping is HTML text.
    """
    facts, _, code = section.partition("```json\n")
    if "\\" in facts:
        facts = _UNESCAPE.sub(r"\1", facts)
    heading, *lines = facts.split("\n")
    items = "".join([f"<li>{line[2:]}</li>\n" for line in lines if line])
    payload = html.escape(code.rpartition("\n```")[0], quote=False)
    return f"<h2>{heading[3:]}</h2>\n<ul>\n{items}</ul>\n<pre><code>{payload}\n</code></pre>\n"
