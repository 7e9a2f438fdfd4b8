"""``Idempotency-Key``: the same request sent twice does its work once and gets the same answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import uuid4

import orjson
from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError, transaction
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.api.renderers import dump
from biolab.kernel.errors import Conflict, Invalid
from biolab.kernel.models import IdempotencyKey

KEPT: Final = timedelta(hours=24)
LEASE: Final = timedelta(minutes=2)  # longer than any statement, lock or request may take
HEADERS: Final = ("Location", "ETag", "Link", "Content-Disposition")


class InFlight(Conflict):
    """The first request with this key has not been answered yet."""

    default_code = "request_in_flight"
    retry_after_s = 1


def answer_once(
    request: Request,
    *,
    scope: str,
    at: datetime,
    handler: Callable[[], HttpResponseBase],
    secret: bool,
    one_transaction: bool,
) -> HttpResponseBase:
    """Return the handler's answer, or the first one where this key was used before.

    Only answers below 400 are kept: a refusal changed nothing, so a repeat may try again.

    Args:
        scope: whose key this is; the keys of two people never meet.
        secret: the answer must not be stored, so a repeat is refused.
        one_transaction: the work and the kept answer commit together.

    Raises:
        Invalid: the key came with another request before, or is no usable key.
        Conflict: the first request is still in flight, or its answer was a secret.
    """
    key = request.headers["Idempotency-Key"].strip()
    if not 1 <= len(key) <= 255 or not key.isprintable():
        raise Invalid("An Idempotency-Key has 1 to 255 printable characters.", code="bad_idempotency_key")
    fingerprint = _fingerprint(request)
    row = _claim(scope, key, fingerprint, at)
    if row.status is not None:
        return _replay(row)
    try:
        with transaction.atomic() if one_transaction else nullcontext():
            response = handler()
            if response.status_code >= 400 or response.streaming:
                raise _NotKeptError(response)
            _keep(row, response, secret=secret)
    except _NotKeptError as outcome:
        _release(row)
        return outcome.response
    except BaseException:
        _release(row)
        raise
    return response


class _NotKeptError(Exception):
    """Carries an answer that is given once and not stored."""

    def __init__(self, response: HttpResponseBase) -> None:
        super().__init__(response.status_code)
        self.response = response


def _claim(scope: str, key: str, fingerprint: str, at: datetime) -> IdempotencyKey:
    """Return the caller's row for this key: its own claim, or the answered one."""
    with transaction.atomic():
        IdempotencyKey.objects.filter(scope=scope, key=key, created_at__lt=at - KEPT).delete()
        holder = uuid4().hex
        claim = IdempotencyKey(
            scope=scope, key=key, fingerprint=fingerprint, created_at=at, leased_until=at + LEASE, holder=holder
        )
        IdempotencyKey.objects.bulk_create([claim], ignore_conflicts=True)
        row = IdempotencyKey.objects.select_for_update().get(scope=scope, key=key)
        if not constant_time_compare(row.fingerprint, fingerprint):
            raise Invalid("This Idempotency-Key came with another request before.", code="idempotency_key_reused")
        if row.secret:
            raise Conflict("The first answer held a secret and is not repeated.", code="answer_not_repeatable")
        if row.status is None and row.holder != holder:
            if row.leased_until > at:
                raise InFlight("The first request with this key is still being worked on.")
            row.leased_until, row.holder = at + LEASE, holder
            row.save(update_fields=["leased_until", "holder"])
        return row


def _keep(row: IdempotencyKey, response: HttpResponseBase, *, secret: bool) -> None:
    row.status, row.secret = response.status_code, secret
    if not secret:
        row.headers = {name: response[name] for name in HEADERS if name in response}
        if isinstance(response, Response):
            row.body = b"" if response.data is None else dump(response.data)
        else:
            row.body = cast(HttpResponse, response).content
            row.headers["Content-Type"] = response["Content-Type"]
    mine = IdempotencyKey.objects.filter(pk=row.pk, holder=row.holder)
    if not mine.update(status=row.status, secret=secret, headers=row.headers, body=row.body):
        raise InFlight("Another request took this key over, because this one took too long.")


def _release(row: IdempotencyKey) -> None:
    with suppress(DatabaseError):  # a key that cannot be given back now runs out with its lease
        IdempotencyKey.objects.filter(pk=row.pk, holder=row.holder, status=None).delete()


def _replay(row: IdempotencyKey) -> HttpResponseBase:
    headers: dict[str, Any] = {**row.headers, "Idempotent-Replayed": "true"}
    body = bytes(row.body)
    if "Content-Type" in headers:
        return HttpResponse(body, status=row.status, headers=headers)
    return Response(orjson.loads(body) if body else None, status=row.status, headers=headers)


def _fingerprint(request: Request) -> str:
    """Return the digest of the method, the path and the body; of a form, of its fields and its files' bytes."""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    if (request.content_type or "").startswith("multipart/"):
        for name, values in sorted(cast(QueryDict, request.data).lists()):
            for value in values:
                digest.update(f"{len(name)}:{name}=".encode())
                for chunk in _chunks(value):
                    digest.update(chunk)
    else:
        digest.update(request._request.body)
    return digest.hexdigest()


def _chunks(value: Any) -> list[bytes] | Any:
    if isinstance(value, UploadedFile):
        value.seek(0)
        return _rewinding(value)
    return [f"{len(str(value))}:{value}".encode()]


def _rewinding(file: UploadedFile[Any]) -> Any:
    yield f"{file.size}:".encode()
    yield from file.chunks()
    file.seek(0)


def forget_old_keys(*, at: datetime) -> int:
    """Delete the keys that have run out and return how many."""
    return IdempotencyKey.objects.filter(created_at__lt=at - KEPT).delete()[0]
