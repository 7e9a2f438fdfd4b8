"""Fetch an archive, and have one verified."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.models import User
from biolab.accounts.services.sign_in import client_address
from biolab.kernel.api import Door, sending
from biolab.kernel.api.throttles import require_pass
from biolab.kernel.errors import Invalid, TooLarge
from biolab.kernel.ids import find
from exports_app import storage
from exports_app.api import schemas
from exports_app.api.exports import ExportsArea
from exports_app.archive.verify import check
from exports_app.links import read_link
from exports_app.models import NarrativeExport
from exports_app.services import stamps
from exports_app.services.artifacts import note_download, open_artifact, require_ready

MEDIA_TYPE = "application/vnd.eln+zip"
ARCHIVE = OpenApiResponse(OpenApiTypes.BINARY, description="The archive.")
FETCHED = {
    (200, MEDIA_TYPE): ARCHIVE,
    (206, MEDIA_TYPE): ARCHIVE,
    304: OpenApiResponse(description="You have it already."),
    410: OpenApiResponse(description="It expired or was retired."),
    416: OpenApiResponse(description="The range lies outside the archive."),
    502: OpenApiResponse(description="The artifact store does not answer."),
}


def handed_out(door: Door, request: Request, export: NarrativeExport, *, by: User) -> HttpResponseBase:
    """Return the archive, checked before its first byte leaves, and write down that it does."""
    require_ready(export)
    if sending.is_known(request._request, export.artifact_checksum):
        return door.answer(None, status=304, headers={"ETag": sending.etag(export.artifact_checksum)})
    artifact = open_artifact(export=export, at=door.now)
    opened = sending.OpenFile(artifact.file, artifact.size, artifact.checksum, artifact.filename, MEDIA_TYPE)
    try:
        span = sending.wanted_range(request._request, size=artifact.size, checksum=artifact.checksum)
    except ValueError:
        return sending.unsatisfiable(opened)
    try:
        if request.method == "GET" and (span is None or span[0] == 0):
            note_download(export=export, by=by, at=door.now)
        return sending.send(request._request, opened, span)
    except BaseException:
        artifact.file.close()
        raise


class ArtifactDoor(ExportsArea):
    """The archive of an export."""

    @extend_schema(summary="Download the archive", responses=FETCHED, tags=["exports"])
    def get(self, request: Request, sid: str, eid: str) -> HttpResponseBase:
        return handed_out(self, request, self.export(sid, eid), by=self.person)


class TimeStampDoor(ExportsArea):
    """The time stamp of the archive of an export."""

    @extend_schema(
        operation_id="artifact_timestamp",
        summary="Download the archive's time stamp",
        description="The authority's answer (RFC 3161) about the archive's SHA-256, byte for byte. 404 without one.",
        responses={(200, stamps.MEDIA_TYPE): OpenApiResponse(OpenApiTypes.BINARY, description="The time stamp.")},
        tags=["exports"],
    )
    def get(self, request: Request, sid: str, eid: str) -> HttpResponseBase:
        stamp = stamps.open_stamp(export=self.export(sid, eid))
        opened = sending.OpenFile(stamp.file, stamp.size, stamp.checksum, stamp.filename, stamps.MEDIA_TYPE)
        return sending.send(request._request, opened, None)


class SignedArtifactDoor(Door):
    """The archive, by a link that carries its own proof for a few minutes."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(summary="Download an archive by its signed link", responses=FETCHED, tags=["exports"], auth=[])
    def get(self, request: Request, link: str) -> HttpResponseBase:
        export_id, person_id, checksum = read_link(link, at=self.now)
        person = find(User.objects.filter(is_active=True), person_id)
        export = find(NarrativeExport.objects.told().visible_to(person), export_id)
        require_ready(export)
        if not export.artifact_checksum.startswith(checksum):
            raise Invalid("This link is of an archive that was replaced; ask for a new one.", code="link_outdated")
        return handed_out(self, request, export, by=person)


class RawBody(BaseParser):
    """Hands over the body as it comes, whatever it calls itself, as ``file``."""

    media_type = "*/*"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, IO[bytes]]:
        return {"file": stream}


class VerifyDoor(Door):
    """Anyone may have an archive verified; nothing of it is kept."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (MultiPartParser, RawBody)

    @extend_schema(
        summary="Verify an archive",
        description="The archive as the raw body, or as `file` of a multipart form; 429 beyond `VERIFY_RATE`.",
        request={
            MEDIA_TYPE: OpenApiTypes.BINARY,
            "multipart/form-data": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            },
        },
        responses=schemas.Verified,
        tags=["archives"],
        auth=[],
    )
    def post(self, request: Request) -> Response:
        require_pass("verify", client_address(request._request), settings.VERIFY_RATE)
        with _on_disk(request) as path:
            report = check(path)
        body: dict[str, Any] = {
            "valid": report.valid,
            "checks": [found._asdict() for found in report.checks],
        }
        if report.first_bad is not None:
            body["first_bad"] = report.first_bad
        return self.answer(body)


@contextlib.contextmanager
def _on_disk(request: Request) -> Iterator[Path]:
    """Give the uploaded archive as a file, bounded by ``UPLOAD_MAX_BYTES``.

    Raises:
        TooLarge: it is larger.
        Invalid: there is nothing.
    """
    limit: int = settings.UPLOAD_MAX_BYTES
    stated = str(request.META.get("CONTENT_LENGTH") or "")
    if stated.isdecimal() and int(stated) > limit + storage.CHUNK:
        raise _too_large(limit)
    form: Any = request.data
    source = form.get("file")
    if source is None or not hasattr(source, "read"):
        detail = "Send the archive as the body, or as the form's “file”."
        raise Invalid(detail, errors=[{"pointer": "/file", "detail": detail}])
    with tempfile.NamedTemporaryFile(dir=storage.spool_folder(), suffix=".eln") as copy:
        size = 0
        while piece := source.read(storage.CHUNK):
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            copy.write(piece)
        copy.flush()
        if not size:
            raise Invalid("There is no archive in this request.", code="archive_missing")
        yield Path(copy.name)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The archive is larger than {limit} bytes.", code="body_too_large", limit_bytes=limit)
