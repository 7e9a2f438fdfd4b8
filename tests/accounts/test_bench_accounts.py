"""The first administrator, and a bench that is open."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from biolab.accounts.auth import authenticate_scope
from biolab.accounts.models import Team, User
from tests.factories.accounts import make_person

pytestmark = pytest.mark.django_db


def ensured() -> str:
    out = StringIO()
    call_command("ensure_admin", stdout=out)
    return out.getvalue()


def test_the_first_administrator_comes_from_the_settings_and_owns_the_default_team(settings: Any) -> None:
    settings.INITIAL_ADMIN_EMAIL = "Root@BioLab.example"
    settings.INITIAL_ADMIN_USERNAME = "Root"
    settings.INITIAL_ADMIN_PASSWORD = "a given password"

    told = ensured()

    admin = User.objects.get()
    assert (admin.email, admin.username, admin.is_admin, admin.is_staff) == ("root@biolab.example", "Root", True, True)
    assert admin.check_password("a given password")
    assert "a given password" not in told
    assert Team.objects.get(name="Main lab").memberships.get(user=admin, provisional=False).role == "owner"


def test_a_password_is_made_and_printed_once_where_none_is_given(settings: Any) -> None:
    settings.INITIAL_ADMIN_PASSWORD = ""

    first, second = ensured(), ensured()

    password = first.split("once): ")[1].strip()
    assert User.objects.get().check_password(password)
    assert second == ""


def test_nothing_happens_where_anybody_is(settings: Any) -> None:
    make_person()

    assert ensured() == ""
    assert User.objects.count() == 1


def test_an_address_that_is_none_is_told_and_makes_nobody(settings: Any) -> None:
    settings.INITIAL_ADMIN_EMAIL = "no address"

    with pytest.raises(CommandError, match="email"):
        ensured()

    assert not User.objects.exists()


def test_an_open_bench_acts_as_one_named_operator_whom_everyone_sees(settings: Any) -> None:
    settings.OPEN_BENCH = True

    answers = [APIClient().get("/api/v1/auth/me") for _ in range(2)]

    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].json()["username"] == "Open bench"
    assert answers[0].json()["role"] == "operator"
    assert User.objects.count() == 1
    assert authenticate_scope({"headers": [], "query_string": b""}).person == User.objects.get()


def test_a_wrong_credential_is_refused_on_an_open_bench_too(settings: Any) -> None:
    settings.OPEN_BENCH = True

    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Token bl_wrong")

    assert client.get("/api/v1/auth/me").status_code == 401


def test_a_bench_is_closed_unless_it_is_opened() -> None:
    assert APIClient().get("/api/v1/auth/me").status_code == 401
    assert not User.objects.exists()


def test_nobody_signs_in_as_the_open_bench(settings: Any) -> None:
    settings.OPEN_BENCH = True
    APIClient().get("/api/v1/auth/me")

    for password in ("", "!", "password"):
        body = {"email": "open-bench@biolab.invalid", "password": password}
        assert APIClient().post("/api/v1/auth/login", body, format="json").status_code in (401, 422)
