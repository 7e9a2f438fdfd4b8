"""Every refusal is a problem, and only a defect is a 500."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import exceptions as django_errors
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.db.models import ProtectedError
from django.http import Http404
from django.test import Client, RequestFactory
from rest_framework import exceptions as rest_errors
from rest_framework.test import APIRequestFactory

from biolab.kernel import errors
from biolab.kernel.api import Door, decode
from biolab.kernel.api.problems import defect

RAISED: list[tuple[Exception, int, str]] = [
    (errors.Unauthenticated("x."), 401, "unauthenticated"),
    (errors.Forbidden("x."), 403, "forbidden"),
    (errors.Missing("x."), 404, "not_found"),
    (errors.Conflict("x.", code="note_locked"), 409, "note_locked"),
    (errors.Gone("x."), 410, "gone"),
    (errors.Stale("x.", etag='"a"'), 412, "precondition_failed"),
    (errors.TooLarge("x."), 413, "too_large"),
    (errors.Unsupported("x."), 415, "unsupported_media_type"),
    (errors.Invalid("x.", errors=[{"pointer": "/a", "detail": "b"}]), 422, "invalid"),
    (errors.TooMany("x.", retry_after_s=7), 429, "too_many_requests"),
    (errors.Unreachable("x."), 502, "upstream_unreachable"),
    (errors.Unavailable("x."), 503, "unavailable"),
    (Http404(), 404, "not_found"),
    (django_errors.PermissionDenied(), 403, "forbidden"),
    (django_errors.ValidationError({"name": ["No."]}), 422, "invalid"),
    (django_errors.RequestDataTooBig(), 413, "body_too_large"),
    (django_errors.SuspiciousOperation(), 400, "malformed_request"),
    (ProtectedError("x", set()), 409, "in_use"),
    (OperationalError("x"), 503, "database_unavailable"),
    (InterfaceError("x"), 503, "database_unavailable"),
    (IntegrityError("UNIQUE constraint failed: a.b"), 409, "already_exists"),
    (DataError("integer out of range"), 422, "value_out_of_range"),
    (rest_errors.ParseError("x"), 400, "malformed_json"),
    (rest_errors.NotAuthenticated(), 401, "not_authenticated"),
    (rest_errors.Throttled(wait=3), 429, "throttled"),
    (rest_errors.UnsupportedMediaType("a/b"), 415, "unsupported_media_type"),
]


def answer_to(raised: Callable[[], Exception], **headers: str) -> Any:
    class Refusing(Door):
        authentication_classes = ()
        permission_classes = ()
        throttle_classes = ()

        def get(self, request: Any) -> Any:
            raise raised()

    return Refusing.as_view()(APIRequestFactory().get("/", **headers)).render()


@pytest.mark.parametrize(("raised", "status", "code"), RAISED, ids=[f"{type(r).__name__}" for r, _, _ in RAISED])
def test_a_refusal_becomes_its_problem(raised: Exception, status: int, code: str) -> None:
    answer = answer_to(lambda: raised)

    assert answer.status_code == answer.data["status"] == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.data["code"] == code
    assert answer.data["type"] == f"urn:biolab:problem:{code}"
    assert answer.data["title"] and answer.data["detail"]
    assert ("Retry-After" in answer) == (status in (429, 503))
    assert ("WWW-Authenticate" in answer) == (status == 401)


def test_facts_of_a_refusal_are_members_and_cannot_replace_the_standard_ones() -> None:
    answer = answer_to(lambda: errors.Conflict("No.", blocked_reason="calibration", status="weird", title="odd"))

    assert answer.data["blocked_reason"] == "calibration"
    assert (answer.data["status"], answer.data["title"]) == (409, "Conflict")


def test_a_stale_version_tells_the_current_tag() -> None:
    answer = answer_to(lambda: errors.Stale("No.", etag='"v2"'))

    assert answer["ETag"] == answer.data["etag"] == '"v2"'


def test_nested_complaints_get_json_pointers() -> None:
    detail = {"name": ["Empty."], "stages": [{}, {"role": ["Unknown."]}], "a/b": ["x"], "non_field_errors": ["Both."]}

    answer = answer_to(lambda: rest_errors.ValidationError(detail))

    found = {(error["pointer"], error["detail"]) for error in answer.data["errors"]}
    assert found == {("/name", "Empty."), ("/stages/1/role", "Unknown."), ("/a~1b", "x"), ("", "Both.")}


def test_a_check_constraint_is_a_defect_and_no_conflict() -> None:
    with pytest.raises(IntegrityError):
        answer_to(lambda: IntegrityError("CHECK constraint failed: positive"))


def test_a_defect_tells_its_request_id_and_nothing_else() -> None:
    request = RequestFactory().get("/api/x", headers={"X-Request-ID": "r-1"})

    answer = defect(request)

    assert answer.status_code == 500
    told = decode(answer.content)
    assert set(told) == {"type", "title", "status", "request_id"}
    assert told["request_id"] == "r-1"


def test_unknown_paths_answer_programs_with_problems_and_people_with_pages(client: Client) -> None:
    program = client.get("/api/nothing/here")
    person = client.get("/nothing/here", headers={"Accept": "text/html"})

    assert (program.status_code, program["Content-Type"]) == (404, "application/problem+json")
    assert (person.status_code, person["Content-Type"].split(";")[0]) == (404, "text/html")


def test_a_wrong_method_says_which_are_right(client: Client) -> None:
    answer = client.delete("/health")

    assert answer.status_code == 405
    assert "GET" in answer["Allow"]
    assert answer.json()["code"] == "method_not_allowed"
