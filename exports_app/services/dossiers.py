"""Give a dossier out as a page or as a PDF, with the signatures that it has by now."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import orjson

from exports_app import storage
from exports_app.archive.layout import root_name
from exports_app.archive.verify import approvals_section
from exports_app.archive.write import texts_of
from exports_app.models import NarrativeExport
from exports_app.narrative.bundle import DossierBundle
from exports_app.narrative.page import render_page
from exports_app.services.artifacts import read_frozen
from exports_app.services.contents import printable, signatures_of
from exports_app.services.printing import pictures_of, print_page
from exports_app.storage import Measured


@dataclass(frozen=True)
class OpenDossier:
    """A rendering on its way out: a local file, open at its start; the caller closes it."""

    file: IO[bytes]
    size: int
    checksum: str
    filename: str


def open_page(*, export: NarrativeExport, at: datetime) -> OpenDossier:
    """Return the dossier as one self-contained page.

    Raises:
        IntegrityFailed, StorageUnreachable: the store has other bytes than were frozen, or does not answer.
    """
    with storage.workbench() as folder, closing(_narrative(export)) as narrative:
        title, pictures = _illustrations(export, folder, at)
        page = render_page(title, texts_of(narrative), pictures)
        file = storage.measure((piece.encode() for piece in page), folder=folder, media_type="text/html")
        return _opened(export, file, "html")


def open_pdf(*, export: NarrativeExport, at: datetime) -> OpenDossier:
    """Return the dossier as a PDF: the one in the archive, or, before that is packed, one of this moment.

    Raises:
        PdfUnavailable: the system's Pango is missing, or the dossier is too much for a PDF.
        IntegrityFailed, StorageUnreachable: the store has other bytes than were frozen, or does not answer.
    """
    if export.pdf is not None:
        kept = storage.fetch(export.pdf.name, sha256=export.pdf.sha256)
        return OpenDossier(kept, export.pdf.size, export.pdf.sha256, _filename(export, "pdf"))
    with storage.workbench() as folder, closing(_narrative(export)) as narrative:
        title, pictures = _illustrations(export, folder, at)
        path = print_page(printable(title, narrative, pictures), folder=folder)
        return _opened(export, storage.measured(path, media_type="application/pdf"), "pdf")


def _illustrations(export: NarrativeExport, folder: Path, at: datetime) -> tuple[str, tuple[str, ...]]:
    facts = DossierBundle.from_json(orjson.loads(read_frozen(export.facts)))
    return facts.session.name, pictures_of(export, facts.channels, folder=folder, at=at)


def _narrative(export: NarrativeExport) -> Generator[bytes, None, None]:
    with storage.fetch(export.content.name, sha256=export.content.sha256) as file:
        while piece := file.read(storage.CHUNK):
            yield piece
    signed = ((json.loads(record.canonical), record.standing) for record in signatures_of(export))
    yield approvals_section(signed).encode()


def _opened(export: NarrativeExport, file: Measured, ending: str) -> OpenDossier:
    return OpenDossier(file.path.open("rb"), file.size, file.sha256, _filename(export, ending))


def _filename(export: NarrativeExport, ending: str) -> str:
    return f"{root_name(export.session.public_id, export.version)}.{ending}"
