"""Teams: who belongs, as what, and where new work begins."""

from __future__ import annotations

from typing import Any

import pytest

from biolab.accounts.models import Membership, Team
from biolab.accounts.policies import may
from biolab.accounts.roles import RIGHTS, Right, Role
from biolab.accounts.services.teams import add_member, change_role, remove_member, team_for
from biolab.kernel.errors import Conflict, Invalid, Missing
from biolab.kernel.models import SecurityEntry
from tests.factories.accounts import NINE, client_of, make_admin, make_person, make_team

pytestmark = pytest.mark.django_db


def kinds() -> list[str]:
    return list(SecurityEntry.objects.order_by("sequence").values_list("kind", flat=True))


def test_who_founds_a_team_owns_it() -> None:
    anna = make_person(username="anna")

    answer = client_of(anna).post("/api/teams", {"name": "Fermentation"}, format="json")

    told = answer.json()
    assert answer.status_code == 201
    assert set(told) == {"id", "name", "members"}
    assert told["id"].startswith("team_")
    member = {"user_id": anna.public_id, "username": "anna", "email": anna.email, "role": "owner"}
    assert told["members"] == [member]
    assert kinds()[-1] == "team.created"


def test_people_see_their_own_teams_and_administrators_all() -> None:
    anna = make_person()
    make_team("Mine", owner=anna)
    other = make_team("Other", owner=make_person())

    mine = client_of(anna).get("/api/teams").json()
    every = client_of(make_admin()).get("/api/teams").json()

    assert [team["name"] for team in mine] == ["Mine"]
    assert {team["name"] for team in every} == {"Mine", "Other"}
    assert client_of(anna).get(f"/api/teams/{other.public_id}").status_code == 404
    assert client_of(anna).get(f"/api/teams/{other.public_id}/members").status_code == 404


@pytest.mark.parametrize("role", Role.values)
def test_owners_and_managers_alone_change_who_belongs(role: str) -> None:
    team = make_team(owner=make_person())
    caller, newcomer = make_person(), make_person()
    if role != "owner":
        Membership.objects.create(team=team, user=caller, role=role)
    else:
        caller = team.memberships.get().user
    client, address = client_of(caller), f"/api/teams/{team.public_id}/members"

    added = client.post(address, {"email": newcomer.email.upper(), "role": "qa"}, format="json")

    allowed = role in ("owner", "manager")
    assert added.status_code == (201 if allowed else 403)
    assert Membership.objects.filter(user=newcomer).exists() == allowed
    assert ("team.member_added" in kinds()) == allowed


def test_members_come_change_and_go_each_in_the_trail() -> None:
    owner, bo = make_person(), make_person()
    team = make_team(owner=owner)
    client, address = client_of(owner), f"/api/teams/{team.public_id}/members"

    added = client.post(address, {"user_id": bo.public_id, "role": "qa"}, format="json")
    twice = client.post(address, {"email": bo.email, "role": "lead"}, format="json")
    changed = client.patch(f"{address}/{bo.public_id}", {"role": "lead"}, format="json")
    removed = client.delete(f"{address}/{bo.public_id}")
    gone = client.delete(f"{address}/{bo.public_id}")

    codes = [answer.status_code for answer in (added, twice, changed, removed, gone)]
    assert codes == [201, 409, 200, 204, 404]
    assert changed.json()["role"] == "lead"
    assert kinds()[-3:] == ["team.member_added", "team.role_changed", "team.member_removed"]
    entry = SecurityEntry.objects.get(kind="team.role_changed")
    assert entry.record["detail"]["old"] == "qa" and entry.record["detail"]["new"] == "lead"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"email": "nobody@biolab.example", "role": "qa"}, 404),
        ({"user_id": "user_x", "role": "qa"}, 404),
        ({"role": "qa"}, 422),
        ({"email": "a@b.example", "user_id": "x", "role": "qa"}, 422),
        ({"email": "nobody@biolab.example", "role": "king"}, 422),
        ({"email": "nobody@biolab.example"}, 422),
    ],
)
def test_a_member_nobody_can_be_is_refused(body: dict[str, Any], status: int) -> None:
    owner = make_person()
    team = make_team(owner=owner)

    assert client_of(owner).post(f"/api/teams/{team.public_id}/members", body, format="json").status_code == status
    assert team.memberships.count() == 1


def test_a_team_keeps_an_owner() -> None:
    owner = make_person()
    team = make_team(owner=owner)
    client, address = client_of(owner), f"/api/teams/{team.public_id}/members/{owner.public_id}"

    left, demoted = client.delete(address), client.patch(address, {"role": "qa"}, format="json")

    assert [left.json()["code"], demoted.json()["code"]] == ["last_owner", "last_owner"]
    assert team.memberships.get().role == "owner"


def test_who_acts_on_a_member_as_read_before_meets_the_member_as_now() -> None:
    owner, anna = make_person(), make_person()
    team = make_team(owner=owner, scientist=anna)
    read = team.memberships.get(user=anna)
    change_role(member=read, role=Role.OWNER, by=owner, at=NINE)
    remove_member(member=team.memberships.get(user=owner), by=None, at=NINE)

    with pytest.raises(Conflict):
        remove_member(member=read, by=anna, at=NINE)

    assert team.memberships.get().user == anna
    read = team.memberships.get()
    add_member(team=team, person=owner, role=Role.OWNER, by=None, at=NINE)
    remove_member(member=read, by=None, at=NINE)
    with pytest.raises(Missing):
        remove_member(member=read, by=None, at=NINE)
    with pytest.raises(Missing):
        change_role(member=read, role=Role.QA, by=None, at=NINE)
    assert SecurityEntry.objects.filter(kind="team.member_removed").count() == 2


def test_anyone_may_leave_by_themselves() -> None:
    bo = make_person()
    team = make_team(owner=make_person(), observer=bo)

    assert client_of(bo).delete(f"/api/teams/{team.public_id}/members/{bo.public_id}").status_code == 204


def test_administrators_manage_any_team_and_run_nothing_in_it() -> None:
    admin, bo = make_admin(), make_person()
    team = make_team(owner=make_person())

    answer = client_of(admin).post(
        f"/api/teams/{team.public_id}/members", {"email": bo.email, "role": "qa"}, format="json"
    )

    assert answer.status_code == 201
    assert may(admin, Right.READ, team)
    assert not any(may(admin, right, team) for right in Right if right is not Right.READ)


def test_a_platform_viewer_writes_nothing_whatever_the_role() -> None:
    viewer = make_person("viewer")
    team = make_team(owner=viewer)
    client = client_of(viewer)

    founded = client.post("/api/teams", {"name": "T"}, format="json")
    added = client.post(f"/api/teams/{team.public_id}/members", {"email": viewer.email, "role": "qa"}, format="json")

    assert {founded.json()["code"], added.json()["code"]} == {"viewer_writes_nothing"}
    assert Team.objects.count() == 1
    assert [right for right in Right if may(viewer, right, team)] == [Right.READ]


@pytest.mark.parametrize("role", Role)
def test_a_role_may_what_the_table_says_and_nothing_in_another_team(role: Role) -> None:
    person = make_person()
    team, other = make_team(**{role.value: person}), make_team("Other")

    assert {right for right in Right if may(person, right, team)} == RIGHTS[role]
    assert not any(may(person, right, other) for right in Right)


def test_new_work_begins_in_the_only_team() -> None:
    anna = make_person()
    team = make_team(owner=anna)

    assert team_for(anna, None, at=NINE) == team
    assert team_for(anna, team.public_id, at=NINE) == team


def test_with_several_teams_one_must_be_named_and_the_choices_are_told() -> None:
    anna = make_person()
    one, two = make_team("One", owner=anna), make_team("Two", qa=anna)

    with pytest.raises(Invalid) as caught:
        team_for(anna, None, at=NINE)

    assert [team["id"] for team in caught.value.facts["teams"]] == [one.public_id, two.public_id]
    assert caught.value.facts["errors"][0]["pointer"] == "/team_id"


def test_somebody_elses_team_is_missing() -> None:
    with pytest.raises(Missing):
        team_for(make_person(), make_team(owner=make_person()).public_id, at=NINE)


@pytest.mark.parametrize(("role", "place"), [("operator", "operator"), ("viewer", "observer"), ("admin", "owner")])
def test_who_is_in_no_team_works_in_the_default_team_on_the_controllers_doors(role: str, place: str) -> None:
    person = make_person(role)

    team = team_for(person, None, at=NINE, controllers=True)

    assert team.name == "Main lab"
    assert team.memberships.get(user=person).role == place


def test_elsewhere_only_administrators_belong_to_the_default_team() -> None:
    with pytest.raises(Invalid):
        team_for(make_person(), None, at=NINE)

    assert not Team.objects.exists()
    assert team_for(make_admin(), None, at=NINE).name == "Main lab"


def test_the_place_in_the_default_team_ends_when_somebody_puts_the_person_into_one() -> None:
    anna = make_person()
    main = team_for(anna, None, at=NINE, controllers=True)
    team = make_team(owner=make_person())

    add_member(team=team, person=anna, role="qa", by=None, at=NINE)

    assert list(anna.teams.all()) == [team]
    assert not main.memberships.exists()


def test_without_a_named_default_team_nobody_is_lodged(settings: Any) -> None:
    settings.DEFAULT_TEAM_NAME = ""

    with pytest.raises(Invalid):
        team_for(make_person(), None, at=NINE, controllers=True)

    assert not Team.objects.exists()


@pytest.mark.parametrize("count", [1, 6])
def test_listing_teams_asks_the_database_the_same_however_many_there_are(
    count: int, django_assert_num_queries: Any
) -> None:
    owner = make_person()
    client = client_of(owner)
    for number in range(count):
        make_team(f"Team {number}", owner=owner, qa=make_person(password=None), lead=make_person(password=None))

    with django_assert_num_queries(3):
        assert len(client.get("/api/teams").json()) == count
