"""Many at once on PostgreSQL: one wins, or exactly so many pass."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from biolab.accounts.models import Membership, SignIn, Team, User
from biolab.accounts.roles import Role
from biolab.accounts.services import people, sign_in, teams
from biolab.accounts.services.bench import default_team, open_bench_person
from biolab.kernel import security
from biolab.kernel.errors import Refusal
from biolab.kernel.models import IdempotencyKey, SecurityEntry
from tests.factories.accounts import NINE, PASSWORD, make_admin, make_person, make_team, make_token

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
AtOnce = Callable[..., list[Any]]


def outcome(work: Callable[[], Any]) -> str:
    try:
        work()
    except Refusal as refusal:
        return refusal.code
    return "done"


def test_of_forty_guesses_at_once_exactly_five_are_looked_at(at_once: AtOnce) -> None:
    make_person(email="anna@biolab.example")

    def guess(number: int) -> str:
        return outcome(
            lambda: sign_in.sign_in(
                email="anna@biolab.example",
                password="wrong",
                address=f"192.0.2.{number}",
                at=NINE,
            )
        )

    assert set(at_once(guess, range(40))) == {"sign_in_refused"}
    assert SecurityEntry.objects.filter(kind="sign_in.refused").count() == 5
    assert security.verify().valid


def test_sixteen_good_sign_ins_at_once_all_succeed(at_once: AtOnce) -> None:
    make_person(email="anna@biolab.example")

    def enter(_: int) -> str:
        return outcome(
            lambda: sign_in.sign_in(email="anna@biolab.example", password=PASSWORD, address="", at=datetime.now(UTC))
        )

    assert at_once(enter, range(16)) == ["done"] * 16


@pytest.mark.parametrize("round_number", range(5))
def test_of_fifteen_uses_of_one_refresh_token_one_wins_and_the_family_ends(at_once: AtOnce, round_number: int) -> None:
    person = make_person(email="anna@biolab.example")
    now = datetime.now(UTC)
    pair = sign_in.sign_in(email=person.email, password=PASSWORD, address="", at=now)

    outcomes = at_once(lambda _: outcome(lambda: sign_in.refresh(token=pair.refresh, at=now)), range(15))

    assert outcomes.count("done") == 1
    assert outcomes.count("token_reused") == 1
    assert outcomes.count("token_revoked") == 13
    assert SignIn.objects.get().revoked_at is not None


def test_of_ten_people_with_one_address_one_is_added(at_once: AtOnce) -> None:
    admin = make_admin()

    def add(number: int) -> str:
        spelling = "Cleo@X.example" if number % 2 else "cleo@x.example"
        return outcome(lambda: people.add_person(email=spelling, username="cleo", password=None, by=admin, at=NINE))

    outcomes = at_once(add, range(10))

    assert (outcomes.count("done"), outcomes.count("duplicate_email")) == (1, 9)
    assert User.objects.filter(email="cleo@x.example").count() == 1


def test_two_owners_who_leave_at_once_leave_one_behind(at_once: AtOnce) -> None:
    anna, bo = make_person(), make_person()
    team = make_team(owner=anna)
    Membership.objects.create(team=team, user=bo, role=Role.OWNER)
    members = list(team.memberships.select_related("team", "user"))

    outcomes = at_once(
        lambda member: outcome(lambda: teams.remove_member(member=member, by=member.user, at=NINE)), members
    )

    assert sorted(outcomes) == ["done", "last_owner"]
    assert team.memberships.count() == 1


def test_two_administrators_who_demote_each_other_leave_one(at_once: AtOnce) -> None:
    admins = [make_admin(), make_admin()]

    def demote(person: User) -> str:
        other = next(admin for admin in admins if admin != person)
        return outcome(lambda: people.change_person(person=other, by=person, at=NINE, role="viewer"))

    at_once(demote, admins)

    assert User.objects.filter(role="admin").count() == 1


def test_of_ten_requests_with_one_idempotency_key_one_does_the_work(at_once: AtOnce) -> None:
    _, secret = make_token(make_person())

    def found(_: int) -> int:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {secret}", HTTP_IDEMPOTENCY_KEY="k")
        return int(client.post("/api/teams", {"name": "T"}, format="json").status_code)

    codes = at_once(found, range(10))

    assert set(codes) <= {201, 409}
    assert 201 in codes
    assert Team.objects.count() == 1
    assert IdempotencyKey.objects.get().status == 201


def test_the_log_stays_gapless_and_chained_under_many_writers(at_once: AtOnce) -> None:
    at_once(lambda number: security.note("try", person=None, at=NINE, number=number), range(24))

    assert list(SecurityEntry.objects.order_by("sequence").values_list("sequence", flat=True)) == list(range(1, 25))
    assert security.verify() == security.Verdict(True, 24, SecurityEntry.objects.get(sequence=24).hash)


def test_the_default_team_and_the_open_bench_are_made_once(at_once: AtOnce) -> None:
    at_once(lambda _: default_team(at=NINE), range(8))
    at_once(lambda _: open_bench_person(at=NINE), range(8))

    assert Team.objects.count() == 1
    assert User.objects.count() == 1
