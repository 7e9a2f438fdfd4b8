"""What a file is, told by its bytes: its name is believed only among kinds of text. Pure."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from typing import Any, Final

WINDOW: Final = 64 * 1024
"""How much of a file's beginning, and of its end, is looked at."""

UNKNOWN: Final = "application/octet-stream"
TEXT: Final = "text/plain"
ZIP: Final = "application/zip"
LONGEST_NAME: Final = 200
SHOWN_LINES, SHOWN_ROWS, SHOWN_CELLS, SHOWN_WIDTH = 20, 10, 12, 200

_MAGIC: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", ZIP),
    (0, b"PK\x05\x06", ZIP),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\x89HDF\r\n\x1a\n", "application/x-hdf5"),
    (0, b"PAR1", "application/vnd.apache.parquet"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"MZ", "application/vnd.microsoft.portable-executable"),
    (0, b"FCS2.", "application/vnd.isac.fcs"),
    (0, b"FCS3.", "application/vnd.isac.fcs"),
    (0, b"CDF\x01", "application/x-netcdf"),
)
_WORD: Final = 3
_IN_RIFF: Final = {"image/webp", "audio/wav", "video/x-msvideo"}
_OFFICE: Final = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_ZIPS: Final = {ZIP, *(kind for _, kind in _OFFICE)}

_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_HTML: Final = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|iframe)[\s/>]", re.IGNORECASE)
_SVG: Final = re.compile(rb"<svg[\s>]", re.IGNORECASE)
_SCRIPT: Final = re.compile(rb"<(?:script|html|iframe|\?php)[\s/>]|<!doctype\s+html", re.IGNORECASE)

_BY_TEXT_ENDING: Final = {
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "md": "text/markdown",
    "json": "application/json",
}
_WRITTEN: Final = {TEXT, "application/xml", *_BY_TEXT_ENDING.values()}
_CLAIMS: Final[dict[str, set[str]]] = {
    **dict.fromkeys(("txt", "log", *_BY_TEXT_ENDING), _WRITTEN),
    "xml": {"application/xml"},
    "html": {"text/html"},
    "htm": {"text/html"},
    "svg": {"image/svg+xml"},
    "png": {"image/png"},
    "jpg": {"image/jpeg"},
    "jpeg": {"image/jpeg"},
    "gif": {"image/gif"},
    "webp": {"image/webp"},
    "tif": {"image/tiff"},
    "tiff": {"image/tiff"},
    "pdf": {"application/pdf"},
    "zip": _ZIPS,
    "docx": {_OFFICE[0][1]},
    "xlsx": {_OFFICE[1][1]},
    "pptx": {_OFFICE[2][1]},
    "gz": {"application/gzip"},
    "wav": {"audio/wav"},
    "ogg": {"audio/ogg"},
    "flac": {"audio/flac"},
    "mp4": {"video/mp4"},
    "webm": {"video/webm"},
    "h5": {"application/x-hdf5"},
    "parquet": {"application/vnd.apache.parquet"},
    "fcs": {"application/vnd.isac.fcs"},
}
"""What a file of each ending must be. Endings that instruments use as they like are not listed."""


def sniff(head: bytes, name: str) -> str:
    """Return the media type of a file that begins with ``head``; of plain text its name tells the kind."""
    for offset, magic, kind in _MAGIC:
        if not head.startswith(magic, offset) or (kind in _IN_RIFF and not head.startswith(b"RIFF")):
            continue
        if len(magic) <= _WORD and magic.isalnum() and not _CONTROL.search(head):
            continue  # a text may begin with the same letters: “MZ,Intensity” heads many a table
        return _in_zip(head) if kind == ZIP else kind
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return TEXT
    if _CONTROL.search(head):
        return UNKNOWN
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _SVG.search(head) and start.startswith((b"<?xml", b"<svg", b"<!DOCTYPE svg", b"<!--")):
        return "image/svg+xml"
    if start.startswith(b"<") and _HTML.search(head):
        return "text/html"
    if start.startswith(b"<?xml"):
        return "application/xml"
    return _BY_TEXT_ENDING.get(_ending(name), TEXT)


def objection(kind: str, name: str, head: bytes, tail: bytes) -> str:
    """Return why a file is not taken, or nothing: it is not what its name says, or it is two things at once.

    Args:
        kind: what ``sniff`` says.
        head, tail: the first and the last bytes, ``WINDOW`` of each or fewer.
    """
    claimed = _CLAIMS.get(_ending(name))
    if claimed is not None and kind not in claimed:
        return f"It is called .{_ending(name)}, and its content is {kind}."
    if kind in (UNKNOWN, "text/html", "image/svg+xml") or kind in _WRITTEN:
        return ""
    if kind.startswith("image/") and (_SCRIPT.search(head) or _SCRIPT.search(tail)):
        return f"It is {kind} and a web page at once."
    if kind not in _ZIPS and not kind.startswith("application/x-") and b"PK\x05\x06" in tail[-66_000:]:
        return f"It is {kind} and a zip archive at once."
    if kind != "application/pdf" and b"%PDF-" in head[:1024]:
        return f"It is {kind} and a PDF at once."
    return ""


def preview(kind: str, head: bytes) -> dict[str, Any]:
    """Return the beginning of a text to show: its lines, or a table's rows; nothing of what is no text."""
    if kind not in _WRITTEN:
        return {}
    text = _decoded(head)
    if kind in ("text/csv", "text/tab-separated-values"):
        delimiter = "\t" if kind.endswith("values") else _delimiter(text)
        lines = io.StringIO("\n".join(text.splitlines()[: SHOWN_ROWS * 2]))
        try:
            rows = [row[:SHOWN_CELLS] for row in csv.reader(lines, delimiter=delimiter)][:SHOWN_ROWS]
        except csv.Error:
            return {}
        return {"kind": "table", "rows": [[cell[:SHOWN_WIDTH] for cell in row] for row in rows]}
    return {"kind": "text", "lines": [line[:SHOWN_WIDTH] for line in text.splitlines()[:SHOWN_LINES]]}


def safe_filename(name: str) -> str:
    """Return what a file is called: without folders, characters that control or hide, or an empty rest."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    seen = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C").strip(" .")
    stem, dot, ending = seen.rpartition(".")
    if not dot or len(ending) > 16:
        stem, ending = seen, ""
    return f"{stem[: LONGEST_NAME - len(ending) - 1].rstrip()}{'.' if ending else ''}{ending}" or "file"


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def _in_zip(head: bytes) -> str:
    """Return what kind of zip: the first names of an office document say so."""
    if b"[Content_Types].xml" in head[:4096]:
        return next((kind for folder, kind in _OFFICE if folder in head), ZIP)
    return ZIP


def _decoded(head: bytes) -> str:
    """Return ``head`` as text without NUL, whatever its encoding; a letter cut in two at the end is left out."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head[: len(head) // 2 * 2].decode("utf-16", "replace")
    else:
        try:
            text = head.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            cut = error.reason == "unexpected end of data"
            text = head[: error.start].decode("utf-8-sig") if cut else head.decode("cp1252", "replace")
    return text.replace("\x00", "")


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max((",", ";", "\t"), key=first.count)
