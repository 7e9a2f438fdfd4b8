"""Bodies without a Content-Length arrive whole, and no body is larger than allowed."""

import io
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biolab.bodies import WholeBodies

LIMIT = 200_000


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [])
    length = environ.get("CONTENT_LENGTH")
    return [b"none" if length is None else environ["wsgi.input"].read(int(length))]


def wsgi(body: bytes, **environ: str | bool) -> tuple[str, bytes]:
    seen: list[str] = []
    application = WholeBodies(echo, limit=LIMIT)  # type: ignore[arg-type]
    answer = application(
        {"wsgi.input": io.BytesIO(body), **environ},
        lambda status, _headers, _info=None: seen.append(status),  # type: ignore[arg-type,func-returns-value]
    )
    whole = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return seen[0], whole


@given(st.binary(max_size=LIMIT))
def test_a_chunked_body_reaches_a_wsgi_application_with_its_length(body: bytes) -> None:
    assert wsgi(body, HTTP_TRANSFER_ENCODING="chunked") == ("200 OK", body)


def test_a_terminated_input_counts_as_chunked() -> None:
    assert wsgi(b"abc", **{"wsgi.input_terminated": True}) == ("200 OK", b"abc")


def test_a_request_without_a_body_is_left_alone() -> None:
    assert wsgi(b"") == ("200 OK", b"none")


@pytest.mark.parametrize(("terminated", "left"), [(True, 0), (False, 9)])
def test_what_a_door_leaves_unread_is_read_where_the_input_has_an_end(terminated: bool, left: int) -> None:
    def refuse(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("401 Unauthorized", [])
        return [b"no"]

    body = io.BytesIO(b"123456789")
    application = WholeBodies(refuse, limit=LIMIT)  # type: ignore[arg-type]
    environ = {"wsgi.input": body, "CONTENT_LENGTH": "9", "wsgi.input_terminated": terminated}

    assert application(environ, lambda *_: None) == [b"no"]  # type: ignore[arg-type,func-returns-value]
    assert len(body.read()) == left


@pytest.mark.parametrize(
    "environ", [{"HTTP_TRANSFER_ENCODING": "chunked"}, {"CONTENT_LENGTH": str(LIMIT + 1)}], ids=["chunked", "declared"]
)
def test_a_body_beyond_the_limit_is_refused_by_wsgi(environ: dict[str, str]) -> None:
    status, answer = wsgi(b"x" * (LIMIT + 1), **environ)

    assert status.startswith("413")
    assert json.loads(answer)["code"] == "body_too_large"
