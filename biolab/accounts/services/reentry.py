"""What a person gives again at the moment of signing, behind a gate: their password, a code of their device, or both.

The first signature of a continuous period takes every component the person has; each that follows soon after it, within
the same sign-in, takes one (21 CFR 11.200(a)(1)).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from django.conf import settings
from django_otp.plugins.otp_totp.models import TOTPDevice

from biolab.accounts.models import SigningPeriod, User
from biolab.accounts.policies import objection_to_own_signature
from biolab.accounts.services.codes import device_of, take_code
from biolab.accounts.services.guarding import fault_of
from biolab.kernel.errors import Forbidden, Invalid

WRONG: Final = {
    "wrong_password": "The password is wrong. Nothing was signed.",
    "wrong_code": "The code is wrong, or was used before. Nothing was signed.",
}


@dataclass(frozen=True, kw_only=True)
class Components:
    """What was given: ``period`` names the sign-in it was given in, empty where there is none that lasts."""

    password: str = ""
    totp: str = ""
    period: str = ""


@dataclass(frozen=True)
class Asked:
    """What the next signature of a person takes. ``password`` and ``totp``: must be given; ``either``: one of them."""

    password: bool
    totp: bool
    either: bool


def components_asked(person: User, *, period: str, at: datetime) -> Asked:
    """Return what the person's next signature within the sign-in ``period`` takes."""
    return _asked(device_of(person), person, period, at)


def confirm_components(given: Components, *, by: User, at: datetime, note: Callable[[str], object]) -> None:
    """Refuse unless what was given is the signer's, and enough; what was tried is counted and written down at once.

    Args:
        note: writes into the security log why a signature was refused, in a transaction of its own.

    Raises:
        Invalid: a component is missing, or is of no use.
        TooMany: too many wrong ones; signing is locked for a while.
        Forbidden: one is wrong, or the password is not of the signer's own choosing.
        RuntimeError: a transaction is open.
    """
    objection = objection_to_own_signature(by)
    if objection is not None:
        note(objection.code)
        raise objection
    device = device_of(by)
    _require_enough(given, device, by=by, at=at)
    wrong = fault_of(lambda: _wrong(given, device, by=by, at=at), by=by, at=at, note=note)
    if wrong:
        raise Forbidden(WRONG[wrong], code=wrong)


def note_signing(*, by: User, period: str, at: datetime) -> None:
    """Remember that the person has signed within the sign-in ``period``, and forget their periods that are over."""
    SigningPeriod.objects.filter(person=by, signed_at__lt=at - settings.SIGNING_PERIOD).delete()
    if period:
        SigningPeriod.objects.update_or_create(person=by, key=_key(period), defaults={"signed_at": at})


def _require_enough(given: Components, device: TOTPDevice | None, *, by: User, at: datetime) -> None:
    asked = _asked(device, by, given.period, at)
    missing = {
        "password": (asked.password and not given.password, "Give your password again to sign."),
        "totp": (
            asked.totp and not given.totp,
            "The first signature after signing in, or after a pause, takes your password and a code of your device.",
        ),
    }
    if asked.either and not given.password and not given.totp:
        missing["password"] = (True, "Give your password or a code of your device to sign.")
    if given.totp and device is None:
        missing["totp"] = (True, "You have no device for codes; sign with your password.")
    errors = [{"pointer": f"/{name}", "detail": detail} for name, (is_wrong, detail) in missing.items() if is_wrong]
    if errors:
        raise Invalid(errors[0]["detail"], errors=errors)


def _asked(device: TOTPDevice | None, person: User, period: str, at: datetime) -> Asked:
    if device is None:
        return Asked(password=True, totp=False, either=False)
    goes_on = bool(period) and _goes_on(person, period, at)
    return Asked(password=not goes_on, totp=not goes_on, either=goes_on)


def _goes_on(person: User, period: str, at: datetime) -> bool:
    last = SigningPeriod.objects.filter(person=person, key=_key(period)).values_list("signed_at", flat=True).first()
    return last is not None and at - last < settings.SIGNING_PERIOD


def _wrong(given: Components, device: TOTPDevice | None, *, by: User, at: datetime) -> str:
    """Return which component is wrong, or nothing; a code is only used up where the password beside it is right."""
    if given.password and not by.check_password(given.password):
        return "wrong_password"
    if given.totp and (device is None or not take_code(device, given.totp, at=at)):
        return "wrong_code"
    return ""


def _key(period: str) -> str:
    return sha256(period.encode()).hexdigest()
