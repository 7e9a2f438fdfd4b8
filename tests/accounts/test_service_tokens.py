"""Service tokens: shown once, kept as digests, cut off at once."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from biolab.accounts.models import ServiceToken, Team
from biolab.accounts.services.tokens import issue_token, revoke_token
from biolab.kernel.errors import Conflict, Forbidden, Invalid
from biolab.kernel.models import SecurityEntry
from tests.factories.accounts import NINE, client_of, make_admin, make_person, make_team, make_token

pytestmark = pytest.mark.django_db


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def shown(form: str, secret: str) -> Any:
    """Ask who I am, showing the secret in one of the agreed forms."""
    client = APIClient()
    if form.startswith("?"):
        return client.get(f"/api/v1/auth/me{form}={secret}")
    header = {"Token": f"Token {secret}", "Bearer": f"Bearer {secret}", "Basic": basic("anyone", secret)}[form]
    return client.get("/api/v1/auth/me", headers={"Authorization": header})


@pytest.mark.parametrize("form", ["Token", "Bearer", "Basic", "?token", "?p"])
def test_a_token_speaks_for_its_owner_in_every_form(form: str, django_assert_num_queries: Any) -> None:
    owner = make_person()
    _, secret = make_token(owner)

    with django_assert_num_queries(1):
        answer = shown(form, secret)

    assert (answer.status_code, answer.json()["public_id"]) == (200, owner.public_id)


@pytest.mark.parametrize("form", ["Token", "Bearer", "Basic", "?token", "?p"])
def test_unknown_expired_revoked_and_orphaned_tokens_are_refused_alike(form: str) -> None:
    owner = make_person()
    now = datetime.now(UTC)
    _, expired = make_token(owner, at=now - timedelta(hours=2), expires_at=now - timedelta(hours=1))
    token, revoked = make_token(owner)
    revoke_token(token=token, by=owner, at=now)
    gone = make_person()
    _, orphaned = make_token(gone)
    gone.is_active = False
    gone.save(update_fields=["is_active"])

    answers = [shown(form, secret) for secret in ("bl_unknown", expired, revoked, orphaned)]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


def test_the_secret_is_shown_once_and_only_its_digest_is_kept() -> None:
    client = client_of(make_person())

    made = client.post("/api/v1/tokens", {"name": "pump"}, format="json")

    secret = made.json()["token"]
    assert made.status_code == 201
    assert made.json()["status"] == "success"
    assert secret.startswith("bl_") and len(secret) > 40
    assert secret not in client.get("/api/v1/tokens").content.decode()
    row = ServiceToken.objects.get(name="pump")
    assert secret not in "".join(str(value) for value in vars(row).values())
    assert secret not in "".join(entry.canonical for entry in SecurityEntry.objects.all())
    assert made.headers["Cache-Control"] == "no-store"


def test_a_revoked_token_is_cut_off_at_once_and_cannot_be_revoked_twice() -> None:
    owner = make_person()
    client, probe = client_of(owner), client_of(owner, name="pump")
    address = f"/api/v1/tokens/{ServiceToken.objects.get(name='pump').public_id}"
    client.credentials(HTTP_AUTHORIZATION=f"Token {make_token(owner)[1]}")

    first, second = client.delete(address), client.delete(address)

    assert (first.status_code, first.json()["status"]) == (200, "success")
    assert second.status_code == 409
    assert probe.get("/api/v1/auth/me").status_code == 401
    assert list(SecurityEntry.objects.values_list("kind", flat=True)).count("token.revoked") == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": "x", "scopes": ["everything"]}, "/scopes/0"),
        ({"name": "x", "scopes": "telemetry:write"}, "/scopes"),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"name": "x", "expires_at": "2099-01-01T00:00:00"}, "/expires_at"),
    ],
)
def test_what_does_not_fit_is_422_and_makes_no_token(body: dict[str, Any], pointer: str) -> None:
    client = client_of(make_person())
    before = ServiceToken.objects.count()

    answer = client.post("/api/v1/tokens", body, format="json")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert ServiceToken.objects.count() == before


def test_a_scoped_token_reaches_nothing_outside_its_scopes() -> None:
    client = client_of(make_person(), scopes=["telemetry:write"])

    assert client.get("/api/v1/auth/me").status_code == 200
    for answer in (client.get("/api/teams"), client.get("/api/v1/tokens"), client.post("/api/teams", {"name": "T"})):
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize("confined", [{"session_ids": ["sess_01h455vb4pex5vsknk084sn02q"]}, {"team": 1}])
def test_a_confined_token_changes_neither_its_owner_nor_a_team_nor_the_rules(confined: dict[str, Any]) -> None:
    owner = make_admin()
    team = make_team(owner=owner)
    client = client_of(owner, **({"team": team} if "team" in confined else confined))
    path = f"/api/v1/users/{owner.public_id}"

    answers = [
        client.put(path, {"full_name": "Somebody else"}, format="json"),
        client.get("/api/v1/users"),
        client.post("/api/teams", {"name": "Mine"}, format="json"),
        client.post(f"/api/teams/{team.public_id}/members", {"user_id": owner.public_id, "role": "qa"}, format="json"),
        client.get("/api/governance/templates"),
    ]

    owner.refresh_from_db()
    assert [answer.status_code for answer in answers] == [403] * 5
    assert (owner.full_name, Team.objects.count()) == ("", 1)


def test_a_token_bound_to_a_team_sees_that_team_alone() -> None:
    owner = make_person()
    one, _ = make_team("One", owner=owner), make_team("Two", owner=owner)

    told = client_of(owner, team=one).get("/api/teams").json()

    assert [team["name"] for team in told] == ["One"]


@pytest.mark.parametrize(
    "narrowed", [{"scopes": ["sessions:read"]}, {"expires_at": NINE + timedelta(days=1)}, {"team": 1}]
)
def test_a_narrowed_token_makes_no_wider_one(narrowed: dict[str, Any]) -> None:
    owner = make_person()
    if "team" in narrowed:
        narrowed = {"team": make_team(owner=owner)}
    owner.credential = make_token(owner, at=NINE, **narrowed)[0]
    before = ServiceToken.objects.count()

    with pytest.raises(Forbidden):
        issue_token(owner=owner, name="wider", by=owner, at=NINE)

    assert ServiceToken.objects.count() == before


def test_nobody_makes_or_ends_the_tokens_of_another() -> None:
    owner, other = make_person(), make_person()
    token, secret = make_token(owner)

    with pytest.raises(Forbidden):
        issue_token(owner=owner, name="x", by=other, at=NINE)
    with pytest.raises(Forbidden):
        revoke_token(token=token, by=other, at=NINE)

    assert client_of(other).delete(f"/api/v1/tokens/{token.public_id}").status_code == 404
    assert shown("Token", secret).status_code == 200


def test_administrators_see_and_end_everyones_tokens() -> None:
    token, secret = make_token(make_person())
    admin = client_of(make_admin())

    seen = admin.get(f"/api/v1/tokens/{token.public_id}")
    ended = admin.delete(f"/api/v1/tokens/{token.public_id}")

    assert (seen.status_code, ended.status_code) == (200, 200)
    assert shown("Token", secret).status_code == 401


def test_ending_a_token_twice_at_the_service_is_a_conflict() -> None:
    owner = make_person()
    token, _ = make_token(owner)
    revoke_token(token=token, by=None, at=NINE)

    with pytest.raises(Conflict):
        revoke_token(token=token, by=None, at=NINE)


def test_an_unknown_scope_is_named_at_the_service() -> None:
    with pytest.raises(Invalid) as caught:
        issue_token(owner=make_person(), name="x", by=None, at=NINE, scopes=["all"])

    assert "all" in caught.value.facts["errors"][0]["detail"]


def test_a_service_token_does_not_sign_out() -> None:
    answer = client_of(make_person()).post("/api/v1/auth/logout")

    assert (answer.status_code, answer.json()["code"]) == (403, "not_a_sign_in")


def test_basic_takes_no_password_of_a_person() -> None:
    person = make_person()

    answer = APIClient().get(
        "/api/v1/auth/me", headers={"Authorization": basic(person.email, "a long enough password")}
    )

    assert answer.status_code == 401


def test_listing_tokens_asks_the_database_the_same_however_many_there_are(django_assert_num_queries: Any) -> None:
    owner = make_person()
    client = client_of(owner)
    for _ in range(12):
        make_token(owner, team=None)

    with django_assert_num_queries(3):
        client.get("/api/v1/tokens")
