"""The same request twice does its work once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate

from biolab.accounts.models import ServiceToken, Team
from biolab.kernel.api import Door
from biolab.kernel.api.idempotency import KEPT, forget_old_keys
from biolab.kernel.errors import Conflict
from biolab.kernel.models import IdempotencyKey
from tests.factories.accounts import client_of, make_person

pytestmark = pytest.mark.django_db


def found(client: APIClient, key: str, **body: Any) -> Any:
    return client.post("/api/teams", body, format="json", headers={"Idempotency-Key": key})


def test_a_repeat_gets_the_first_answer_and_does_nothing() -> None:
    client = client_of(make_person())

    first, second = found(client, "k", name="A"), found(client, "k", name="A")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert Team.objects.count() == 1


def test_another_body_or_path_under_the_same_key_is_refused() -> None:
    client = client_of(make_person())
    found(client, "k", name="A")

    other_body = found(client, "k", name="B")
    other_path = client.post("/api/v1/tokens", {"name": "A"}, format="json", headers={"Idempotency-Key": "k"})

    for answer in (other_body, other_path):
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Team.objects.count() == 1


def test_the_keys_of_two_people_never_meet() -> None:
    first, second = found(client_of(make_person()), "k", name="A"), found(client_of(make_person()), "k", name="B")

    assert first.json()["id"] != second.json()["id"]
    assert Team.objects.count() == 2


def test_a_refused_request_may_be_tried_again_under_its_key() -> None:
    client = client_of(make_person())

    refused = found(client, "k", name="")
    again = found(client, "k", name="")

    assert refused.status_code == again.status_code == 422
    assert again.json()["code"] == "invalid"
    assert not IdempotencyKey.objects.exists()


def test_a_request_still_in_flight_holds_its_key() -> None:
    person = make_person()
    client = client_of(person)
    found(client, "k", name="A")
    IdempotencyKey.objects.update(status=None, leased_until=timezone.now() + timedelta(seconds=30))

    answer = found(client, "k", name="A")

    assert (answer.status_code, answer.json()["code"]) == (409, "request_in_flight")
    assert int(answer.headers["Retry-After"]) >= 1
    assert Team.objects.count() == 1


def test_a_key_whose_holder_died_is_taken_over_after_its_lease() -> None:
    client = client_of(make_person())
    found(client, "k", name="A")
    Team.objects.all().delete()
    IdempotencyKey.objects.update(status=None, leased_until=timezone.now() - timedelta(seconds=1))

    answer = found(client, "k", name="A")

    assert answer.status_code == 201
    assert Team.objects.count() == 1


def test_an_answer_with_a_secret_is_never_stored() -> None:
    client = client_of(make_person())

    first, second = (
        client.post("/api/v1/tokens", {"name": "A"}, format="json", headers={"Idempotency-Key": "k"}) for _ in "12"
    )

    assert first.status_code == 201
    assert (second.status_code, second.json()["code"]) == (409, "answer_not_repeatable")
    assert first.json()["token"].encode() not in bytes(IdempotencyKey.objects.get().body)
    assert ServiceToken.objects.filter(name="A").count() == 1


def test_keys_are_forgotten_after_a_day() -> None:
    client = client_of(make_person())
    found(client, "k", name="A")
    IdempotencyKey.objects.update(created_at=timezone.now() - KEPT - timedelta(seconds=1))

    answer = found(client, "k", name="B")

    assert answer.status_code == 201
    assert forget_old_keys(at=timezone.now()) == 0
    assert forget_old_keys(at=timezone.now() + KEPT + timedelta(seconds=1)) == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_an_unusable_key_is_refused(key: str) -> None:
    answer = found(client_of(make_person()), key, name="A")

    assert (answer.status_code, answer.json()["code"]) == (422, "bad_idempotency_key")
    assert not Team.objects.exists()


class FailingDoor(Door):
    """Writes and then refuses."""

    authentication_classes = ()
    permission_classes = ()

    def post(self, request: Any) -> Any:
        Team.objects.create(name="half")
        raise Conflict("No.")


class PlainDoor(FailingDoor):
    """Answers a file."""

    def post(self, request: Any) -> Any:
        return HttpResponse(b"# Notes", content_type="text/markdown", status=201)


def sent(door: type[Door], key: str) -> Any:
    request = APIRequestFactory().post("/", {}, format="json", headers={"Idempotency-Key": key})
    force_authenticate(request, sent.person)  # type: ignore[attr-defined]
    answer = door.as_view()(request)
    return answer.render() if hasattr(answer, "render") else answer


def test_work_under_a_key_is_undone_as_a_whole_when_it_is_refused() -> None:
    sent.person = make_person()  # type: ignore[attr-defined]

    answer = sent(FailingDoor, "k")

    assert answer.status_code == 409
    assert not Team.objects.exists()
    assert not IdempotencyKey.objects.exists()


def test_answers_that_are_no_json_are_repeated_as_they_were() -> None:
    sent.person = make_person()  # type: ignore[attr-defined]

    first, second = sent(PlainDoor, "k"), sent(PlainDoor, "k")

    assert first.content == second.content == b"# Notes"
    assert second["Content-Type"] == "text/markdown"
    assert (second.status_code, second["Idempotent-Replayed"]) == (201, "true")
