"""People, their teams and tokens, and clients that speak for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from rest_framework.test import APIClient

from biolab.accounts.models import Membership, ServiceToken, Team, User
from biolab.accounts.roles import PlatformRole, Role
from biolab.accounts.services.tokens import issue_token

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PASSWORD = "a long enough password"
_numbers = count(1)


def make_person(role: str = PlatformRole.OPERATOR, password: str | None = PASSWORD, **fields: Any) -> User:
    """Return a new person; an administrator with the rights of one."""
    number = next(_numbers)
    fields = {"username": f"somebody{number}", "email": f"somebody{number}@biolab.example", **fields}
    if role == PlatformRole.ADMIN:
        fields |= {"is_staff": True, "is_superuser": True}
    return User.objects.create_user(fields.pop("email"), password, role=role, **fields)


def make_admin(**fields: Any) -> User:
    """Return a new administrator."""
    return make_person(PlatformRole.ADMIN, **fields)


def make_team(name: str = "Fermentation", **members: User) -> Team:
    """Return a new team whose members are named by their role: ``make_team(owner=anna, qa=bo)``."""
    team = Team.objects.create(name=name)
    for role, person in members.items():
        Membership.objects.create(team=team, user=person, role=Role(role))
    return team


def make_token(owner: User, **fields: Any) -> tuple[ServiceToken, str]:
    """Return a new service token of the owner and its secret; of now, unless ``at`` says otherwise."""
    fields = {"name": "probe", "at": datetime.now(UTC) - timedelta(seconds=1), **fields}
    return issue_token(owner=owner, by=None, **fields)


def client_of(person: User, **token: Any) -> APIClient:
    """Return a client that speaks for the person by a service token."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {make_token(person, **token)[1]}")
    return client
