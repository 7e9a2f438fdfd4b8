"""Credentials of sockets: query, header, sub-protocol, first frame, or the pages' session with its Origin."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.utils import timezone

from biolab.accounts.auth.identity import Identity, identify
from biolab.accounts.auth.rest import QUERY_NAMES, basic_password, split_authorization
from biolab.accounts.models import User
from biolab.accounts.services.bench import open_bench_person
from biolab.kernel.errors import Forbidden, Unauthenticated

BEARER_PROTOCOL: Final = "bearer."


def authenticate_scope(scope: Mapping[str, Any], first_frame: Mapping[str, Any] | None = None) -> Identity:
    """Return who opened the socket; asks the database, so call it through ``database_sync_to_async``.

    Tried in this order: ``first_frame`` ({"type": "auth", "token"}), ``?token=``/``?p=``, the ``Authorization`` header,
    the sub-protocol ``bearer.<token>`` (accept the socket with it then), the session cookie, the open bench.

    Raises:
        Unauthenticated: nothing of these, or it does not hold; close with 4401 (1008 on the controllers' paths).
        Forbidden: a page of a foreign Origin came with a session cookie, or to the open bench; close with 4403.
    """
    now = timezone.now()
    text = _shown(scope, first_frame)
    if text:
        return identify(text, at=now)
    identity = _by_cookie(scope)
    if identity is not None:
        return identity
    if settings.OPEN_BENCH:
        if _header(scope, b"origin") and not is_known_origin(scope):
            raise Forbidden("This page may not open a socket here.", code="foreign_origin")
        return Identity(open_bench_person(at=now), None, _always)
    raise Unauthenticated("Show a token or sign in first.")


def bearer_protocol(scope: Mapping[str, Any]) -> str | None:
    """Return the sub-protocol that carried the token, which the server has to accept by name."""
    offered: list[str] = scope.get("subprotocols", [])
    return next((name for name in offered if name.startswith(BEARER_PROTOCOL)), None)


def _shown(scope: Mapping[str, Any], first_frame: Mapping[str, Any] | None) -> str:
    """Return the token that was shown, or nothing."""
    if first_frame is not None:
        token = first_frame.get("token")
        return token if isinstance(token, str) and first_frame.get("type") == "auth" else ""
    query: dict[str, list[str]] = parse_qs(scope.get("query_string", b"").decode("ascii", "replace"))
    for name in QUERY_NAMES:
        if query.get(name, [""])[0]:
            return query[name][0]
    scheme, text = split_authorization(_header(scope, b"authorization"))
    if scheme in ("bearer", "token"):
        return text
    if scheme == "basic":
        return basic_password(text)
    protocol = bearer_protocol(scope) or ""
    return protocol.removeprefix(BEARER_PROTOCOL)


def _by_cookie(scope: Mapping[str, Any]) -> Identity | None:
    try:
        cookie = SimpleCookie(_header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None
    person = _session_person(cookie.value) if cookie is not None else None
    if person is None or cookie is None:
        return None
    if not is_own_origin(scope):
        raise Forbidden("This page may not open a socket here.", code="foreign_origin")
    key = cookie.value

    def holds(_at: datetime) -> bool:
        return _session_person(key) == person

    return Identity(person, None, holds)


def _session_person(session_key: str) -> User | None:
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    person = get_user(request)
    return person if isinstance(person, User) and person.is_active else None


def is_known_origin(scope: Mapping[str, Any]) -> bool:
    """Tell whether the page is our own, or of a site that ``CORS_ORIGINS`` names."""
    return _header(scope, b"origin") in settings.CORS_ALLOWED_ORIGINS or is_own_origin(scope)


def is_own_origin(scope: Mapping[str, Any]) -> bool:
    """Tell whether the browser says that one of our own pages (or a trusted site) opens the socket.

    Every WebSocket of a page says where it comes from. A GET by HTTP, with which polling begins, does so only where
    another site's page could read the answer.
    """
    origin = _header(scope, b"origin")
    if not origin:
        return bool(scope.get("type") == "http")
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    return urlsplit(origin).netloc.lower() == _header(scope, b"host").lower()


def _header(scope: Mapping[str, Any], name: bytes) -> str:
    value: bytes = next((value for key, value in scope.get("headers", ()) if key.lower() == name), b"")
    return value.decode("latin-1")


def _always(_at: datetime) -> bool:
    return True
