"""Doors of files of readings: hand one in, look into one, see how far it is, get it back."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel import storage
from biolab.kernel.api.paging import paged
from biolab.kernel.api.uploads import ANY, UploadDoor
from biolab.kernel.errors import Invalid
from biolab.kernel.ids import find
from biolab.kernel.times import iso, iso_or_none
from telemetry_app.api import shapes
from telemetry_app.api.base import SessionDoor
from telemetry_app.ingest.files_layout import Wish
from telemetry_app.instants import iso_us
from telemetry_app.models import ImportJob
from telemetry_app.services.importing import Glance, ask_import, preview_import, retry_import

FIELDS = ("shape", "time_column", "channel_column", "value_column", "unit_column", "time_zone", "columns")
LONGEST = 2_000
HELP = {
    "shape": "auto (default), long or wide",
    "time_column": "left out: the first column of times",
    "channel_column": "of a long file",
    "value_column": "of a long file",
    "unit_column": "of a long file",
    "time_zone": "where clocks stood that name no offset, such as Europe/Berlin",
    "columns": 'of a wide file: JSON {"header": "channel [unit]"} of the columns to read',
    "file_name": "what the file is called, where it is the body",
}
FORM_IN = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        **{name: {"type": "string", "description": HELP[name]} for name in FIELDS},
    },
}
ASKED = [OpenApiParameter(name, str, description=HELP[name]) for name in (*FIELDS, "file_name")]
FILE_IN = {"multipart/form-data": FORM_IN, ANY: OpenApiTypes.BINARY}


class _ImportArea(SessionDoor):
    """What the doors of a session's imports share."""

    def imports(self, sid: str) -> Any:
        return ImportJob.objects.filter(session=self.session(sid)).select_related("session", "asked_by")

    def shape(self, job: ImportJob) -> dict[str, Any]:
        told, *errors = job.error.split("\n")
        names = ("status", "file_name", "format", "size", "sha256", "rows_total", "rows_done", "created", "late")
        return {
            "id": job.public_id,
            "session_id": job.session.public_id,
            **{name: getattr(job, name) for name in (*names, "flagged", "attempts", "mapping")},
            "error": told,
            "errors": errors,
            "asked_by": job.asked_by.public_id,
            "created_at": iso(job.created_at),
            "finished_at": iso_or_none(job.finished_at),
        }


class _FileDoor(_ImportArea, UploadDoor):
    """A door that takes a file of readings."""

    def wish(self) -> Wish:
        """Return what the form or the query says about the file."""
        values = {name: text for name in FIELDS if (text := self.field(name).strip())}
        for name, text in values.items():
            if len(text) > LONGEST * (100 if name == "columns" else 1):
                raise _bad(name, "Too long.")
        try:
            columns = orjson.loads(values.pop("columns", "{}"))
            return msgspec.convert({**values, "columns": columns}, Wish)
        except orjson.JSONDecodeError:
            raise _bad("columns", 'Give JSON such as {"T1": "Temperature [°C]"}.') from None
        except msgspec.ValidationError as problem:
            name = "shape" if "shape" in str(problem) else "columns"
            raise _bad(name, "auto, long or wide." if name == "shape" else HELP["columns"]) from None

    def file_name(self) -> str:
        """Return what the file is called, without folders and what cannot be printed."""
        last = self.sent_name("readings").replace("\\", "/").rpartition("/")[2]
        return "".join(letter for letter in last if letter.isprintable())[-255:] or "readings"


class ImportDoor(_FileDoor):
    """Handing in a file of readings."""

    @extend_schema(
        operation_id="telemetry_import",
        summary="Import a CSV or Parquet file",
        description=(
            "The file is kept as received, checked as a whole and then stored in the background: a row that is wrong "
            "refuses the file, and nothing of it is stored. Ask the job for its progress."
        ),
        parameters=ASKED,
        request=FILE_IN,
        responses={202: shapes.ImportOut},
    )
    def post(self, request: Request, sid: str) -> Response:
        job = ask_import(
            session=self.session(sid),
            pieces=self.pieces(),
            file_name=self.file_name(),
            wish=self.wish(),
            by=self.person,
            at=self.now,
        )
        return Response(self.shape(job), status=202)


class ImportPreviewDoor(_FileDoor):
    """Looking into a file before it is handed in."""

    @extend_schema(
        operation_id="telemetry_import_preview",
        summary="See how a file would be read",
        description="Nothing is kept. The first lines of a CSV file are enough; Parquet needs the whole file.",
        parameters=ASKED,
        request=FILE_IN,
        responses=shapes.PreviewOut,
    )
    def post(self, request: Request, sid: str) -> Response:
        found = preview_import(
            session=self.session(sid), pieces=self.pieces(), wish=self.wish(), by=self.person, at=self.now
        )
        return Response(shown_glance(found))


def shown_glance(found: Glance) -> dict[str, Any]:
    """Return what a preview tells."""
    return {
        "mapping": msgspec.to_builtins(found.layout),
        "sample": found.sample.rows(),
        "readings": [
            {"timestamp": iso_us(us), "channel": channel, "value": value, "unit": unit}
            for us, channel, value, unit in found.readings
        ],
        "errors": found.wrong,
    }


class ImportsDoor(_ImportArea):
    """The imports of a session."""

    @extend_schema(
        operation_id="telemetry_imports",
        summary="List a session's imports",
        parameters=paged(),
        responses=shapes.ImportPage,
    )
    def get(self, request: Request, sid: str) -> Response:
        return self.items(self.page(self.imports(sid), order=("-created_at", "-id")), self.shape)


class ImportJobDoor(_ImportArea):
    """One import."""

    @extend_schema(operation_id="telemetry_import_job", summary="See how far an import is", responses=shapes.ImportOut)
    def get(self, request: Request, sid: str, job: str) -> Response:
        return Response(self.shape(find(self.imports(sid), job)))


class ImportFileDoor(_ImportArea):
    """The file of an import."""

    @extend_schema(
        operation_id="telemetry_import_file",
        summary="Download an imported file",
        description="As it was received, checked against its SHA-256 before its first byte leaves.",
        responses={(200, ANY): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, sid: str, job: str) -> FileResponse:
        found = find(self.imports(sid), job)
        headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
        file = storage.fetch(found.stored_as, sha256=found.sha256)
        # Whatever it calls itself: a browser must not open it.
        return FileResponse(file, as_attachment=True, filename=found.file_name, content_type=ANY, headers=headers)


class ImportRetryDoor(_ImportArea):
    """Trying a failed import again."""

    @extend_schema(
        operation_id="telemetry_import_retry",
        summary="Try a failed import again",
        description="It goes on where it stopped.",
        request=None,
        responses={202: shapes.ImportOut},
    )
    def post(self, request: Request, sid: str, job: str) -> Response:
        found = find(self.imports(sid), job)
        return Response(self.shape(retry_import(job=found, by=self.person, at=self.now)), status=202)


def _bad(name: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[{"pointer": f"/{name}", "detail": detail}])
