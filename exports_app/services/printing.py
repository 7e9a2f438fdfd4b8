"""Pictures and PDF of an export: made once by the press, and kept by digest."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson
import structlog
from django.conf import settings
from django.db import transaction

from biolab.kernel.errors import Unavailable
from exports_app import storage
from exports_app.models import FrozenObject, NarrativeExport
from exports_app.narrative import press
from exports_app.narrative.bundle import ChannelFacts
from exports_app.services.artifacts import read_frozen
from exports_app.storage import Measured, frozen_name
from sessions_app.models import LabSession

log = structlog.get_logger(__name__)

MOST_PICTURES: Final = 24
SECONDS: Final = 120
NOT_WANTED: Final = "this installation renders none"
NO_PANGO: Final = "Pango is not installed here"
TOO_MUCH: Final = "the dossier could not be rendered within the bounds for PDF"


class PdfUnavailable(Unavailable):
    """Nothing here can print, or the dossier is too much for it."""

    default_code = "pdf_unavailable"


class _PressFailed(Exception):
    """The press gave nothing; the text says why."""


def pictures_of(
    export: NarrativeExport, channels: tuple[ChannelFacts, ...], *, folder: Path, at: datetime
) -> tuple[str, ...]:
    """Return a chart in SVG for each of the first channels, drawn now if that was never done; none if that failed.

    The figures and the row of bars, which every dossier has, tell the same.
    """
    drawn = channels[:MOST_PICTURES]
    if not drawn or not settings.ARCHIVE_PDF:
        return ()
    if export.pictures is None:
        (folder / press.CHANNELS).write_bytes(orjson.dumps([dataclasses.asdict(channel) for channel in drawn]))
        try:
            _run("pictures", folder)
        except _PressFailed as failure:
            log.warning("no pictures", export_id=export.public_id, why=str(failure))
            (folder / press.PICTURES).write_bytes(b"[]")
        file = storage.measured(folder / press.PICTURES, media_type="application/json")
        _keep(export, "pictures", file, at=at)
        export.refresh_from_db(fields=["pictures"])
    assert export.pictures is not None  # noqa: S101  kept the line above, by this process or another
    return tuple(orjson.loads(read_frozen(export.pictures)))


def print_page(page: Iterable[str], *, folder: Path) -> Path:
    """Return a PDF of the page, as a file in ``folder``.

    Raises:
        PdfUnavailable: the system's Pango is missing, or the page is too much.
    """
    if not settings.ARCHIVE_PDF:
        raise PdfUnavailable(f"There is no PDF: {NOT_WANTED}.", why=NOT_WANTED)
    with (folder / press.PAGE).open("w") as file:
        file.writelines(page)
    try:
        _run("pdf", folder)
    except _PressFailed as failure:
        raise PdfUnavailable(f"There is no PDF: {failure}.", why=str(failure)) from None
    return folder / press.PDF


def keep_pdf(
    export: NarrativeExport, page: Iterable[str], *, folder: Path, at: datetime
) -> tuple[FrozenObject | None, str]:
    """Return the export's PDF, printed now if that was never tried, or None and why there is none."""
    if export.pdf is None and not export.pdf_left_out:
        try:
            file = storage.measured(print_page(page, folder=folder), media_type="application/pdf")
            _keep(export, "pdf", file, at=at)
        except PdfUnavailable as refusal:
            with transaction.atomic():
                LabSession.objects.hold(export.session_id)
                untried = NarrativeExport.objects.filter(pk=export.pk, pdf=None, pdf_left_out="")
                untried.update(pdf_left_out=refusal.facts["why"])
        export.refresh_from_db(fields=["pdf", "pdf_left_out"])
    return export.pdf, export.pdf_left_out


def _keep(export: NarrativeExport, field: str, file: Measured, *, at: datetime) -> None:
    """Store the file under its digest and name it in the row, unless somebody was faster."""
    name = frozen_name(file)
    storage.put(file.path, name)
    with transaction.atomic():
        LabSession.objects.hold(export.session_id)
        row = FrozenObject(sha256=file.sha256, size=file.size, media_type=file.media_type, name=name, created_at=at)
        FrozenObject.objects.bulk_create([row], ignore_conflicts=True)
        NarrativeExport.objects.filter(pk=export.pk, **{field: None}).update(**{field: file.sha256})


def _run(work: str, folder: Path) -> None:
    """Have the press work on the folder, without the secrets of this process's environment.

    Raises:
        _PressFailed: it gave nothing.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", press.__name__, work, str(folder)],
            cwd=settings.BASE_DIR,
            env={**settings.PRESS_ENVIRONMENT, "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _PressFailed(TOO_MUCH) from None
    if done.returncode == press.NO_PANGO:
        raise _PressFailed(NO_PANGO)
    if done.returncode:
        log.warning("the press failed", work=work, told=done.stderr[-2000:].decode(errors="replace"))
        raise _PressFailed(TOO_MUCH)
