"""Reads and writes are counted per person, apart from each other."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.settings import api_settings

from biolab.kernel.api.throttles import may_pass
from tests.factories.accounts import client_of, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _few_are_allowed(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "read", "3/day")
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "write", "2/day")
    cache.clear()
    yield
    cache.clear()


def test_beyond_the_rate_a_person_is_told_to_wait_and_others_are_not() -> None:
    anna, bo = client_of(make_person()), client_of(make_person())

    codes = [anna.get("/api/teams").status_code for _ in range(5)]
    refused = anna.get("/api/teams")

    assert codes == [200, 200, 200, 429, 429]
    assert (refused.json()["code"], int(refused.headers["Retry-After"]) > 0) == ("throttled", True)
    assert bo.get("/api/teams").status_code == 200


def test_writes_have_a_rate_of_their_own() -> None:
    anna = client_of(make_person())

    codes = [anna.post("/api/teams", {"name": "T"}, format="json").status_code for _ in range(3)]

    assert codes == [201, 201, 429]
    assert anna.get("/api/teams").status_code == 200


def test_health_is_never_throttled(client: Any) -> None:
    assert {client.get("/health").status_code for _ in range(10)} == {200}


def test_a_process_asks_the_shared_counter_less_often_the_more_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "write", "1000/day")
    asked: list[int] = []
    incr = cache.incr
    monkeypatch.setattr(cache, "incr", lambda name, delta=1: asked.append(delta) or incr(name, delta))
    person = make_person().pk

    passed = [may_pass("write", person) for _ in range(1010)]

    assert passed == [True] * 1000 + [False] * 10
    assert asked[0] == 10
    assert asked[-1] == 1
    assert len(asked) < 500


def test_what_other_processes_have_let_pass_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "write", "100/day")
    person, incr = make_person().pk, cache.incr
    asked: list[str] = []
    monkeypatch.setattr(cache, "incr", lambda name, delta=1: asked.append(name) or incr(name, delta))
    may_pass("write", person)
    incr(asked[0], 98)

    assert [may_pass("write", person) for _ in range(3)] == [True, False, False]
