"""Text from people, made safe to stand in Markdown. Pure."""

from __future__ import annotations

import re
from typing import Final

_INLINE: Final = re.compile(r"[\\`*\[\]~|]|(?<![^\W_])_|_(?![^\W_])")
_ENTITY: Final = re.compile(r"&(?=#?\w+;)")
_BLOCK: Final = re.compile(r"^( {0,3})([-+=#]|\d{1,9}(?=[.)]))")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it was written, line by line, and never reads markup into it.

    Control characters, those that turn the direction of writing included, become U+FFFD.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n").split("\n")
    made = [_line(line) for line in lines]
    return "".join(
        line + ("" if index == len(made) - 1 else "  \n" if line and made[index + 1] else "\n")
        for index, line in enumerate(made)
    )


def one_line(text: str) -> str:
    """Return ``text`` escaped for a heading or a list item: on one line."""
    return _line(" ".join(text.split()))


def _line(line: str) -> str:
    line = _CONTROL.sub("\ufffd", line.replace("\t", "    ")).rstrip()
    line = _ENTITY.sub("&amp;", line).replace("<", "&lt;").replace(">", "&gt;")
    line = _INLINE.sub(lambda match: "\\" + match.group(), line)
    line = _BLOCK.sub(_defused, line)
    indent = len(line) - len(line.lstrip(" "))
    return "\u00a0" * indent + line[indent:] if indent >= 4 else line


def _defused(match: re.Match[str]) -> str:
    indent, mark = match.groups()
    return f"{indent}{mark}\\" if mark[0].isdigit() else f"{indent}\\{mark}"
