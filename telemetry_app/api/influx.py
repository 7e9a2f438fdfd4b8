"""The doors of `/influx`: InfluxDB's write API, versions 2 and 1, for clients and agents that speak nothing else.

A bucket (version 2) or database (version 1) is a session. Errors are told in InfluxDB's own shape and codes, and with
statuses that its clients act on as they should: they try again after 429 and 503, and drop what gets 400 or 422.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import structlog
from django.utils import timezone
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.auth import JWTAuth, OpenBenchAuth, ServiceTokenAuth
from biolab.kernel import health
from biolab.kernel.api import Door, problem_handler
from biolab.kernel.api.problems import request_id
from biolab.kernel.api.views import OpenDoor
from biolab.kernel.errors import Invalid, Missing, Refusal, Unavailable
from biolab.kernel.ids import find
from biolab.kernel.times import iso
from sessions_app.models import LabSession
from telemetry_app.api.bodies import AnyBodyParser, Body
from telemetry_app.ingest.line_protocol import NS, Lines, decode_lines
from telemetry_app.instants import to_us
from telemetry_app.services.ingest import Receipt, ingest
from telemetry_app.stores import base

log = structlog.get_logger(__name__)

STATUS: Final = {409: 422, 415: 400}
"""What InfluxDB answers in the place of some of our statuses: a session that takes no readings is not retried."""

CODES: Final = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not found",
    405: "method not allowed",
    413: "request too large",
    422: "unprocessable entity",
    429: "too many requests",
    500: "internal error",
    503: "unavailable",
}
HEADERS: Final = ("Retry-After", "WWW-Authenticate", "Allow")
PRECISIONS: Final = ("ns", "us", "ms", "s")
CREATE_DATABASE: Final = re.compile(r'\s*CREATE\s+DATABASE\s+"?([^\s";]+)', re.IGNORECASE)
STARTED: Final = timezone.now()


class _Influx:
    """Tells errors as InfluxDB does."""

    speaks_v1: ClassVar[bool] = False

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], Response]:
        return self._told

    def _told(self, exc: Exception, context: Mapping[str, Any]) -> Response:
        problem = problem_handler(exc, context)
        if problem is None:
            log.error("defect", exc_info=exc)
            return self._error(500, f"A defect; its request id is {request_id(context['request'])}.")
        status = 400 if isinstance(exc, Invalid) else STATUS.get(problem.status_code, problem.status_code)
        line = exc.facts.get("line") if isinstance(exc, Refusal) else None
        headers = {name: problem[name] for name in HEADERS if name in problem}
        return self._error(status, problem.data["detail"], headers, **({} if line is None else {"line": line}))

    def _error(self, status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
        body = {"code": CODES.get(status, "invalid"), "message": message, **more}
        if self.speaks_v1:
            body["error"] = message
        return Response(body, status=status, headers=dict(headers or {}))


class _SessionDoor(_Influx, Door):
    """A door to a session that the path or the request names."""

    scope_area = "telemetry"
    authentication_classes = (JWTAuth, ServiceTokenAuth, OpenBenchAuth)

    def _answer_once(self, request: Request) -> None:
        """Leave repeats to the store, as every door for readings does."""

    def session(self, named: str) -> LabSession:
        try:
            return find(LabSession.objects.visible_to(self.person), named)
        except Missing:
            kind = "database" if self.speaks_v1 else "bucket"
            raise Missing(f'{kind} not found: "{named[:80]}"') from None


class _WriteDoor(_SessionDoor):
    """Takes line protocol into a session; what was sent before is recognised by its content."""

    parser_classes = (AnyBodyParser,)

    def post(self, request: Request, sid: str | None = None) -> Response:
        named = sid or request.query_params.get("db" if self.speaks_v1 else "bucket", "")
        unit_ns, session = self._unit_ns(), self.session(named)
        received: object = request.data
        body = received if isinstance(received, Body) else Body(b"", hashlib.sha256(b"").hexdigest())
        lines = decode_lines(body.text, received_us=to_us(self.now), unit_ns=unit_ns)
        receipt = ingest(
            session=session,
            batch=lines.batch,
            by=self.person,
            at=self.now,
            body_sha256=body.sha256,
            batch_id=_batch_id(lines, body),
            address_kind="influx",
            original=base.Body(body.text, "text/plain; charset=utf-8") if lines.skipped else None,
        )
        return Response(status=204, headers={"X-BioLab-Counts": _counts(lines, receipt)})

    def _unit_ns(self) -> int:
        asked = self.request.query_params.get("precision") or "ns"
        if asked not in (NS if self.speaks_v1 else PRECISIONS):
            raise Invalid(f"invalid precision “{asked[:20]}”; valid are {', '.join(PRECISIONS)}")
        return NS[asked]


def _batch_id(lines: Lines, body: Body) -> str | None:
    """Name a body with text after all of it: two that differ in their text alone are two."""
    return f"lines:{hashlib.sha256(body.text).hexdigest()}" if lines.skipped and lines.batch.timed else None


def _counts(lines: Lines, receipt: Receipt) -> str:
    counts = receipt.counts
    return f"created={counts.created}, late={counts.late}, flagged={counts.flagged}, skipped={lines.skipped}"


class WriteDoor(_WriteDoor):
    """`POST …/api/v2/write?bucket=&precision=`."""


class WriteV1Door(_WriteDoor):
    """`POST …/write?db=&precision=`."""

    speaks_v1 = True


class QueryDoor(_SessionDoor):
    """`POST …/query`: agents of version 1 make their database before they write, and a session is there already."""

    parser_classes = (FormParser,)
    speaks_v1 = True

    def post(self, request: Request, sid: str | None = None) -> Response:
        sent = request.query_params if "q" in request.query_params else request.data
        asked = CREATE_DATABASE.match(str(sent.get("q", "")) if isinstance(sent, Mapping) else "")
        if asked is None:
            raise Invalid("Only CREATE DATABASE is answered here; readings are read through BioLab's own API.")
        self.session(sid or asked[1])
        return Response({"results": [{"statement_id": 0}]})


class PingDoor(_Influx, OpenDoor):
    """`/ping`: the server is there, and which version of the API it speaks."""

    def get(self, request: Request, sid: str | None = None) -> Response:
        return Response(status=204, headers=_version_headers())


class HealthDoor(_Influx, OpenDoor):
    """`/health`: the process is alive."""

    def get(self, request: Request, sid: str | None = None) -> Response:
        told = {"name": "biolab", "message": "ready for writes", "status": "pass", "checks": []}
        return Response({**told, "version": health.version(), "commit": ""}, headers=_version_headers())


class ReadyDoor(_Influx, OpenDoor):
    """`/ready`: everything it leans on answers."""

    def get(self, request: Request, sid: str | None = None) -> Response:
        faults = health.faults(at=self.now)
        if faults:
            raise Unavailable(f"Not ready: {', '.join(sorted(faults))}.", code="not_ready")
        up_s = int((self.now - STARTED).total_seconds())
        return Response({"status": "ready", "started": iso(STARTED), "up": f"{up_s}s"}, headers=_version_headers())


def _version_headers() -> dict[str, str]:
    """Return what tells clients which InfluxDB this takes the place of."""
    return {"X-Influxdb-Version": f"2.7.0+biolab.{health.version()}", "X-Influxdb-Build": "BioLab"}


DOORS: Final[dict[str, type[Door]]] = {
    "api/v2/write": WriteDoor,
    "write": WriteV1Door,
    "query": QueryDoor,
    "ping": PingDoor,
    "health": HealthDoor,
    "ready": ReadyDoor,
}
"""What follows the prefix of an address."""
