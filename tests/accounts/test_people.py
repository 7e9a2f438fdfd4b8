"""People: made by administrators, changed by themselves, ended without being erased."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from rest_framework.test import APIClient

from biolab.accounts.models import Membership, Notification, SignIn, User
from biolab.kernel.models import SecurityEntry
from tests.factories.accounts import NINE, PASSWORD, client_of, make_admin, make_person, make_team, make_token

pytestmark = pytest.mark.django_db

BODY = {"email": "Cleo@BioLab.example", "username": "cleo", "password": "12345678"}


def kinds() -> list[str]:
    return list(SecurityEntry.objects.order_by("sequence").values_list("kind", flat=True))


def test_an_administrator_adds_a_viewer_by_default() -> None:
    admin = client_of(make_admin())

    answer = admin.post("/api/v1/users", BODY, format="json")

    told = answer.json()
    assert answer.status_code == 201
    assert (told["status"], told["email"], told["role"], told["admin"]) == (
        "success",
        "cleo@biolab.example",
        "viewer",
        False,
    )
    assert told["public_id"].startswith("user_")
    assert "password" not in answer.content.decode().replace("message", "")
    assert User.objects.get(email="cleo@biolab.example").check_password("12345678")
    assert "person.added" in kinds()


def test_an_address_is_taken_however_it_is_spelt() -> None:
    admin = client_of(make_admin())
    admin.post("/api/v1/users", BODY, format="json")

    again = admin.post("/api/v1/users", {**BODY, "email": "CLEO@biolab.EXAMPLE"}, format="json")

    assert (again.status_code, again.json()["code"]) == (409, "duplicate_email")
    assert User.objects.filter(email__iexact="cleo@biolab.example").count() == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"email": "no address"}, "/email"),
        ({"email": "a" * 250 + "@x.example"}, "/email"),
        ({"username": "x"}, "/username"),
        ({"username": "x" * 51}, "/username"),
        ({"password": "1234567"}, "/password"),
        ({"role": "owner"}, "/role"),
        ({"password": None}, "/password"),
    ],
)
def test_what_does_not_fit_is_422_and_makes_nobody(change: dict[str, Any], pointer: str) -> None:
    admin = client_of(make_admin())
    before = User.objects.count()

    answer = admin.post("/api/v1/users", {**BODY, **change}, format="json")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert User.objects.count() == before


@pytest.mark.parametrize(
    "field", ["is_staff", "is_superuser", "is_active", "id", "password_hash", "admin", "public_id"]
)
def test_fields_nobody_may_set_change_nothing(field: str) -> None:
    person = make_person()
    client = client_of(person)

    client.put(f"/api/v1/users/{person.public_id}", {field: True, "username": "renamed"}, format="json")

    person.refresh_from_db()
    assert person.username == "renamed"
    assert (person.is_staff, person.is_superuser, person.is_active, person.is_admin) == (False, False, True, False)


def test_people_read_and_change_themselves_and_see_nobody_else() -> None:
    anna, bo = make_person(), make_person()
    client = client_of(anna)

    mine = client.put(f"/api/v1/users/{anna.public_id}", {"username": "Anna B"}, format="json")
    other = client.get(f"/api/v1/users/{bo.public_id}")

    assert (mine.status_code, mine.json()["username"]) == (200, "Anna B")
    assert other.status_code == 404
    assert client.get("/api/v1/users").status_code == 403
    assert "person.changed" in kinds()


def test_nobody_makes_themself_an_administrator() -> None:
    anna = make_person()

    answer = client_of(anna).put(f"/api/v1/users/{anna.public_id}", {"role": "admin"}, format="json")

    anna.refresh_from_db()
    assert (answer.status_code, anna.role) == (403, "operator")


def test_a_role_change_is_written_with_who_old_and_new() -> None:
    admin, anna = make_admin(), make_person()

    client_of(admin).put(f"/api/v1/users/{anna.public_id}", {"role": "admin"}, format="json")

    entry = SecurityEntry.objects.get(kind="person.changed")
    assert entry.person_id == admin.public_id
    assert entry.record["detail"] == {"user_id": anna.public_id, "changes": {"role": ["operator", "admin"]}}
    anna.refresh_from_db()
    assert anna.is_admin and anna.is_staff


def test_a_new_password_ends_every_sign_in_and_is_never_written_down() -> None:
    anna = make_person()
    SignIn.objects.create(user=anna, created_at=NINE, refresh_jti="j")

    client = APIClient()
    client.force_authenticate(anna)
    client.put(f"/api/v1/users/{anna.public_id}", {"password": "another good one"}, format="json")

    anna.refresh_from_db()
    assert anna.check_password("another good one")
    assert not SignIn.objects.filter(revoked_at=None).exists()
    assert "another good one" not in SecurityEntry.objects.get(kind="person.changed").canonical


def test_a_new_address_is_told_to_the_inbox_and_at_the_old_one(django_capture_on_commit_callbacks: Any) -> None:
    anna = make_person(email="anna@biolab.example")

    with django_capture_on_commit_callbacks(execute=True):
        client_of(anna).put(f"/api/v1/users/{anna.public_id}", {"email": "else@where.example"}, format="json")

    told = Notification.objects.get(person=anna)
    assert "to else@where.example" in told.message
    assert [(message.to, message.body) for message in mail.outbox] == [(["anna@biolab.example"], told.message)]


def test_a_service_token_changes_no_password() -> None:
    anna = make_person()

    answer = client_of(anna).put(f"/api/v1/users/{anna.public_id}", {"password": "another good one"}, format="json")

    anna.refresh_from_db()
    assert (answer.status_code, answer.json()["code"]) == (403, "token_changes_no_password")
    assert anna.check_password(PASSWORD)


def test_a_deactivated_person_is_out_at_once_and_stays_in_history() -> None:
    admin, anna = make_admin(), make_person(email="anna@biolab.example")
    team = make_team(owner=make_person(), qa=anna)
    token, _ = make_token(anna)
    theirs = client_of(anna)
    SignIn.objects.create(user=anna, created_at=NINE, refresh_jti="j")

    answer = client_of(admin).delete(f"/api/v1/users/{anna.public_id}")

    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    assert theirs.get("/api/v1/auth/me").status_code == 401
    token.refresh_from_db()
    anna.refresh_from_db()
    assert token.revoked_at is not None and anna.deactivated_at is not None
    assert not SignIn.objects.filter(user=anna, revoked_at=None).exists()
    assert not Membership.objects.filter(team=team, user=anna).exists()
    assert User.objects.filter(pk=anna.pk).exists()
    again = client_of(admin).post("/api/v1/users", {**BODY, "email": "anna@biolab.example"}, format="json")
    assert again.status_code == 201, "the address is free again"


def test_deactivating_twice_is_a_conflict_and_the_last_administrator_stays() -> None:
    admin, anna = make_admin(), make_person()
    client = client_of(admin)
    client.delete(f"/api/v1/users/{anna.public_id}")

    twice = client.delete(f"/api/v1/users/{anna.public_id}")
    last = client.delete(f"/api/v1/users/{admin.public_id}")
    demoted = client.put(f"/api/v1/users/{admin.public_id}", {"role": "viewer"}, format="json")

    assert twice.status_code == 409
    assert (last.status_code, last.json()["code"]) == (409, "last_administrator")
    assert (demoted.status_code, demoted.json()["code"]) == (409, "last_administrator")
    admin.refresh_from_db()
    assert admin.is_admin


def test_a_person_cannot_deactivate_anyone_themself_included() -> None:
    anna = make_person()

    assert client_of(anna).delete(f"/api/v1/users/{anna.public_id}").status_code == 403
    anna.refresh_from_db()
    assert anna.is_active


def test_a_change_on_a_stale_version_is_refused_with_the_current_tag() -> None:
    anna = make_person()
    client = client_of(anna)
    address = f"/api/v1/users/{anna.public_id}"
    tag = client.get(address).headers["ETag"]

    first = client.put(address, {"username": "one"}, format="json", headers={"If-Match": tag})
    second = client.put(address, {"username": "two"}, format="json", headers={"If-Match": tag})

    assert first.status_code == 200
    assert (second.status_code, second.headers["ETag"]) == (412, first.headers["ETag"])
    anna.refresh_from_db()
    assert anna.username == "one"
    assert client.get(address, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    "text", ["user_x", "nonsense", "0198c0de-0000-7000-8000-000000000000", "tok_01h455vb4pex5vsknk084sn02q"]
)
def test_unknown_and_malformed_ids_are_missing_alike(text: str) -> None:
    assert client_of(make_admin()).get(f"/api/v1/users/{text}").status_code == 404


def test_people_are_found_by_their_bare_uuid_too() -> None:
    anna = make_person()

    assert client_of(anna).get(f"/api/v1/users/{anna.pk}").status_code == 200


def test_listing_people_asks_the_database_the_same_however_many_there_are(django_assert_num_queries: Any) -> None:
    client = client_of(make_admin())
    for _ in range(12):
        make_person(password=None)

    with django_assert_num_queries(3):
        assert client.get("/api/v1/users").json()["total"] == 13
