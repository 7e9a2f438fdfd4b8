"""Doors of `/api/sessions/{sid}/telemetry`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.api.paging import Page, bad_query, whole_number
from biolab.kernel.errors import Invalid, Missing
from sessions_app.models import LabSession
from telemetry_app import selectors
from telemetry_app.api import shapes
from telemetry_app.api.base import SessionDoor
from telemetry_app.api.bodies import Body, BodyParser
from telemetry_app.api.quick import shown_counts, shown_single
from telemetry_app.ingest.batch import NotJSONError, decode_batch, decode_reading, unit_pointers
from telemetry_app.ingest.columns import Batch
from telemetry_app.instants import in_calendar, to_us
from telemetry_app.readings import ReadingKey, parse_reading_id, reading_id
from telemetry_app.services.channels import UNIT_MISMATCH
from telemetry_app.services.ingest import Receipt, ingest

MAX_KEY = 255
CHANNEL_FIELDS = ("name", "unit", "count", "first", "last", "min", "max")


class _TelemetryDoor(SessionDoor):
    """A door that takes bodies as they were received."""

    parser_classes = (BodyParser,)

    def _answer_once(self, request: Request) -> None:
        """Leave repeats to the store, whose batches are their own idempotency keys and are kept for good."""

    def stored(self, session: LabSession, batch: Batch, body: Body, units: Callable[[], dict[str, str]]) -> Receipt:
        """Hand the batch to the service, named by the Idempotency-Key where the body does not name it.

        Args:
            units: tells where the body names each channel's unit.
        """
        key = self.request.headers.get("Idempotency-Key")
        if key is not None and not (1 <= len(key.strip()) <= MAX_KEY and key.isprintable()):
            raise Invalid("An Idempotency-Key has 1 to 255 printable characters.", code="bad_idempotency_key")
        key = key.strip() if key is not None else None
        try:
            receipt = ingest(
                session=session, batch=batch, by=self.person, at=self.now, body_sha256=body.sha256, batch_id=key
            )
        except Invalid as refusal:
            if refusal.code == UNIT_MISMATCH:
                where = units()
                refusal.facts["errors"] = [{**one, "pointer": where[one["channel"]]} for one in refusal.facts["errors"]]
            raise
        by_key = key is not None and batch.batch_id is None
        if by_key and receipt.counts.replayed and receipt.counts.body_sha256 != body.sha256:
            raise Invalid("This Idempotency-Key came with another request before.", code="idempotency_key_reused")
        return receipt

    def body(self) -> Body:
        """Return the body as received; without one, an empty text."""
        read: object = self.request.data
        return read if isinstance(read, Body) else Body(b"", hashlib.sha256(b"").hexdigest())

    def answered(self, data: dict[str, object], receipt: Receipt) -> Response:
        return Response(data, headers={"Idempotent-Replayed": "true"} if receipt.counts.replayed else None)


class TelemetryDoor(_TelemetryDoor):
    """The readings of a session, and sending a single one."""

    @extend_schema(
        operation_id="telemetry_list",
        summary="List readings",
        parameters=[shapes.CHANNEL, *shapes.RANGE, shapes.LIMIT, shapes.CURSOR],
        responses=shapes.ReadingOut(many=True),
        description="Newest first, as a bare array; where there is more, the `Link` header names the next page.",
    )
    def get(self, request: Request, sid: str) -> Response:
        session = self.session(sid)
        since, until = self.asked_range()
        found, more = selectors.newest_readings(
            session,
            names=request.query_params.getlist("channel") or None,
            since=since,
            until=until,
            limit=whole_number(request, "limit", default=1000, least=1, most=10_000),
            before=_read_cursor(session, request.query_params.get("cursor")),
        )
        cursor = None if more is None else reading_id(ReadingKey(more[1], session.pk, more[0]))
        return self.bare(Page(found, cursor), lambda reading: reading)

    @extend_schema(
        operation_id="telemetry_create",
        summary="Send a reading",
        request={"application/json": shapes.READING_IN},
        responses={200: shapes.ReadingOut},
        description="An unknown channel is made. Without an Idempotency-Key every call is applied.",
    )
    def post(self, request: Request, sid: str) -> Response:
        session, body = self.session(sid), self.body()
        try:
            batch = decode_reading(body.text, received_us=to_us(self.now))
        except NotJSONError as problem:
            raise ParseError(str(problem)) from None
        receipt = self.stored(session, batch, body, lambda: dict.fromkeys(batch.names, "/unit"))
        return self.answered(shown_single(session.pk, batch, receipt), receipt)


class BatchDoor(_TelemetryDoor):
    """Many readings at once, all or none."""

    @extend_schema(
        operation_id="telemetry_create_batch",
        summary="Send many readings",
        request={"application/json": shapes.BATCH_IN},
        responses={200: shapes.BatchOut},
        description=(
            "Rows or columns, up to 100,000 readings or 10 MiB, plain or gzip. A batch is recognised by its "
            "`batch_id`, by the Idempotency-Key, or by its content where every row carries its own time."
        ),
    )
    def post(self, request: Request, sid: str) -> Response:
        session, body = self.session(sid), self.body()
        try:
            batch = decode_batch(body.text, received_us=to_us(self.now))
        except NotJSONError as problem:
            raise ParseError(str(problem)) from None
        receipt = self.stored(session, batch, body, lambda: unit_pointers(body.text))
        return self.answered(shown_counts(receipt), receipt)


class LatestDoor(_TelemetryDoor):
    """The newest reading of one channel, or of all."""

    @extend_schema(
        operation_id="telemetry_latest",
        summary="Show the latest readings",
        parameters=[shapes.CHANNEL],
        responses={(200, "application/json"): shapes.LATEST_OUT},
        description="With `channel` one reading, or 404 where it has none; without it, readings by channel.",
    )
    def get(self, request: Request, sid: str) -> Response:
        session, names = self.session(sid), request.query_params.getlist("channel")
        found = selectors.latest_readings(session, names=names or None)
        if not names or len(names) > 1:
            return Response(found)
        if not found:
            raise Missing("This channel has no reading in this session.", code="no_reading")
        return Response(found[names[0]])


class ChannelsDoor(_TelemetryDoor):
    """The channels with readings in a session."""

    @extend_schema(
        operation_id="telemetry_channels", summary="List channels with readings", responses=shapes.ChannelsOut
    )
    def get(self, request: Request, sid: str) -> Response:
        items = selectors.channel_items(self.session(sid))
        shown = [{name: item[name] for name in CHANNEL_FIELDS} for item in items]
        return Response({"channels": [item["name"] for item in items], "items": shown})


class SummaryDoor(_TelemetryDoor):
    """A session's readings in a few figures."""

    @extend_schema(operation_id="telemetry_summary", summary="Sum readings up", responses=shapes.SummaryOut)
    def get(self, request: Request, sid: str) -> Response:
        session = self.session(sid)
        items = selectors.channel_items(session)
        figures = {
            "session_id": session.public_id,
            "readings": sum(item["count"] for item in items),
            "first": min((item["first"] for item in items), default=None),
            "last": max((item["last"] for item in items), default=None),
            "channels": items,
        }
        return Response(figures)


class SeriesDoor(_TelemetryDoor):
    """What a chart shows of some channels."""

    @extend_schema(
        operation_id="telemetry_series",
        summary="Show readings as charts need them",
        parameters=[shapes.CHANNELS, *shapes.RANGE, shapes.MAX_POINTS],
        responses={(200, "application/json"): shapes.SERIES_OUT},
        description=(
            "Columns over one time axis. Few readings come as `value`, with null where a channel has none at that "
            "time; more are merged into equal intervals with `min`, `max` and `avg`, so that every spike survives."
        ),
    )
    def get(self, request: Request, sid: str) -> Response:
        session = self.session(sid)
        since, until = self.asked_range()
        shown = selectors.series(
            session,
            channels=self.asked_channels(session),
            since=since,
            until=until,
            max_points=whole_number(request, "max_points", default=2000, least=10, most=10_000),
        )
        return Response(shown)


def _read_cursor(session: LabSession, text: str | None) -> tuple[int, UUID] | None:
    if not text:
        return None
    key = parse_reading_id(text)
    if key is None or key.session_id != session.pk or not in_calendar(key.us):
        raise bad_query("cursor", "This is not a cursor of this list.")
    return key.us, key.channel_id
