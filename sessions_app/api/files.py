"""Doors of `/api/files`."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.api.uploads import ANY, UploadDoor
from biolab.kernel.errors import Missing
from biolab.kernel.ids import find
from sessions_app.api.bound import BoundDoor, PlaceForm, bound_shape
from sessions_app.api.console_fields import PublicId
from sessions_app.api.console_forms import PageQuery
from sessions_app.api.console_schemas import PersonSchema
from sessions_app.api.console_shapes import person_shape
from sessions_app.models import LabFile
from sessions_app.models.bound import BoundQuerySet
from sessions_app.services.files import keep_file, open_file, thumbnail_of
from sessions_app.thumbnails import MEDIA_TYPE
from sessions_app.wording import MAX_DESCRIPTION

FIELDS = {
    "execution_id": "The session it belongs to, for good.",
    "team_id": "The session's team, or the caller's only one, by default.",
    "description": "What it is.",
    "reason": "Why it comes late; needed once the session has ended.",
}
ASKED = [
    *(OpenApiParameter(name, str, description=text) for name, text in FIELDS.items()),
    OpenApiParameter("file_name", str, description="What the file is called, where it is the body."),
]
FILE_IN = {
    "multipart/form-data": {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "format": "binary"},
            **{name: {"type": "string", "description": text} for name, text in FIELDS.items()},
        },
    },
    ANY: OpenApiTypes.BINARY,
}


class FileForm(PlaceForm):
    """What comes beside a file."""

    description = serializers.CharField(max_length=MAX_DESCRIPTION, default="", allow_blank=True, trim_whitespace=False)


class FileFilters(serializers.Serializer[Any]):
    """Which files to list."""

    execution_id = PublicId("sess", required=False, help_text="Only those of this session.")
    q = serializers.CharField(max_length=255, required=False, help_text="Part of the name.")


class FileSchema(serializers.Serializer[Any]):
    id = serializers.CharField()
    execution_id = serializers.CharField(allow_null=True)
    team_id = serializers.CharField()
    filename = serializers.CharField()
    file_type = serializers.CharField(help_text="What its content is, whatever its name says.")
    file_size = serializers.IntegerField(help_text="Bytes.")
    sha256 = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    late_entry = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)
    preview = serializers.DictField(
        help_text="{kind: text, lines[]} or {kind: table, rows[][]}: how a text begins. Empty for anything else."
    )
    uploaded_by = PersonSchema()
    created_at = serializers.DateTimeField()
    download_path = serializers.CharField()


class FilesSchema(serializers.Serializer[Any]):
    items = FileSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class _FilesArea(BoundDoor):
    """A door to files."""

    def files(self) -> BoundQuerySet[LabFile]:
        """Return the files this person sees."""
        return LabFile.objects.visible_to(self.person).told()


class FilesDoor(_FilesArea, UploadDoor):
    """The files a person sees, and sending one."""

    @extend_schema(
        operation_id="files_list",
        tags=["files"],
        summary="List files",
        description="Newest first.",
        parameters=[FileFilters, PageQuery],
        responses=FilesSchema,
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(FileFilters)
        files = self.files()
        if "execution_id" in asked:
            files = files.filter(session=asked["execution_id"])
        if "q" in asked:
            files = files.filter(filename__icontains=asked["q"])
        return self.items(self.page(files, order=("-created_at", "-id"), default=50), file_shape)

    @extend_schema(
        operation_id="files_create",
        tags=["files"],
        summary="Send a file",
        description="It is kept as received, with its SHA-256. Its type is told by its content: a file that is not "
        "what its name says, or two things at once, is refused (422 `file_type_refused`).",
        parameters=ASKED,
        request=FILE_IN,
        responses={201: FileSchema},
    )
    def post(self, request: Request) -> Response:
        form = self.beside(FileForm, FIELDS)
        file = keep_file(
            **self.place(form),
            pieces=self.pieces(),
            filename=self.sent_name("file"),
            by=self.person,
            at=self.now,
            description=form["description"],
            reason=form["reason"],
        )
        return self.answer(file_shape(file), status=201)


class FileDoor(_FilesArea):
    """One file: what it is."""

    @extend_schema(operation_id="files_retrieve", tags=["files"], summary="Show a file", responses=FileSchema)
    def get(self, request: Request, file_id: str) -> Response:
        return self.answer(file_shape(find(self.files(), file_id)))


class FileDownloadDoor(_FilesArea):
    """One file: its bytes."""

    @extend_schema(
        operation_id="files_download",
        tags=["files"],
        summary="Download a file",
        description="As it was received, checked against its SHA-256 before its first byte leaves.",
        responses={(200, ANY): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, file_id: str) -> HttpResponseBase:
        file = find(self.files(), file_id)
        headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
        # Whatever it is: a browser must not open it.
        return FileResponse(
            open_file(file), as_attachment=True, filename=file.filename, content_type=ANY, headers=headers
        )


class FileThumbnailDoor(_FilesArea):
    """One picture: small."""

    @extend_schema(
        operation_id="files_thumbnail",
        tags=["files"],
        summary="Show a picture small",
        description="At most 320 pixels wide and high, as WebP. 404 `no_thumbnail` for what is no picture, or one too "
        "large to be unpacked.",
        responses={(200, MEDIA_TYPE): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, file_id: str) -> HttpResponseBase:
        drawn = thumbnail_of(find(self.files(), file_id))
        if drawn is None:
            raise Missing("There is no small picture of this file.", code="no_thumbnail")
        headers = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}
        return HttpResponse(drawn, content_type=MEDIA_TYPE, headers=headers)


def file_shape(file: LabFile) -> dict[str, Any]:
    """Return a file; read it ``told()`` to keep the queries few."""
    return {
        **bound_shape(file),
        "filename": file.filename,
        "file_type": file.file_type,
        "file_size": file.size,
        "sha256": file.sha256,
        "description": file.description,
        "reason": file.reason,
        "preview": file.preview,
        "uploaded_by": person_shape(file.created_by),
        "download_path": f"/api/files/{file.public_id}/download",
    }
