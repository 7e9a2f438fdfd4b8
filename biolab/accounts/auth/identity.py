"""Who is asking, on the strength of what, and whether that still holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from biolab.accounts.auth import jwt
from biolab.accounts.models import ServiceToken, SignIn, User
from biolab.kernel.errors import Unauthenticated

SECRET_PREFIX: Final = "bl_"  # noqa: S105  how every secret begins


@dataclass(frozen=True)
class Identity:
    """A person, what stands for them, and a question to ask again while a connection lives.

    ``credential`` is the ServiceToken or SignIn, or None for the pages' session and an open bench. ``holds(at)`` asks
    the database (one query) whether the credential is still good at that time.
    """

    person: User
    credential: ServiceToken | SignIn | None
    holds: Callable[[datetime], bool]


def identify(text: str, *, at: datetime) -> Identity:
    """Return whom a service token (``bl_…``) or an access token stands for.

    Raises:
        Unauthenticated: unknown, expired or revoked, or its person is no longer active.
    """
    if text.startswith(SECRET_PREFIX):
        return _by_service_token(text, at=at)
    sign_in_id, _ = jwt.read(jwt.AccessToken, text)
    return _by_sign_in(sign_in_id)


def secret_digest(secret: str) -> str:
    """Return what is kept of a service token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _by_service_token(secret: str, *, at: datetime) -> Identity:
    token = ServiceToken.objects.select_related("owner").filter(digest=secret_digest(secret)).first()
    if token is None or not token.is_good(at) or not token.owner.is_active:
        raise Unauthenticated("This token is unknown, expired or revoked.", code="token_not_valid")
    person = token.owner
    person.credential = token
    key = token.pk

    def holds(at: datetime) -> bool:
        row = ServiceToken.objects.filter(pk=key, owner__is_active=True).first()
        return row is not None and row.is_good(at)

    return Identity(person, token, holds)


def _by_sign_in(key: UUID) -> Identity:
    sign_in = SignIn.objects.select_related("user").filter(pk=key, revoked_at=None, user__is_active=True).first()
    if sign_in is None:
        raise Unauthenticated("This sign-in has ended.", code="token_revoked")

    def holds(_at: datetime) -> bool:
        return SignIn.objects.filter(pk=key, revoked_at=None, user__is_active=True).exists()

    return Identity(sign_in.user, sign_in, holds)
