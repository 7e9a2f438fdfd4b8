"""Doors that take a file: as a form's ``file``, with fields beside it, or as the body, with a query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, Final

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from biolab.kernel.api.doors import Door
from biolab.kernel.errors import Invalid, TooLarge
from biolab.kernel.storage import CHUNK

ANY: Final = "application/octet-stream"


class RawFile(BaseParser):
    """Hands over the body as it comes, whatever it calls itself, as ``file``."""

    media_type = "*/*"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, IO[bytes]]:
        return {"file": stream}


class UploadDoor(Door):
    """A door that takes a file; its other values are the form's fields, or the query's where the file is the body."""

    parser_classes: Sequence[Any] = (MultiPartParser, RawFile)
    one_transaction = False

    def _answer_once(self, request: Request) -> None:
        is_form = (request.content_type or "").startswith("multipart/")
        stated = str(request.META.get("CONTENT_LENGTH") or "")
        if not is_form and stated.isdecimal() and int(stated) > settings.REQUEST_MAX_BYTES:
            told = f"With an Idempotency-Key, a file of more than {settings.REQUEST_MAX_BYTES} bytes comes as a form."
            raise TooLarge(told, code="body_too_large", limit_bytes=settings.REQUEST_MAX_BYTES)
        super()._answer_once(request)

    def pieces(self) -> Iterator[bytes]:
        """Yield the file's bytes; the body is not touched before the first is asked for.

        Raises:
            TooLarge: it says that it is larger than ``UPLOAD_MAX_BYTES``.
            Invalid: there is no file.
        """
        stated = str(self.request.META.get("CONTENT_LENGTH") or "")
        limit: int = settings.UPLOAD_MAX_BYTES
        if stated.isdecimal() and int(stated) > limit + CHUNK:
            raise TooLarge(f"The file is larger than {limit} bytes.", code="body_too_large", limit_bytes=limit)
        source = self.sent.get("file")
        if source is None or not hasattr(source, "read"):
            detail = "Send the file as the form's “file”, or as the body."
            raise Invalid(detail, errors=[{"pointer": "/file", "detail": detail}])
        chunks: Iterable[bytes] = source.chunks(CHUNK) if isinstance(source, UploadedFile) else _read(source)
        yield from chunks

    def sent_name(self, default: str) -> str:
        """Return what the sender calls the file; any text."""
        sent = self.sent.get("file") if self.is_form else None
        return str(getattr(sent, "name", None) or self.request.query_params.get("file_name") or default)

    def field(self, name: str) -> str:
        """Return a value that came beside the file; empty where there is none."""
        value = (self.sent.get(name) if self.is_form else "") or self.request.query_params.get(name) or ""
        return value if isinstance(value, str) else ""

    def beside(self, form: type[Serializer[Any]], names: Iterable[str]) -> dict[str, Any]:
        """Return the values that came beside the file as ``form`` reads them.

        Raises:
            ValidationError: told as 422 with a pointer for each field.
        """
        reader = form(data={name: text for name in names if (text := self.field(name))})
        reader.is_valid(raise_exception=True)
        values: dict[str, Any] = reader.validated_data
        return values

    @property
    def is_form(self) -> bool:
        return (self.request.content_type or "").startswith("multipart/")

    @property
    def sent(self) -> Any:
        """The form's values, or the body as ``file``; a body that cannot be read as it says it is is refused."""
        return self.request.data


def _read(source: IO[bytes]) -> Iterator[bytes]:
    while piece := source.read(CHUNK):
        yield piece
