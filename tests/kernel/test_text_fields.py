"""A number where the schema says text is refused, wherever it stands in a body."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.test import APIRequestFactory

from biolab.kernel.api import Door, dump


class Inner(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=["a", "b"], required=False)


class Form(serializers.Serializer[Any]):
    title = serializers.CharField(allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(), default=list)
    parts = serializers.ListField(child=Inner(), default=list)
    values = serializers.DictField(default=dict)  # type: ignore[assignment]
    count = serializers.IntegerField(default=0)
    sure = serializers.BooleanField(default=False)


class ReadingDoor(Door):
    """Answers what it understood."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def post(self, request):  # type: ignore[no-untyped-def]
        return self.answer(self.validated(Form))


def post(body: Any):  # type: ignore[no-untyped-def]
    request = APIRequestFactory().generic("POST", "/", dump(body), content_type="application/json")
    return ReadingDoor.as_view()(request).render()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"title": 5}, "/title"),
        ({"title": 0.5}, "/title"),
        ({"title": "a", "tags": ["b", 7]}, "/tags/1"),
        ({"title": "a", "parts": [{"name": "b"}, {"name": 1}]}, "/parts/1/name"),
    ],
)
def test_a_number_is_no_text(body: dict[str, Any], pointer: str) -> None:
    answer = post(body)

    assert (answer.status_code, answer.data["code"]) == (422, "invalid")
    assert answer.data["errors"] == [{"pointer": pointer, "detail": "Not a valid string."}]


@pytest.mark.parametrize("value", [0, 1, 0.0, 7])
def test_a_number_is_no_yes_or_no(value: float) -> None:
    answer = post({"title": "a", "sure": value})

    assert answer.status_code == 422
    assert answer.data["errors"] == [{"pointer": "/sure", "detail": "Must be a valid boolean."}]
    assert post({"title": "a", "sure": True}).data["sure"] is True


@pytest.mark.parametrize("title", ["5", None])
def test_text_null_and_free_values_pass(title: str | None) -> None:
    answer = post({"title": title, "tags": ["a"], "parts": [{"name": "b", "kind": "a"}], "values": {"ph": 7}})

    assert answer.status_code == 200
    assert answer.data["title"] == title
    assert answer.data["values"] == {"ph": 7}


@pytest.mark.parametrize("body", [[], "text", 5, {"title": True}, {"title": {}}, {"title": "a", "tags": "b"}])
def test_other_shapes_are_refused_by_the_form(body: Any) -> None:
    assert post(body).status_code == 422
