"""Names inside an archive: one root, plain ASCII, safe on every file system."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_RESERVED: Final = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")
_LONGEST: Final = 80
_LONGEST_ENDING: Final = 10

FOLDERS: Final = {"file": "files", "notebook_entry": "notebooks"}
SUFFIXES: Final = {"notebooks": ".md", "events": ".json"}


def safe_name(name: str, default: str = "unnamed") -> str:
    """Return ``name`` reduced to letters, digits, dots, dashes and underscores, at most 80 characters.

    Folders, drive letters, leading dots and names that an operating system keeps for itself are gone; the ending
    stays. An empty result becomes ``default``.
    """
    last = re.split(r"[/\\:]", name)[-1].strip(". ")
    stem, dot, ending = last.rpartition(".")
    ending = _ascii(ending) if dot else ""
    if not ending or len(ending) > _LONGEST_ENDING:
        stem, ending = last, ""
    room = _LONGEST - len(ending) - 1
    clean = (_ascii(stem)[:room].rstrip("._-") or default) + (f".{ending}" if ending else "")
    return f"{default}-{clean}" if _RESERVED.fullmatch(clean) else clean


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"\.{2,}", ".", _UNSAFE.sub("_", plain)).strip("._-")


def numbered(number: int, name: str, folder: str) -> str:
    """Return the place of an attachment or extra under ``data/``: ``attachments/files/01-photo.png``."""
    safe = safe_name(name, default=folder.rpartition("/")[2].removesuffix("s") or "unnamed")
    ending = SUFFIXES.get(folder.rpartition("/")[2], "")
    if ending and not safe.lower().endswith(ending):
        safe += ending
    return f"{folder}/{number:02d}-{safe}"


def attachment_place(number: int, evidence_type: str, filename: str) -> str:
    """Return the place of the ``number``-th attachment, by its kind."""
    return numbered(number, filename, f"attachments/{FOLDERS.get(evidence_type, 'events')}")


def root_name(execution_id: str, version: int) -> str:
    """Return the archive's root folder, which is its file name without ``.eln``."""
    return f"session-{safe_name(execution_id)}-v{version}"
