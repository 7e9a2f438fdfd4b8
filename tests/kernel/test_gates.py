"""A gate lets exactly so many tries pass."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from biolab.kernel import security
from biolab.kernel.errors import TooMany
from biolab.kernel.models import Gate
from tests.factories.accounts import NINE

LIMIT = security.Limit("try", tries=3, window=timedelta(minutes=10), lock=timedelta(minutes=15))
PLAIN = security.Limit("plain", tries=3, window=timedelta(minutes=1))

pytestmark = pytest.mark.django_db


def passes(limit: security.Limit, at: datetime, subject: object = "a") -> bool:
    try:
        security.pass_or_refuse(limit, subject, at=at)
    except TooMany:
        return False
    return True


def test_so_many_tries_pass_and_the_next_is_refused_for_the_length_of_the_lock() -> None:
    assert [passes(LIMIT, NINE + timedelta(minutes=minute)) for minute in range(5)] == [True] * 3 + [False] * 2

    locked_at = NINE + timedelta(minutes=2)
    assert not passes(LIMIT, locked_at + timedelta(minutes=15) - timedelta(milliseconds=1))
    assert passes(LIMIT, locked_at + timedelta(minutes=15))


def test_tries_while_it_is_shut_do_not_keep_it_shut_for_longer() -> None:
    for minute in range(10):
        passes(LIMIT, NINE + timedelta(minutes=minute))

    assert passes(LIMIT, NINE + timedelta(minutes=17))


def test_the_refusal_says_when_to_come_back() -> None:
    for _ in range(3):
        passes(LIMIT, NINE)

    with pytest.raises(TooMany) as caught:
        security.pass_or_refuse(LIMIT, "a", at=NINE + timedelta(minutes=5))

    assert caught.value.retry_after_s == 600
    assert caught.value.code == "try_locked"


def test_without_a_lock_the_gate_opens_with_its_window() -> None:
    assert [passes(PLAIN, NINE) for _ in range(4)] == [True, True, True, False]

    assert not passes(PLAIN, NINE + timedelta(seconds=59))
    assert passes(PLAIN, NINE + timedelta(seconds=60))


def test_tries_spread_over_the_window_add_up_and_older_ones_are_forgotten() -> None:
    assert passes(LIMIT, NINE)
    assert passes(LIMIT, NINE + timedelta(minutes=9))

    assert [passes(LIMIT, NINE + timedelta(minutes=10)) for _ in range(4)] == [True, True, True, False]


def test_subjects_and_limits_do_not_touch_each_other() -> None:
    for _ in range(4):
        passes(LIMIT, NINE)

    assert passes(LIMIT, NINE, subject="b")
    assert passes(PLAIN, NINE)


def test_a_good_try_opens_the_gate_again() -> None:
    for _ in range(3):
        passes(LIMIT, NINE)

    security.forget(LIMIT, "a")

    assert passes(LIMIT, NINE)


def test_open_gates_are_swept_and_shut_ones_stay() -> None:
    passes(PLAIN, NINE)
    passes(LIMIT, NINE)

    assert security.forget_old_gates(at=NINE + timedelta(minutes=5)) == 1
    assert Gate.objects.count() == 1


def test_the_names_of_gates_do_not_tell_whose_they_are() -> None:
    passes(LIMIT, NINE, subject="anna@biolab.example")

    assert "anna" not in Gate.objects.get().name


@pytest.mark.django_db(transaction=True)
def test_a_gate_refuses_to_be_counted_where_a_refusal_would_undo_it() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        security.pass_or_refuse(LIMIT, "a", at=NINE)

    assert not Gate.objects.exists()


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_forty_tries_at_once_exactly_five_pass(at_once: Callable[..., list[Any]]) -> None:
    outcomes = at_once(lambda _: passes(security.SIGNING, NINE), range(40))

    assert outcomes.count(True) == 5
    assert Gate.objects.get().tries == 40
