"""Credentials of REST requests, for Django REST framework."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from biolab.accounts.auth.identity import SECRET_PREFIX, identify
from biolab.accounts.models import User
from biolab.accounts.services.bench import open_bench_person
from biolab.kernel.errors import Unauthenticated

QUERY_NAMES = ("token", "p")
CHALLENGE = 'Bearer realm="biolab"'


def split_authorization(header: str) -> tuple[str, str]:
    """Return (scheme in lower case, the rest) of an ``Authorization`` header."""
    scheme, _, rest = header.strip().partition(" ")
    return scheme.lower(), rest.strip()


def basic_password(encoded: str) -> str:
    """Return the password of HTTP Basic credentials; empty where they cannot be read."""
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


class JWTAuth(BaseAuthentication):
    """``Authorization: Bearer <access token>``; signature, expiry, sign-in and person are checked on every request."""

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        scheme, text = split_authorization(request.headers.get("Authorization", ""))
        if scheme != "bearer" or text.startswith(SECRET_PREFIX):
            return None
        identity = identify(text, at=timezone.now())
        return identity.person, identity.credential

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class ServiceTokenAuth(BaseAuthentication):
    """A service token: ``Token bl_…``, ``Bearer bl_…``, the password of HTTP Basic, ``?token=`` or ``?p=``."""

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        scheme, text = split_authorization(request.headers.get("Authorization", ""))
        if scheme == "basic":
            text = basic_password(text)
        elif not scheme:
            text = next((request.GET[name] for name in QUERY_NAMES if request.GET.get(name)), "")
            if not text.startswith(SECRET_PREFIX):
                return None  # another door's query value, or nothing at all
        elif scheme not in ("token", "bearer"):
            raise Unauthenticated("This kind of Authorization is not known here.", code="unknown_scheme")
        if not text.startswith(SECRET_PREFIX):
            raise Unauthenticated("Only a service token is accepted here.", code="token_not_valid")
        identity = identify(text, at=timezone.now())
        return identity.person, identity.credential

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class SessionAuth(SessionAuthentication):
    """The pages' session cookie, with CSRF on everything that writes."""

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class OpenBenchAuth(BaseAuthentication):
    """On a closed bench (``BIOLAB_OPEN_BENCH=1``) whoever shows nothing is the bench's named operator."""

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        if not settings.OPEN_BENCH:
            return None
        return open_bench_person(at=timezone.now()), None
