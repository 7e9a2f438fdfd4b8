"""The dossier as one self-contained HTML page: no script, nothing fetched from anywhere."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
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
@media print { body { max-width: none; padding: 0; } h2, h3 { break-after: avoid; } }
""".strip()


def render_page(title: str, markdown: Iterable[str]) -> Iterator[str]:
    """Yield the HTML page of a dossier, section by section.

    Args:
        title: of the page; any text.
        markdown: the dossier, in pieces cut anywhere.
    """
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n"
    )
    yield from render_body(markdown)
    yield "</body>\n</html>\n"


def render_body(markdown: Iterable[str]) -> Iterator[str]:
    """Yield the dossier as sanitised HTML without a frame, section by section."""
    converter = MarkdownIt("commonmark", {"html": False})
    for sections in _sections(markdown):
        yield "".join(
            _event(section)
            if section.startswith(EVENT_HEADING)
            else nh3.clean(converter.render(section), tags=_TAGS, attributes={})
            for section in sections
        )


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
