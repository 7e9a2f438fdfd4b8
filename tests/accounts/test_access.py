"""Every door of people, teams and credentials × every kind of caller."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from biolab.accounts.models import Membership, ServiceToken, Team, User
from tests.factories.accounts import client_of, make_admin, make_person, make_team, make_token

pytestmark = pytest.mark.django_db

CALLERS = ("nobody", "wrong", "stranger", "viewer", "member", "owner", "admin", "scoped")
# what each caller gets; member and owner are of the team, and the person and the token are the member's own
TABLE = [
    ("GET", "/api/v1/auth/me", None, (401, 401, 200, 200, 200, 200, 200, 200)),
    ("GET", "/api/v1/users", None, (401, 401, 403, 403, 403, 403, 200, 403)),
    ("POST", "/api/v1/users", {}, (401, 401, 403, 403, 403, 403, 422, 403)),
    ("GET", "/api/v1/users/{person}", None, (401, 401, 404, 404, 200, 404, 200, 403)),
    ("PUT", "/api/v1/users/{person}", {}, (401, 401, 404, 404, 200, 404, 200, 403)),
    ("PATCH", "/api/v1/users/{person}", {}, (401, 401, 404, 404, 200, 404, 200, 403)),
    ("DELETE", "/api/v1/users/{person}", None, (401, 401, 404, 404, 403, 404, 200, 403)),
    ("GET", "/api/v1/tokens", None, (401, 401, 200, 200, 200, 200, 200, 403)),
    ("POST", "/api/v1/tokens", {}, (401, 401, 422, 422, 422, 422, 422, 403)),
    ("GET", "/api/v1/tokens/{token}", None, (401, 401, 404, 404, 200, 404, 200, 403)),
    ("DELETE", "/api/v1/tokens/{token}", None, (401, 401, 404, 404, 200, 404, 200, 403)),
    ("GET", "/api/teams", None, (401, 401, 200, 200, 200, 200, 200, 403)),
    ("POST", "/api/teams", {}, (401, 401, 422, 403, 422, 422, 422, 403)),
    ("GET", "/api/teams/{team}", None, (401, 401, 404, 404, 200, 200, 200, 403)),
    ("GET", "/api/teams/{team}/members", None, (401, 401, 404, 404, 200, 200, 200, 403)),
    ("POST", "/api/teams/{team}/members", {}, (401, 401, 404, 403, 403, 422, 422, 403)),
    ("PATCH", "/api/teams/{team}/members/{person}", {}, (401, 401, 404, 403, 403, 200, 200, 403)),
    ("DELETE", "/api/teams/{team}/members/{other}", None, (401, 401, 404, 403, 403, 204, 204, 403)),
    ("POST", "/api/v1/auth/login", {}, (422, 422, 422, 422, 422, 422, 422, 422)),
    ("POST", "/api/v1/auth/refresh", {}, (422, 422, 422, 422, 422, 422, 422, 422)),
    ("POST", "/api/token", {}, (422, 422, 422, 422, 422, 422, 422, 422)),
    ("POST", "/api/token/refresh", {}, (422, 422, 422, 422, 422, 422, 422, 422)),
    ("POST", "/api/v1/auth/logout", {}, (401, 401, 403, 403, 403, 403, 403, 403)),
    ("GET", "/health", None, (200, 200, 200, 200, 200, 200, 200, 200)),
    ("GET", "/.well-known/keys.json", None, (200, 200, 200, 200, 200, 200, 200, 200)),
]


@pytest.mark.parametrize(("method", "path", "body", "expected"), TABLE, ids=[f"{row[0]} {row[1]}" for row in TABLE])
def test_each_caller_gets_what_the_table_says(method: str, path: str, body: object, expected: tuple[int, ...]) -> None:
    got = {caller: ask(caller, method, path, body) for caller in CALLERS}

    assert got == dict(zip(CALLERS, expected, strict=True))


def ask(caller: str, method: str, path: str, body: object) -> int:
    """Return the status that ``caller`` gets in a world of their own."""
    Membership.objects.all().delete()
    ServiceToken.objects.all().delete()
    Team.objects.all().delete()
    User.objects.filter(role="admin").delete()
    owner, person, other = make_person(password=None), make_person(password=None), make_person(password=None)
    team = make_team(owner=owner, scientist=person, qa=other)
    token, _ = make_token(person)
    callers = {"member": person, "owner": owner}
    if caller in ("nobody", "wrong"):
        client = APIClient()
        if caller == "wrong":
            client.credentials(HTTP_AUTHORIZATION="Bearer wrong")
    elif caller == "admin":
        make_admin(password=None)
        client = client_of(make_admin(password=None))
    elif caller == "viewer":
        client = client_of(make_person("viewer", password=None))
    elif caller == "scoped":
        client = client_of(person, scopes=["sessions:read"])
    else:
        client = client_of(callers.get(caller) or make_person(password=None))
    address = path.format(person=person.public_id, other=other.public_id, team=team.public_id, token=token.public_id)
    return int(client.generic(method, address, b"" if body is None else b"{}", "application/json").status_code)
