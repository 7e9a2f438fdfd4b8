"""Access and refresh tokens: simplejwt underneath, one sign-in (family) behind every pair."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token

from biolab.accounts.models import SignIn
from biolab.kernel.errors import Unauthenticated

SIGN_IN_CLAIM = "sid"


class AccessToken(Token):
    """Good for some minutes, and only while its sign-in is."""

    token_type = "access"  # noqa: S105  a kind, no password
    lifetime = api_settings.ACCESS_TOKEN_LIFETIME


class RefreshToken(Token):
    """Good once: refreshing gives the next one, and a second use ends the whole sign-in."""

    token_type = "refresh"  # noqa: S105  a kind, no password
    lifetime = api_settings.REFRESH_TOKEN_LIFETIME


def access_for(sign_in: SignIn) -> str:
    """Return a new access token of the sign-in."""
    return str(_of(AccessToken(), sign_in))


def refresh_for(sign_in: SignIn, jti: str) -> str:
    """Return the refresh token of the sign-in whose id is ``jti``."""
    token = _of(RefreshToken(), sign_in)
    token["jti"] = jti
    return str(token)


def _of(token: Token, sign_in: SignIn) -> Token:
    token[api_settings.USER_ID_CLAIM] = str(sign_in.user_id)
    token[SIGN_IN_CLAIM] = sign_in.pk.hex
    return token


def read(kind: type[Token], text: str) -> tuple[UUID, str]:
    """Return (the sign-in's key, the token's own id) of a token that is signed by us, of this kind and not expired.

    Raises:
        Unauthenticated: it is not.
    """
    try:
        token = kind(cast(Any, text))  # the stubs want a Token, the library reads the text
        return UUID(hex=str(token[SIGN_IN_CLAIM])), str(token["jti"])
    except (TokenError, KeyError, ValueError, TypeError):
        raise Unauthenticated("This token is not valid or has expired.", code="token_not_valid") from None
