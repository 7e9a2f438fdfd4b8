"""The short way through the doors for batches and for single readings, which instruments knock at all day long.

It stands before Django, whose request, middleware and response cost more than storing a reading does. It answers only
when all is well; whatever it does not know, or does not like, it leaves to the door itself, which asks the same
questions one by one and says what is wrong.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final
from uuid import UUID, uuid4
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import DatabaseError
from django.http.request import split_domain_port, validate_host
from django.utils import timezone
from prometheus_client import Histogram

from biolab.accounts.auth.identity import SECRET_PREFIX, secret_digest
from biolab.accounts.auth.rest import split_authorization
from biolab.accounts.models import User
from biolab.accounts.services.sign_in import address_of
from biolab.kernel.api import dump
from biolab.kernel.api.throttles import may_pass
from biolab.kernel.errors import Refusal
from biolab.kernel.ids import parse_id
from sessions_app.models import LabSession
from telemetry_app import selectors
from telemetry_app.ingest.batch import NotJSONError, decode_batch, decode_reading
from telemetry_app.ingest.columns import Batch
from telemetry_app.instants import to_us
from telemetry_app.models import Channel
from telemetry_app.services.ingest import Receipt, ingest_by_token
from telemetry_app.stores.base import Reading

log = structlog.get_logger(__name__)

MOST_BYTES: Final = 1024 * 1024
"""Longer bodies spend their time on their readings."""

PATHS: Final = re.compile(r"/api/sessions/([^/]+)/telemetry(/batch)?/?")
WISHES: Final = ("HTTP_CONTENT_ENCODING", "HTTP_IDEMPOTENCY_KEY", "HTTP_ORIGIN", "QUERY_STRING")
HEADERS: Final = [("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff")]
SECONDS = Histogram("biolab_quick_seconds", "Seconds that readings took on the short way in.", ["door"])


@dataclass(frozen=True, slots=True)
class Kind:
    """What a door takes and tells: how its body becomes a batch, and what the sender is told of it."""

    name: str
    decode: Callable[..., Batch]
    shown: Callable[[UUID, Batch, Receipt], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a request on the short way."""

    told: bytes
    replayed: bool
    by: User


class QuickDoors:
    """Answers plain requests of instruments itself, and passes all others on to a WSGI application."""

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = PATHS.fullmatch(environ.get("PATH_INFO") or "") if environ["REQUEST_METHOD"] == "POST" else None
        if path is None or not _is_plain(environ):
            return self.application(environ, start_response)
        began, kind = perf_counter(), BATCH if path[2] else SINGLE
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        request_started.send(type(self), environ=environ)
        try:
            taken = _take(environ, path[1], kind, body)
        finally:
            request_finished.send(type(self))  # gives the connection back, as at the end of every request
        if taken is None:
            environ["wsgi.input"] = io.BytesIO(body)
            return self.application(environ, start_response)
        _note(environ, path[1], kind, taken.by, perf_counter() - began)
        replayed = [("Idempotent-Replayed", "true")] if taken.replayed else []
        start_response("200 OK", [*HEADERS, *replayed, ("Content-Length", str(len(taken.told)))])
        return [taken.told]


def shown_counts(receipt: Receipt) -> dict[str, object]:
    """Return what a sender of a batch is told."""
    counts = receipt.counts
    return {"created": counts.created, "late": counts.late, "flagged": counts.flagged, "batch_id": counts.batch_id}


def shown_single(session_id: UUID, batch: Batch, receipt: Receipt) -> dict[str, Any]:
    """Return what a sender of one reading is told: the reading as it is stored."""
    known = receipt.channels[batch.names[0]]
    reading = Reading(known.id, session_id, int(batch.times[0]), float(batch.values[0]))
    return selectors.shown_reading(reading, Channel(pk=known.id, name=known.name, unit=known.unit))


BATCH: Final = Kind("batch", decode_batch, lambda _session_id, _batch, receipt: shown_counts(receipt))
SINGLE: Final = Kind("single", decode_reading, shown_single)


def _is_plain(environ: WSGIEnvironment) -> bool:
    """Tell whether this is a short body of JSON under nobody's special wishes, by an address that we answer to."""
    length = environ.get("CONTENT_LENGTH") or ""
    return (
        environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() == "application/json"
        and length.isascii()
        and length.isdecimal()
        and int(length) <= MOST_BYTES
        and not any(environ.get(wish) for wish in WISHES)
        and validate_host(split_domain_port(environ.get("HTTP_HOST", ""))[0], settings.ALLOWED_HOSTS)
        and (not settings.SECURE_SSL_REDIRECT or environ.get("HTTP_X_FORWARDED_PROTO") == "https")
    )


def _take(environ: WSGIEnvironment, sid: str, kind: Kind, body: bytes) -> Taken | None:
    """Store what a request brings; None, with nothing done, where the door itself has to look at it."""
    scheme, secret = split_authorization(environ.get("HTTP_AUTHORIZATION", ""))
    session_id = parse_id(sid, LabSession.id_prefix)
    if scheme not in ("token", "bearer") or not secret.startswith(SECRET_PREFIX) or session_id is None:
        return None
    now = timezone.now()
    read: list[Batch] = []
    sender: list[User] = []

    def decode() -> Batch:
        read.append(kind.decode(body, received_us=to_us(now)))
        return read[0]

    def pass_on(person: User) -> bool:
        sender.append(person)
        return may_pass("write", person.pk)

    try:
        receipt = ingest_by_token(
            digest=secret_digest(secret),
            session_id=session_id,
            read=decode,
            pass_on=pass_on,
            at=now,
            body_sha256=hashlib.sha256(body).hexdigest(),
        )
    except (Refusal, NotJSONError, DatabaseError):
        return None
    except Exception:  # whatever it is, the door will meet it too, and answers for it
        log.exception("quick_way_failed", session=sid)
        return None
    if receipt is None:
        return None
    return Taken(dump(kind.shown(session_id, read[0], receipt)), receipt.counts.replayed, sender[0])


def _note(environ: WSGIEnvironment, sid: str, kind: Kind, by: User, seconds: float) -> None:
    """Count the request, and write the line that every request ends with."""
    SECONDS.labels(kind.name).observe(seconds)
    log.info(
        "request_finished",
        request=f"POST {environ['PATH_INFO']}",
        code=200,
        session=sid,
        user_id=str(by.pk),
        ip=address_of(environ),
        request_id=environ.get("HTTP_X_REQUEST_ID", "")[:64] or str(uuid4()),
        duration_ms=round(seconds * 1000, 1),
    )
