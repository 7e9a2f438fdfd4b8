"""People, teams, tokens and the security log in Django's admin: the same services, the same refusals."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from biolab.accounts.models import ServiceToken, Team, User
from biolab.kernel import security
from biolab.kernel.models import SecurityEntry
from tests.factories.accounts import NINE, make_admin, make_person, make_team, make_token

pytestmark = pytest.mark.django_db

NO_INLINES = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}


@pytest.fixture
def admin() -> User:
    return make_admin()


@pytest.fixture
def desk(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def kinds() -> list[str]:
    return list(SecurityEntry.objects.order_by("sequence").values_list("kind", flat=True))


def test_every_page_opens(desk: Client, admin: User) -> None:
    team, (token, _) = make_team(owner=admin), make_token(admin)
    entry = security.note("try", person=admin, at=NINE)
    pages = [
        "/admin/",
        "/admin/accounts/user/",
        "/admin/accounts/user/add/",
        f"/admin/accounts/user/{admin.pk}/change/",
        "/admin/accounts/team/",
        "/admin/accounts/team/add/",
        f"/admin/accounts/team/{team.pk}/change/",
        "/admin/accounts/servicetoken/",
        "/admin/accounts/servicetoken/add/",
        f"/admin/accounts/servicetoken/{token.pk}/change/",
        "/admin/kernel/securityentry/",
        f"/admin/kernel/securityentry/{entry.pk}/change/",
    ]

    assert {page: desk.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


def test_adding_a_person_goes_through_the_service(desk: Client, admin: User) -> None:
    form = {"email": "Cleo@x.example", "username": "cleo", "role": "operator", "new_password": "some fine words"}

    answer = desk.post("/admin/accounts/user/add/", {**form, **NO_INLINES})

    cleo = User.objects.get(username="cleo")
    assert answer.status_code == 302
    assert (cleo.email, cleo.check_password("some fine words")) == ("cleo@x.example", True)
    assert SecurityEntry.objects.get(kind="person.added").person_id == admin.public_id


def test_a_refusal_is_told_and_nothing_is_written(desk: Client) -> None:
    make_person(email="cleo@x.example")
    form = {"email": "cleo@x.example", "username": "cleo", "role": "operator", "new_password": ""}

    answer = desk.post("/admin/accounts/user/add/", {**form, **NO_INLINES}, follow=True)

    assert "An account with this e-mail exists." in answer.content.decode()
    assert User.objects.filter(email="cleo@x.example").count() == 1
    assert "person.added" not in kinds()


def test_a_weak_password_is_refused_by_the_form(desk: Client) -> None:
    form = {"email": "cleo@x.example", "username": "cleo", "role": "operator", "new_password": "password"}

    answer = desk.post("/admin/accounts/user/add/", {**form, **NO_INLINES})

    assert answer.status_code == 200
    assert not User.objects.filter(email="cleo@x.example").exists()


def test_buttons_ask_first_and_act_only_when_posted(desk: Client) -> None:
    anna = make_person()
    address = f"/admin/accounts/user/{anna.pk}/deactivate/"

    asked = desk.get(address)
    anna.refresh_from_db()
    still = anna.is_active
    desk.post(address)

    anna.refresh_from_db()
    assert (asked.status_code, still, anna.is_active) == (200, True, False)
    assert "csrfmiddlewaretoken" in asked.content.decode()
    assert kinds()[-1] == "person.deactivated"


def test_the_last_administrator_cannot_be_deactivated_here_either(desk: Client, admin: User) -> None:
    answer = desk.post(f"/admin/accounts/user/{admin.pk}/deactivate/", follow=True)

    admin.refresh_from_db()
    assert admin.is_active
    assert "This is the last administrator." in answer.content.decode()


def test_a_token_is_shown_on_one_page_once(desk: Client, admin: User) -> None:
    form = {"name": "pump", "owner": str(admin.pk), "scopes": ["telemetry:write"]}

    answer = desk.post("/admin/accounts/servicetoken/add/", form)

    secret = answer.content.decode().split('id="secret">')[1].split("<")[0]
    token = ServiceToken.objects.get(name="pump")
    assert secret.startswith("bl_") and "no-store" in answer.headers["Cache-Control"]
    assert token.scopes == ["telemetry:write"]
    assert secret not in desk.get(f"/admin/accounts/servicetoken/{token.pk}/change/").content.decode()
    desk.post(f"/admin/accounts/servicetoken/{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_members_come_and_change_through_the_service_and_an_owner_stays(desk: Client, admin: User) -> None:
    team, bo = make_team(owner=admin), make_person()
    owner = team.memberships.get()
    base: dict[str, Any] = {
        "name": team.name,
        "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": str(owner.pk),
        "memberships-0-team": str(team.pk),
        "memberships-0-user": str(admin.pk),
    }
    newcomer = {"memberships-1-user": str(bo.pk), "memberships-1-role": "qa", "memberships-1-team": str(team.pk)}
    address = f"/admin/accounts/team/{team.pk}/change/"

    desk.post(address, {**base, "memberships-TOTAL_FORMS": "2", "memberships-0-role": "owner", **newcomer})
    refused = desk.post(address, {**base, "memberships-TOTAL_FORMS": "1", "memberships-0-role": "qa"}, follow=True)

    assert dict(team.memberships.values_list("user__username", "role")) == {admin.username: "owner", bo.username: "qa"}
    assert "A team keeps at least one owner." in refused.content.decode()
    assert kinds() == ["team.member_added"]


def test_the_security_log_is_read_only_exports_neutralised_and_verifies(desk: Client, admin: User) -> None:
    entry = security.note("try", person=admin, at=NINE, name="=1+1")
    page = f"/admin/kernel/securityentry/{entry.pk}/"

    changed = desk.post(f"{page}change/", {"kind": "other"})
    deleted = desk.post(f"{page}delete/", {"post": "yes"})
    exported = desk.post("/admin/kernel/securityentry/", {"action": "export_csv", "_selected_action": [str(entry.pk)]})
    verified = desk.get("/admin/kernel/securityentry/verify/", follow=True)

    assert (changed.status_code, deleted.status_code) == (403, 403)
    assert desk.get("/admin/kernel/securityentry/add/").status_code == 403
    lines = b"".join(exported).decode().split("\r\n")  # type: ignore[call-overload]
    assert lines[0].startswith("sequence,at,kind") and len(lines) == 3
    assert "1 entries hold" in verified.content.decode()


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_nobody_but_administrators_enters(role: str) -> None:
    client = Client()
    client.force_login(make_person(role))

    assert client.get("/admin/accounts/user/").status_code == 302
    assert Team.objects.count() == 0


def test_lists_ask_the_database_the_same_however_long_they_are(
    desk: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        make_token(make_person(password=None))

    for path in ("/admin/accounts/user/", "/admin/accounts/servicetoken/", "/admin/kernel/securityentry/"):
        with django_assert_max_num_queries(12):
            desk.get(path)
