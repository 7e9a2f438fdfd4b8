"""Signing in by e-mail, going on, signing out; and what guessing comes to."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import jwt as pyjwt
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from biolab.accounts.auth import jwt
from biolab.accounts.models import SignIn, User
from biolab.accounts.services import sign_in
from biolab.kernel.errors import Unauthenticated
from biolab.kernel.models import SecurityEntry
from tests.factories.accounts import NINE, PASSWORD, make_person, make_token

pytestmark = pytest.mark.django_db


def login(email: str, password: str = PASSWORD, **extra: Any) -> Any:
    return APIClient().post("/api/v1/auth/login", {"email": email, "password": password}, format="json", **extra)


def bearer(access: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return client


def kinds() -> list[str]:
    return list(SecurityEntry.objects.order_by("sequence").values_list("kind", flat=True))


@pytest.mark.parametrize("spelling", ["anna@biolab.example", "ANNA@BioLab.example", "  anna@biolab.example "])
def test_signing_in_answers_in_the_agreed_shape_however_the_address_is_spelt(spelling: str) -> None:
    anna = make_person(email="Anna@biolab.example", username="anna")

    answer = login(spelling)

    told = answer.json()
    assert answer.status_code == 200
    assert set(told) == {
        *("status", "message", "access_token", "refresh_token", "token_type", "public_id", "username"),
    }
    assert (told["status"], told["token_type"], told["username"]) == ("success", "bearer", "anna")
    assert told["public_id"] == anna.public_id
    assert answer.headers["Cache-Control"] == "no-store"
    me = bearer(told["access_token"]).get("/api/v1/auth/me").json()
    assert {"public_id", "email", "username", "admin", "role", "registered_on"} <= set(me)
    assert kinds() == ["sign_in.succeeded"]


def test_access_tokens_carry_their_id_issuer_and_audience_and_run_out_in_fifteen_minutes() -> None:
    make_person(email="anna@biolab.example")

    claims = pyjwt.decode(login("anna@biolab.example").json()["access_token"], options={"verify_signature": False})

    assert claims["jti"] and claims["sid"]
    assert (claims["iss"], claims["aud"], claims["token_type"]) == ("biolab", "biolab", "access")
    assert claims["exp"] - claims["iat"] == 15 * 60


def test_unknown_wrong_and_ended_accounts_get_one_answer() -> None:
    make_person(email="anna@biolab.example")
    ended = make_person(email="ended@biolab.example")
    User.objects.filter(pk=ended.pk).update(is_active=False)

    answers = [login("nobody@biolab.example"), login("anna@biolab.example", "wrong"), login("ended@biolab.example")]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert not SignIn.objects.exists()
    assert kinds() == ["sign_in.refused"] * 3
    assert "nobody" not in "".join(entry.canonical for entry in SecurityEntry.objects.all())


@pytest.mark.parametrize("body", [{}, {"email": "a@b.example"}, {"email": 1, "password": []}, [], "text", None, 7])
def test_a_body_that_is_no_sign_in_is_422(body: Any) -> None:
    assert APIClient().post("/api/v1/auth/login", body, format="json").status_code == 422
    assert not SecurityEntry.objects.exists()


def test_the_sixth_guess_at_an_account_is_not_even_looked_at() -> None:
    make_person(email="anna@biolab.example")

    guesses = [login("anna@biolab.example", "wrong", REMOTE_ADDR=f"192.0.2.{number}") for number in range(5)]
    right = login("anna@biolab.example", REMOTE_ADDR="192.0.2.9")

    assert right.status_code == 401
    assert right.content == guesses[0].content
    assert not SignIn.objects.exists()
    later = timezone.now() + timedelta(minutes=15, seconds=1)
    pair = sign_in.sign_in(email="anna@biolab.example", password=PASSWORD, address="192.0.2.9", at=later)
    assert pair.person.email == "anna@biolab.example"


def test_a_good_sign_in_forgets_the_guesses_before_it() -> None:
    make_person(email="anna@biolab.example")

    for _ in range(3):
        for _ in range(4):
            login("anna@biolab.example", "wrong")
        assert login("anna@biolab.example").status_code == 200


def test_unknown_accounts_are_locked_like_known_ones() -> None:
    for _ in range(5):
        login("nobody@biolab.example")

    with pytest.raises(Unauthenticated):
        sign_in.check_password(email="nobody@biolab.example", password="x", address="", at=timezone.now())

    assert kinds().count("sign_in.refused") == 5


def test_an_address_tries_sixty_times_a_minute_and_is_told_to_wait() -> None:
    for number in range(60):
        with pytest.raises(Unauthenticated):
            sign_in.check_password(email=f"{number}@x.example", password="x", address="192.0.2.1", at=timezone.now())

    answer = login("anna@biolab.example", REMOTE_ADDR="192.0.2.1")
    elsewhere = login("anna@biolab.example", REMOTE_ADDR="192.0.2.2")

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert elsewhere.status_code == 401


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, 10.0.0.5", "203.0.113.9"),
        ("127.0.0.1", "", "127.0.0.1"),
    ],
)
def test_only_trusted_proxies_are_believed_about_where_a_request_came_from(
    remote: str, forwarded: str, address: str, rf: Any, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.5"]

    request = rf.get("/", REMOTE_ADDR=remote, headers={"X-Forwarded-For": forwarded})

    assert sign_in.client_address(request) == address


def test_signing_out_ends_the_access_and_the_refresh_token_at_once() -> None:
    make_person(email="anna@biolab.example")
    told = login("anna@biolab.example").json()
    client = bearer(told["access_token"])

    out = client.post("/api/v1/auth/logout")

    assert (out.status_code, out.json()["status"]) == (200, "success")
    assert client.get("/api/v1/auth/me").status_code == 401
    again = APIClient().post("/api/v1/auth/refresh", {"refresh_token": told["refresh_token"]}, format="json")
    assert again.status_code == 401
    assert kinds()[-1] == "sign_in.ended"


def test_signing_out_of_one_device_leaves_the_others() -> None:
    make_person(email="anna@biolab.example")
    one, two = login("anna@biolab.example").json(), login("anna@biolab.example").json()

    bearer(one["access_token"]).post("/api/v1/auth/logout")

    assert bearer(two["access_token"]).get("/api/v1/auth/me").status_code == 200


@pytest.mark.parametrize(
    ("path", "sent", "access", "refresh"),
    [
        ("/api/v1/auth/refresh", "refresh_token", "access_token", "refresh_token"),
        ("/api/token/refresh", "refresh", "access", "refresh"),
    ],
)
def test_refreshing_gives_the_next_pair_and_a_second_use_ends_the_family(
    path: str, sent: str, access: str, refresh: str
) -> None:
    make_person(email="anna@biolab.example")
    first = login("anna@biolab.example").json()

    second = APIClient().post(path, {sent: first["refresh_token"]}, format="json")
    stolen = APIClient().post(path, {sent: first["refresh_token"]}, format="json")

    assert second.status_code == 200
    assert (stolen.status_code, stolen.json()["code"]) == (401, "token_reused")
    assert bearer(second.json()[access]).get("/api/v1/auth/me").status_code == 401
    assert APIClient().post(path, {sent: second.json()[refresh]}, format="json").status_code == 401
    assert kinds()[-1] == "sign_in.token_reused"


def test_the_plain_pair_is_given_under_the_same_gates() -> None:
    make_person(email="anna@biolab.example")
    body = {"email": "anna@biolab.example", "password": PASSWORD}

    pair = APIClient().post("/api/token", body, format="json")

    assert set(pair.json()) == {"access", "refresh"}
    assert bearer(pair.json()["access"]).get("/api/v1/auth/me").status_code == 200
    for _ in range(5):
        APIClient().post("/api/token", {**body, "password": "wrong"}, format="json")
    assert APIClient().post("/api/token", body, format="json").status_code == 401


def forged(**changes: Any) -> str:
    """Return an access token of a living sign-in with some claims or the key changed."""
    family = SignIn.objects.create(user=make_person(), created_at=NINE, refresh_jti="j")
    claims = pyjwt.decode(jwt.access_for(family), options={"verify_signature": False})
    key = changes.pop("key", settings.SIMPLE_JWT["SIGNING_KEY"])
    algorithm = changes.pop("algorithm", "HS256")
    return pyjwt.encode({**claims, **changes}, key, algorithm)


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "another key of some length, another key of some length"},
        {"exp": int(time.time()) - 10},
        {"iss": "somebody"},
        {"aud": "somewhere"},
        {"token_type": "refresh"},
        {"sid": "0" * 32},
        {"sid": "x"},
        {"sid": 7},
        {"key": "", "algorithm": "none"},
    ],
)
def test_a_token_that_is_not_exactly_ours_is_refused(changes: dict[str, Any]) -> None:
    answer = bearer(forged(**changes)).get("/api/v1/auth/me")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_same_token_unchanged_is_accepted() -> None:
    assert bearer(forged()).get("/api/v1/auth/me").status_code == 200


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer a b", "Token", "Digest x", "Basic !!", "Bearer \x7f", "x"]
)
def test_nonsense_in_the_header_is_401_and_no_crash(header: str) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=header)

    assert client.get("/api/v1/auth/me").status_code == 401


def test_pages_and_admin_sign_in_through_the_same_gates(client: Client) -> None:
    admin = make_person("admin", email="root@biolab.example", is_staff=True, is_superuser=True)
    form = {"username": "root@biolab.example", "password": "wrong"}

    for _ in range(5):
        client.post("/admin/login/", form)
    locked = client.post("/admin/login/", {**form, "password": PASSWORD})

    assert locked.status_code == 200
    assert "_auth_user_id" not in client.session
    assert kinds().count("sign_in.refused") == 5
    assert admin.check_password(PASSWORD)


def test_the_session_cookie_reads_and_needs_the_csrf_token_to_write() -> None:
    person = make_person()
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(person)

    read = client.get("/api/v1/auth/me")
    write = client.post("/api/teams", {"name": "T"}, format="json")

    assert read.status_code == 200
    assert (write.status_code, write.headers["Content-Type"]) == (403, "application/problem+json")


def test_a_sign_in_takes_few_questions_to_the_database(django_assert_num_queries: Any) -> None:
    make_person(email="anna@biolab.example")
    access = login("anna@biolab.example").json()["access_token"]

    with django_assert_num_queries(1):
        bearer(access).get("/api/v1/auth/me")


def test_no_secret_reaches_the_log(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    make_person(email="anna@biolab.example")
    caplog.set_level("DEBUG")

    told = login("anna@biolab.example").json()
    login("anna@biolab.example", "a wrong password")
    bearer(told["access_token"]).get("/api/v1/auth/me")
    _, secret = make_token(make_person())
    shown = [secret, told["access_token"]]
    for text in shown:
        APIClient().get(f"/api/v1/auth/me?token={text}")
        APIClient().get(f"/api/v1/{text}/nothing?p={text}")

    written = caplog.text + "".join(capsys.readouterr())
    assert "logged in" in written
    assert "GET /api/v1/auth/me?token=…" in written
    for text in (PASSWORD, "a wrong password", told["refresh_token"], *shown):
        assert text not in written
