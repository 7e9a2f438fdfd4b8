"""Who opens a socket, by which credential, and whether they may stay."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from biolab.accounts.auth import authenticate_scope, bearer_protocol
from biolab.accounts.models import User
from biolab.accounts.services import sign_in
from biolab.accounts.services.people import deactivate_person
from biolab.accounts.services.tokens import revoke_token
from biolab.kernel.errors import Forbidden, Unauthenticated
from tests.factories.accounts import PASSWORD, make_person, make_token

pytestmark = pytest.mark.django_db


def scope(*, query: str = "", protocols: tuple[str, ...] = (), **headers: str) -> dict[str, Any]:
    """Return an ASGI scope of a socket to ``lab.example``."""
    headers = {"host": "lab.example", **headers}
    return {
        "type": "websocket",
        "query_string": query.encode(),
        "subprotocols": list(protocols),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }


def cookie_of(person: User) -> str:
    client = Client()
    client.force_login(person)
    return "theme=dark; " + f"biolab_session={client.session.session_key}"


def now() -> datetime:
    return datetime.now(UTC)


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(f"x:{secret}".encode()).decode()


@pytest.mark.parametrize("way", ["query", "p", "bearer", "token", "basic", "protocol", "frame"])
def test_a_service_token_opens_a_socket_in_every_way(way: str) -> None:
    token, secret = make_token(make_person())
    scopes = {
        "query": scope(query=f"after=3&token={secret}"),
        "p": scope(query=f"p={secret}"),
        "bearer": scope(authorization=f"Bearer {secret}"),
        "token": scope(authorization=f"Token {secret}"),
        "basic": scope(authorization=basic(secret)),
        "protocol": scope(protocols=("json", f"bearer.{secret}")),
        "frame": scope(),
    }
    frame = {"type": "auth", "token": secret} if way == "frame" else None

    identity = authenticate_scope(scopes[way], frame)

    assert identity.person == token.owner
    assert identity.credential == identity.person.credential == token
    assert identity.holds(now())


@pytest.mark.parametrize("way", ["query", "bearer", "protocol", "frame"])
def test_an_access_token_opens_a_socket_and_outlives_its_expiry_while_the_sign_in_lives(way: str) -> None:
    person = make_person()
    pair = sign_in.sign_in(email=person.email, password=PASSWORD, address="", at=now())
    opened = {
        "query": scope(query=f"token={pair.access}"),
        "bearer": scope(authorization=f"Bearer {pair.access}"),
        "protocol": scope(protocols=(f"bearer.{pair.access}",)),
        "frame": scope(),
    }[way]

    identity = authenticate_scope(opened, {"type": "auth", "token": pair.access} if way == "frame" else None)

    assert identity.person == person
    assert identity.holds(now() + timedelta(hours=5))


def test_signing_out_revoking_expiring_and_deactivating_end_the_stay() -> None:
    anna, bo = make_person(), make_person()
    pair = sign_in.sign_in(email=anna.email, password=PASSWORD, address="", at=now())
    by_sign_in = authenticate_scope(scope(query=f"token={pair.access}"))
    token, secret = make_token(bo, expires_at=now() + timedelta(minutes=5))
    by_token = authenticate_scope(scope(query=f"token={secret}"))
    by_cookie = authenticate_scope(scope(cookie=cookie_of(bo), origin="https://lab.example"))

    assert by_token.holds(now())
    assert not by_token.holds(now() + timedelta(minutes=6))
    sign_in.sign_out(family=by_sign_in.credential, at=now())  # type: ignore[arg-type]
    revoke_token(token=token, by=bo, at=now())
    assert not by_sign_in.holds(now())
    assert not by_token.holds(now())
    assert by_cookie.holds(now())
    deactivate_person(person=bo, by=None, at=now())
    assert not by_cookie.holds(now())


def test_logging_out_of_the_pages_ends_the_sockets_of_that_browser() -> None:
    person, client = make_person(), Client()
    client.force_login(person)
    cookie = f"biolab_session={client.session.session_key}"
    identity = authenticate_scope(scope(cookie=cookie, origin="https://lab.example"))

    client.logout()

    assert not identity.holds(now())


@pytest.mark.parametrize("origin", ["https://evil.example", "https://lab.example.evil.example", "null", ""])
def test_a_cookie_from_a_foreign_or_unnamed_origin_opens_nothing(origin: str) -> None:
    headers = {"origin": origin} if origin else {}

    with pytest.raises(Forbidden):
        authenticate_scope(scope(cookie=cookie_of(make_person()), **headers))


@pytest.mark.parametrize("origin", ["https://lab.example", "http://lab.example", "https://trusted.example"])
def test_a_cookie_from_our_own_pages_opens_a_socket(origin: str, settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://trusted.example"]
    person = make_person()

    assert authenticate_scope(scope(cookie=cookie_of(person), origin=origin)).person == person


def test_a_cookie_opens_polling_without_an_origin_but_not_with_a_foreign_one() -> None:
    person = make_person()
    own = scope(cookie=cookie_of(person)) | {"type": "http", "method": "GET"}
    foreign = scope(cookie=cookie_of(person), origin="https://evil.example") | {"type": "http", "method": "GET"}

    assert authenticate_scope(own).person == person
    with pytest.raises(Forbidden):
        authenticate_scope(foreign)


def test_the_open_bench_is_not_open_to_pages_of_other_sites(settings: Any) -> None:
    settings.OPEN_BENCH = True
    settings.CORS_ALLOWED_ORIGINS = ["https://slides.example"]

    for welcome in (scope(), scope(origin="https://lab.example"), scope(origin="https://slides.example")):
        assert authenticate_scope(welcome).credential is None
    for origin in ("https://evil.example", "null"):
        with pytest.raises(Forbidden):
            authenticate_scope(scope(origin=origin))


def test_instruments_send_no_origin_and_are_fine() -> None:
    _, secret = make_token(make_person())

    assert authenticate_scope(scope(authorization=f"Token {secret}", origin="https://elsewhere.example"))


@pytest.mark.parametrize(
    "opened",
    [
        scope(),
        scope(query="token=nonsense"),
        scope(query="token=bl_unknown"),
        scope(query="token=%ff%00"),
        scope(authorization="Bearer"),
        scope(authorization="Bearer x"),
        scope(authorization="Basic %%%"),
        scope(protocols=("bearer.",)),
        scope(protocols=("bearer.x.y.z",)),
        scope(cookie="biolab_session=unknown", origin="https://lab.example"),
        scope(cookie=";;;=", origin="https://lab.example"),
    ],
)
def test_nothing_that_holds_is_unauthenticated(opened: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        authenticate_scope(opened)


@pytest.mark.parametrize("frame", [{}, {"type": "auth"}, {"type": "auth", "token": 7}, {"type": "hello", "token": "x"}])
def test_a_first_frame_that_shows_nothing_is_unauthenticated(frame: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        authenticate_scope(scope(), frame)


def test_a_session_made_before_the_password_changed_opens_nothing() -> None:
    person = make_person()
    cookie = cookie_of(person)
    person.set_password("another good one")
    person.save(update_fields=["password"])

    with pytest.raises(Unauthenticated):
        authenticate_scope(scope(cookie=cookie, origin="https://lab.example"))


def test_a_forged_session_row_without_the_hash_opens_nothing() -> None:
    store = SessionStore()
    store[SESSION_KEY] = str(make_person().pk)
    store[HASH_SESSION_KEY] = "x"
    store.create()

    with pytest.raises(Unauthenticated):
        authenticate_scope(scope(cookie=f"biolab_session={store.session_key}", origin="https://lab.example"))


def test_the_protocol_to_accept_is_the_one_that_carried_the_token() -> None:
    assert bearer_protocol(scope(protocols=("json", "bearer.abc"))) == "bearer.abc"
    assert bearer_protocol(scope(protocols=("json",))) is None
