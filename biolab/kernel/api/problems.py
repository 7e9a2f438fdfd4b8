"""The one place where a refusal becomes a status: RFC 9457 problem details."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from django.core import exceptions as django_errors
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import RawPostDataException
from django.views import defaults
from rest_framework import exceptions as rest_errors
from rest_framework.response import Response

from biolab.kernel import errors
from biolab.kernel.api.renderers import dump

log = structlog.get_logger(__name__)

PROBLEM_JSON: Final = "application/problem+json"
RETRY_AFTER_S: Final = 5
CHALLENGE: Final = 'Bearer realm="biolab"'
STATUS: Final[dict[str, int]] = {
    errors.Unauthenticated.kind: 401,
    errors.Forbidden.kind: 403,
    errors.Missing.kind: 404,
    errors.Conflict.kind: 409,
    errors.Gone.kind: 410,
    errors.Stale.kind: 412,
    errors.TooLarge.kind: 413,
    errors.Unsupported.kind: 415,
    errors.Invalid.kind: 422,
    errors.TooMany.kind: 429,
    errors.Unreachable.kind: 502,
    errors.Unavailable.kind: 503,
}


def problem_body(status: int, *, code: str, detail: str, **members: Any) -> dict[str, Any]:
    """Return the members of one problem."""
    return {
        **members,
        "type": f"urn:biolab:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }


def problem(
    status: int, *, code: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """Return a problem as an answer of a door."""
    body = problem_body(status, code=code, detail=detail, **members)
    return Response(body, status=status, headers=dict(headers or {}), content_type=PROBLEM_JSON)


def plain_problem(
    status: int, *, code: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any
) -> HttpResponse:
    """Return a problem from outside a door: middleware, error handlers, plain views."""
    body = dump(problem_body(status, code=code, detail=detail, **members))
    return HttpResponse(body, status=status, headers=dict(headers or {}), content_type=PROBLEM_JSON)


def refusal_status(refusal: errors.Refusal) -> int:
    """Return the HTTP status of a refusal."""
    return STATUS.get(refusal.kind, 409)


def problem_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the problem that ``exc`` is, or None for a defect, which Django then reports as a 500."""
    if isinstance(exc, errors.Refusal):
        return _of_refusal(exc, context)
    if isinstance(exc, rest_errors.APIException):
        return _of_rest(exc, context)
    if isinstance(exc, Http404):
        return problem(404, code="not_found", detail="There is nothing here.")
    if isinstance(exc, django_errors.PermissionDenied):
        return problem(403, code="forbidden", detail="You may not do this.")
    if isinstance(exc, django_errors.ValidationError):
        return _of_refusal(errors.Invalid("Some values are not valid.", errors=list(_django_errors(exc))), context)
    if isinstance(exc, ProtectedError | RestrictedError):
        return problem(409, code="in_use", detail="Other records refer to this one, so it must stay.")
    if isinstance(exc, OperationalError | InterfaceError):
        log.warning("database unavailable", error=type(exc).__name__, exc_info=exc)
        return problem(
            503,
            code="database_unavailable",
            detail="The database does not answer now. Try again shortly.",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )
    if isinstance(exc, IntegrityError) and _is_duplicate(exc):
        log.warning("a unique constraint decided a race", exc_info=exc)
        return problem(409, code="already_exists", detail="Another request made the same thing first.")
    if isinstance(exc, DataError):
        log.warning("the database refused a value", exc_info=exc)
        return problem(422, code="value_out_of_range", detail="A value is outside what can be stored.")
    return _of_django(exc)


def _of_refusal(refusal: errors.Refusal, context: Mapping[str, Any]) -> Response:
    status = refusal_status(refusal)
    headers = _challenge(context) if status == 401 else {}
    retry_after_s = getattr(refusal, "retry_after_s", None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(max(1, int(retry_after_s)))
    if "etag" in refusal.facts:
        headers["ETag"] = str(refusal.facts["etag"])
    body = {**refusal.facts, **problem_body(status, code=refusal.code, detail=refusal.sentence)}
    return Response(body, status=status, headers=headers, content_type=PROBLEM_JSON)


def _of_rest(exc: rest_errors.APIException, context: Mapping[str, Any]) -> Response:
    if isinstance(exc, rest_errors.ValidationError):
        return _of_refusal(invalid(exc), context)
    headers = _challenge(context) if exc.status_code == 401 else {}
    if isinstance(exc, rest_errors.Throttled):
        headers["Retry-After"] = str(max(1, math.ceil(getattr(exc, "wait", None) or 1)))
    if isinstance(exc, rest_errors.MethodNotAllowed):
        headers["Allow"] = ", ".join(getattr(context.get("view"), "allowed_methods", []))
    code = {400: "malformed_json", 404: "not_found"}.get(exc.status_code) or str(exc.default_code)
    return problem(exc.status_code, code=code, detail=str(exc.detail), headers=headers)


def _of_django(exc: Exception) -> Response | None:
    if isinstance(exc, django_errors.RequestDataTooBig | django_errors.TooManyFieldsSent):
        return problem(413, code="body_too_large", detail="The body is larger than allowed.")
    if isinstance(exc, django_errors.TooManyFilesSent):
        return problem(413, code="too_many_files", detail="The request carries too many files.")
    if isinstance(exc, django_errors.SuspiciousOperation | RawPostDataException):
        return problem(400, code="malformed_request", detail="The request cannot be read.")
    return None


def _challenge(context: Mapping[str, Any]) -> dict[str, str]:
    view, request = context.get("view"), context.get("request")
    told = view.get_authenticate_header(request) if view is not None and request is not None else None
    return {"WWW-Authenticate": told or CHALLENGE}


def _is_duplicate(exc: IntegrityError) -> bool:
    return "unique" in str(exc).lower() and "append-only" not in str(exc)


def invalid(exc: rest_errors.ValidationError, prefix: str = "") -> errors.Invalid:
    """Return a serializer's complaints as one refusal, each with a JSON pointer behind ``prefix``."""
    found = list(_flat(exc.detail, prefix))
    sentence = "Some values are not valid." if len(found) != 1 else f"A value is not valid: {found[0]['detail']}"
    return errors.Invalid(sentence, errors=found)


def _flat(detail: Any, pointer: str) -> Any:
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            step = "" if key == "non_field_errors" else f"/{str(key).replace('~', '~0').replace('/', '~1')}"
            yield from _flat(inner, f"{pointer}{step}")
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _flat(inner, f"{pointer}/{index}" if nested else pointer)
    else:
        yield {"pointer": pointer, "detail": str(detail)}


def _django_errors(exc: django_errors.ValidationError) -> Any:
    if hasattr(exc, "error_dict"):
        for field, messages in exc.message_dict.items():
            pointer = "" if field == django_errors.NON_FIELD_ERRORS else f"/{field}"
            yield from ({"pointer": pointer, "detail": message} for message in messages)
    else:
        yield from ({"pointer": "", "detail": message} for message in exc.messages)


def request_id(request: HttpRequest) -> str:
    """Return the id under which this request is logged."""
    bound = structlog.contextvars.get_contextvars().get("request_id")
    return str(bound or getattr(request, "request_id", "") or request.headers.get("X-Request-ID", ""))


def wants_problem(request: HttpRequest) -> bool:
    """Tell whether the caller is a program, so that an error page in HTML would not help it."""
    if request.path_info.startswith(("/api/", "/influx/", "/.well-known/", "/health", "/ready", "/metrics")):
        return True
    return "text/html" not in request.headers.get("Accept", "")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler400."""
    return plain_problem(400, code="malformed_request", detail="The request cannot be read.")


def not_allowed(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler403: a problem for programs, the page for people."""
    if wants_problem(request):
        return plain_problem(403, code="forbidden", detail="You may not do this.")
    return defaults.permission_denied(request, exception or django_errors.PermissionDenied())


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler404: a problem for programs, the page for people."""
    if wants_problem(request):
        return plain_problem(404, code="not_found", detail="There is nothing here.")
    return defaults.page_not_found(request, exception or Http404())


def defect(request: HttpRequest) -> HttpResponse:
    """Django's handler500: a problem for programs, the page for people."""
    return _defect(request) if wants_problem(request) else defaults.server_error(request)


def _defect(request: HttpRequest) -> HttpResponse:
    """Return what a defect looks like from outside: its request id and nothing else."""
    body = {
        "type": "urn:biolab:problem:defect",
        "title": "Internal Server Error",
        "status": 500,
        "request_id": request_id(request),
    }
    return HttpResponse(dump(body), status=500, content_type=PROBLEM_JSON)
