"""Signing in, going on, signing out."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final, NoReturn
from uuid import uuid4

import structlog
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.http import HttpRequest

from biolab.accounts import ports
from biolab.accounts.auth import jwt
from biolab.accounts.models import SignIn, User
from biolab.kernel import security
from biolab.kernel.errors import TooMany, Unauthenticated
from biolab.kernel.realtime import person_topic, ring

log = structlog.get_logger(__name__)

PER_ADDRESS: Final = security.Limit(
    "sign_in_address", tries=settings.SIGN_IN_ATTEMPTS_PER_MINUTE, window=timedelta(minutes=1)
)
PER_ACCOUNT: Final = security.Limit(
    "sign_in_account",
    tries=settings.SIGN_IN_FAILURES_ALLOWED,
    window=settings.SIGN_IN_FAILURE_WINDOW,
    lock=settings.SIGN_IN_FAILURE_WINDOW,
)
REFUSED: Final = "E-mail and password do not match an account, or the account is locked for a while."

# Good sign-ins of one account that arrive together wait for each other instead of filling its gate.
_turns: Final = [threading.Lock() for _ in range(64)]


@dataclass(frozen=True)
class Pair:
    """What a sign-in hands out."""

    person: User
    access: str
    refresh: str


def sign_in(*, email: str, password: str, address: str, at: datetime) -> Pair:
    """Check the password and start a new family of tokens.

    Raises:
        Unauthenticated: one answer for an unknown account, a wrong password and a locked account.
        TooMany: too many tries from this address.
    """
    person = check_password(email=email, password=password, address=address, at=at)
    with transaction.atomic():
        family = SignIn.objects.create(user=person, created_at=at, last_seen_at=at, refresh_jti=uuid4().hex)
    log.info("logged in", person=person.public_id, name=person.username)
    return _pair(person, family)


def check_password(*, email: str, password: str, address: str, at: datetime) -> User:
    """Return the active person with this e-mail and password, behind both gates and in the time of one hash.

    Raises:
        Unauthenticated: as for ``sign_in``.
        TooMany: too many tries from this address.
    """
    security.pass_or_refuse(PER_ADDRESS, address, at=at)
    folded = email.strip().casefold()
    with _turns[hash(folded) % len(_turns)]:
        person = User.objects.filter(email=folded, is_active=True).first()
        try:
            security.pass_or_refuse(PER_ACCOUNT, folded, at=at)
        except TooMany:
            log.warning("sign-in at a locked account", address=address)
            raise Unauthenticated(REFUSED, code="sign_in_refused") from None
        if person is None:
            make_password(password)  # the same work as for a known account
            _refuse(None, folded, address, at)
        if not person.check_password(password):
            _refuse(person, folded, address, at)
        security.forget(PER_ACCOUNT, folded)
    security.note_apart("sign_in.succeeded", person=person, at=at, address=address)
    ports.sign_ins().signed_in(person=person, at=at)
    return person


def sign_in_to_pages(request: HttpRequest, *, email: str, password: str, at: datetime) -> User:
    """Check the password and put the person into the browser's session, under a fresh session key.

    Raises:
        Unauthenticated: as for ``sign_in``.
        TooMany: too many tries from this address.
    """
    person = check_password(email=email, password=password, address=client_address(request), at=at)
    login(request, person, backend=settings.AUTHENTICATION_BACKENDS[0])
    log.info("logged in", person=person.public_id, name=person.username)
    return person


def _refuse(person: User | None, folded: str, address: str, at: datetime) -> NoReturn:
    """Write the failed try down (for an unknown account without naming it) and refuse."""
    subject = {"user_id": person.public_id} if person is not None else {}
    security.note_apart("sign_in.refused", person=None, at=at, address=address, **subject)
    raise Unauthenticated(REFUSED, code="sign_in_refused")


def refresh(*, token: str, at: datetime) -> Pair:
    """Exchange a refresh token for the next pair; a token used twice ends its whole family.

    Raises:
        Unauthenticated: not valid, expired, revoked, or used before.
    """
    key, jti = jwt.read(jwt.RefreshToken, token)
    with transaction.atomic():
        family = SignIn.objects.select_for_update(of=("self",)).select_related("user").filter(pk=key).first()
        if family is None or family.revoked_at is not None or not family.user.is_active:
            raise Unauthenticated("This sign-in has ended.", code="token_revoked")
        person = family.user
        reused = family.refresh_jti != jti
        if reused:
            _revoke(family, at=at)
            security.note("sign_in.token_reused", person=person, at=at, sign_in=family.public_id)
        else:
            family.refresh_jti, family.last_seen_at = uuid4().hex, at
            family.save(update_fields=["refresh_jti", "last_seen_at"])
    if reused:
        raise Unauthenticated("This token was used before; the sign-in has been ended.", code="token_reused")
    return _pair(person, family)


@transaction.atomic
def sign_out(*, family: SignIn, at: datetime) -> None:
    """End the sign-in: its access tokens, its refresh token and its open sockets."""
    family = SignIn.objects.select_for_update(of=("self",)).select_related("user").get(pk=family.pk)
    if family.revoked_at is None:
        _revoke(family, at=at)
        security.note("sign_in.ended", person=family.user, at=at, sign_in=family.public_id)


def end_all_sign_ins(*, person: User, at: datetime) -> int:
    """End every sign-in of the person, inside the caller's transaction, and return how many there were."""
    ended = SignIn.objects.filter(user=person, revoked_at=None).update(revoked_at=at)
    tell_sockets(person)
    return ended


def tell_sockets(person: User) -> None:
    """After the commit, make the person's open sockets ask whether they may stay."""
    topic = person_topic(person.pk)
    transaction.on_commit(lambda: ring(topic, kind="credentials"))


def _revoke(family: SignIn, *, at: datetime) -> None:
    family.revoked_at = at
    family.save(update_fields=["revoked_at"])
    tell_sockets(family.user)


def _pair(person: User, family: SignIn) -> Pair:
    return Pair(person, jwt.access_for(family), jwt.refresh_for(family, family.refresh_jti))


def client_address(request: HttpRequest | None) -> str:
    """Return where the request came from: the last forwarded address that no trusted proxy added."""
    return "" if request is None else address_of(request.META)


def address_of(environ: Mapping[str, Any]) -> str:
    """Return the same of a request's WSGI environment."""
    address = str(environ.get("REMOTE_ADDR") or "")
    forwarded = [part.strip() for part in str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",") if part.strip()]
    while forwarded and _is_proxy(address):
        address = forwarded.pop()
    return address[:64]


def _is_proxy(address: str) -> bool:
    try:
        return not address or ip_address(address).is_loopback or address in settings.TRUSTED_PROXIES
    except ValueError:
        return False
