"""What may come in as JSON."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError
from rest_framework.test import APIRequestFactory

from biolab.kernel.api import Door, decode, dump
from biolab.kernel.errors import Invalid

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=20,
)


class EchoDoor(Door):
    """Answers what it read."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def post(self, request):  # type: ignore[no-untyped-def]
        return self.answer(request.data)


def post(body: bytes, content_type: str = "application/json", **headers: str):  # type: ignore[no-untyped-def]
    request = APIRequestFactory().generic("POST", "/", body, content_type=content_type, **headers)
    return EchoDoor.as_view()(request).render()


@given(JSON)
def test_what_is_written_reads_back_equal(value: object) -> None:
    assert decode(dump(value)) == value


@pytest.mark.parametrize(
    "body",
    [
        b"{bad",
        b"[NaN]",
        b"[Infinity]",
        b"[-Infinity]",
        b'"\\ud800"',
        b'"\xff"',
        b"1e999",
        b"[1,]",
        b"\x00",
        b"{'a': 1}",
    ],
)
def test_malformed_text_is_refused_as_malformed(body: bytes) -> None:
    with pytest.raises(ParseError):
        decode(body)

    assert post(body).status_code == 400
    assert post(body).data["code"] == "malformed_json"


@pytest.mark.parametrize("depth", [65, 1000, 100_000])
def test_what_nests_too_deep_is_refused_without_a_crash(depth: int) -> None:
    answer = post(b"[" * depth + b"]" * depth)

    assert answer.status_code == 422
    assert answer.data["code"] == "json_too_deep"


def test_sixty_four_levels_are_read() -> None:
    assert post(b"[" * 64 + b"]" * 64).status_code == 200
    assert post(b'{"a":' * 64 + b"1" + b"}" * 64).status_code == 200


def test_many_shallow_containers_are_no_depth() -> None:
    assert post(b"[" + b"[1]," * 10_000 + b"[1]]").status_code == 200


@pytest.mark.parametrize(("body", "pointer"), [(rb'{"a": {"b": ["x\u0000"]}}', "/a/b/0"), (rb'{"a\u0000": 1}', "")])
def test_nul_characters_are_refused_where_they_stand(body: bytes, pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode(body)

    assert caught.value.facts["errors"][0]["pointer"] == pointer


def test_a_written_backslash_u0000_is_no_nul() -> None:
    assert decode(rb'"\\u0000"') == r"\u0000"


def test_a_body_beyond_the_limit_is_refused_by_its_header_and_in_fact(settings) -> None:  # type: ignore[no-untyped-def]
    settings.REQUEST_MAX_BYTES = 100

    assert post(b'"' + b"x" * 99 + b'"').status_code == 413
    assert post(b'"' + b"x" * 97 + b'"').status_code == 200


def test_another_media_type_is_refused() -> None:
    answer = post(b"a=1", content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 415
    assert answer["Content-Type"] == "application/problem+json"
