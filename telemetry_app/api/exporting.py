"""The door of `/api/sessions/{sid}/telemetry/export`: the readings as a file, streamed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from biolab.kernel.api import bad_query, dump
from biolab.kernel.errors import Invalid
from biolab.kernel.health import version
from biolab.kernel.times import iso, iso_or_none
from sessions_app.models import LabSession
from telemetry_app import selectors, stores
from telemetry_app.api import shapes
from telemetry_app.api.base import SessionDoor
from telemetry_app.exports import FORMATS, Outline, Shape, in_order
from telemetry_app.exports.outline import Column
from telemetry_app.models import Channel

WIDE_CHANNELS: Final = 1000
_UNSAFE: Final = re.compile(r"[^\w.\-]+")

FORMAT = OpenApiParameter("format", str, enum=list(FORMATS), default="csv")
SHAPE = OpenApiParameter(
    "shape", str, enum=[shape.value for shape in Shape], default="long", description="A row per reading or per moment."
)


class ExportDoor(SessionDoor):
    """The readings of a session as a file."""

    @extend_schema(
        operation_id="telemetry_export",
        summary="Download readings",
        parameters=[FORMAT, SHAPE, shapes.CHANNELS, *shapes.RANGE],
        responses={(200, file.media_type.partition(";")[0]): OpenApiTypes.BINARY for file in FORMATS.values()},
        description=(
            "Streamed in time order. Long: `timestamp, channel, value, unit`. Wide: one row per moment, a column per "
            "channel headed by its name and unit, empty where it has no reading. Parquet and Arrow keep the session, "
            "the units, the seal of an ended session and this server's version as metadata."
        ),
    )
    def get(self, request: Request, sid: str) -> HttpResponseBase:
        session = self.session(sid)
        kind = FORMATS[_one_of(request, "format", list(FORMATS))]
        shape = Shape(_one_of(request, "shape", [Shape.LONG, Shape.WIDE]))
        channels = self.asked_channels(session)
        if channels is None:
            channels = selectors.channels_held(session)
        if shape is Shape.WIDE and len(channels) > WIDE_CHANNELS:
            raise Invalid(
                f"A wide file has at most {WIDE_CHANNELS} channels; name some, or take the long shape.",
                code="too_many_channels",
            )
        first_us, last_us = selectors.range_us(*self.asked_range())
        headers = file_headers(kind.media_type, file_name("readings", session, kind.suffix))
        if request.method == "HEAD":
            return HttpResponse(headers=headers)
        outline = Outline(shape, columns_of(channels), self._metadata(session, channels))
        rows = in_order(stores.current().scan(session.pk, first_us, last_us), outline.places)
        return StreamingHttpResponse(kind.pieces(outline, rows), headers=headers)

    def _metadata(self, session: LabSession, channels: Sequence[Channel]) -> dict[str, str]:
        """Return what a file keeps of where its readings are from."""
        about = {
            "session": session.public_id,
            "session_name": session.name,
            "exported_at": iso(self.now),
            "from": iso_or_none(self.asked_time("from")),
            "to": iso_or_none(self.asked_time("to")),
            "version": version(),
        }
        units = {channel.name: channel.unit for channel in channels}
        told = {f"biolab.{name}": value for name, value in about.items() if value is not None}
        told["biolab.units"] = dump(units).decode()
        seal = selectors.seal_of(session)
        return told if seal is None else {**told, "biolab.seal": dump(seal).decode()}


def columns_of(channels: Sequence[Channel]) -> list[Column]:
    """Return the channels as columns of a file, by name."""
    ordered = sorted(channels, key=lambda channel: channel.name)
    return [Column(channel.pk, channel.public_id, channel.name, channel.unit) for channel in ordered]


def _one_of(request: Request, name: str, choices: Sequence[str]) -> str:
    """Return the query value ``name``, the first choice where it is left out.

    Raises:
        Invalid: it is none of the choices.
    """
    value = request.query_params.get(name) or choices[0]
    if value not in choices:
        raise bad_query(name, f"Give one of {', '.join(choices)}.")
    return value


def file_name(kind: str, session: LabSession, suffix: str) -> str:
    """Return a name that every file system takes, with the session's own in it."""
    shown = _UNSAFE.sub("_", session.name).strip("._")[:60]
    return f"{kind}_{shown or 'session'}_{session.public_id[-8:]}.{suffix}"


def file_headers(media_type: str, name: str) -> dict[str, str]:
    """Return the headers of a file that is made while it is sent."""
    return {
        "Content-Type": media_type,
        "Content-Disposition": content_disposition_header(True, name) or "",
        "Cache-Control": "private, no-store",
        "X-Accel-Buffering": "no",
        "X-Content-Type-Options": "nosniff",
    }
