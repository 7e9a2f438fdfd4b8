"""One-time codes: a device enrolled, its codes checked, the device withdrawn or, when it is lost, removed."""

from __future__ import annotations

from base64 import b32encode
from datetime import datetime
from typing import Final

from django.db import transaction
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from biolab.accounts.models import User
from biolab.accounts.policies import objection_to_own_signature, require_administrator
from biolab.accounts.services.guarding import fault_of
from biolab.accounts.services.notifications import notify
from biolab.accounts.states import Category, Priority
from biolab.kernel import security
from biolab.kernel.errors import Conflict, Forbidden, Invalid, Missing

DEVICE_NAME: Final = "Authenticator"
LONGEST_CODE: Final = 8


def device_of(person: User) -> TOTPDevice | None:
    """Return the device whose codes the person signs with; None where there is none that was confirmed."""
    return TOTPDevice.objects.filter(user=person, confirmed=True).first()


def pending_device_of(person: User) -> TOTPDevice | None:
    """Return the device that the person has begun to enrol."""
    return TOTPDevice.objects.filter(user=person, confirmed=False).first()


def secret_of(device: TOTPDevice) -> str:
    """Return the device's secret as authenticators take it by hand."""
    return b32encode(device.bin_key).decode().rstrip("=")


def take_code(device: TOTPDevice, code: str, *, at: datetime) -> bool:
    """Tell whether ``code`` is the device's at that time; one that was taken is never taken again.

    The device's row is held while it is looked at, so that of many who send one code at once exactly one gets through.

    Raises:
        RuntimeError: a transaction is open.
    """
    typed = code.replace(" ", "")
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= LONGEST_CODE):
        return False
    with transaction.atomic(durable=True):
        held = TOTPDevice.objects.select_for_update().filter(pk=device.pk).first()
        if held is None:
            return False
        clock = TOTP(held.bin_key, held.step, held.t0, held.digits, held.drift)
        clock.time = at.timestamp()
        taken: bool = clock.verify(int(typed), held.tolerance, held.last_t + 1)
        if taken:
            held.last_t, held.drift = clock.t(), clock.drift
            held.last_used_at = at
            held.save(update_fields=["last_t", "drift", "last_used_at"])
    return taken


@transaction.atomic
def begin_device(*, by: User, at: datetime) -> TOTPDevice:
    """Return a new device with a secret of its own, to be confirmed with a code; an earlier beginning is forgotten.

    Raises:
        Forbidden: a service token asks, or the password is not the person's own.
        Conflict: there is a device already.
    """
    _require_self(by)
    User.objects.select_for_update().get(pk=by.pk)
    if device_of(by) is not None:
        raise Conflict("You have a device for codes already. Withdraw it first.", code="device_exists")
    TOTPDevice.objects.filter(user=by, confirmed=False).delete()
    return TOTPDevice.objects.create(user=by, name=DEVICE_NAME, confirmed=False)


def confirm_device(*, password: str, code: str, by: User, at: datetime) -> TOTPDevice:
    """Take the begun device into use and return it; its codes are a component of the person's signatures from now on.

    Raises:
        Forbidden: as for ``begin_device``, or a wrong password or code.
        Missing: none was begun.
        TooMany: too many wrong tries, for which signing is locked as well.
        RuntimeError: a transaction is open.
    """
    _require_self(by)
    device = pending_device_of(by)
    if device is None:
        raise Missing("Begin again: no device waits to be confirmed.")
    _check(device, {"password": password, "totp": code}, by=by, at=at)
    with transaction.atomic():
        if not TOTPDevice.objects.filter(pk=device.pk, confirmed=False).update(confirmed=True):
            raise Conflict("This device is not waiting any more.", code="device_gone")
        security.note("totp.enrolled", person=by, at=at, user_id=by.public_id)
    device.confirmed = True
    return device


def withdraw_device(*, password: str, code: str, by: User, at: datetime) -> None:
    """Take the person's own device out of use.

    Raises:
        Forbidden: a service token asks, or a wrong password or code.
        Missing: there is none.
        TooMany: too many wrong tries.
        RuntimeError: a transaction is open.
    """
    _require_self(by)
    device = device_of(by)
    if device is None:
        raise Missing("You have no device for codes.")
    _check(device, {"password": password, "totp": code}, by=by, at=at)
    with transaction.atomic():
        TOTPDevice.objects.filter(user=by).delete()
        security.note("totp.withdrawn", person=by, at=at, user_id=by.public_id)


@transaction.atomic
def remove_lost_device(*, person: User, by: User, at: datetime) -> None:
    """Take somebody's device out of use because they lost it; they are told.

    Raises:
        Forbidden: ``by`` is no administrator, or it is their own.
        Missing: there is none.
    """
    require_administrator(by)
    if by.pk == person.pk:
        raise Forbidden("Withdraw your own device on your account's page.", code="own_device")
    if not TOTPDevice.objects.filter(user=person).delete()[0]:
        raise Missing(f"{person} has no device for codes.")
    notify(
        [person],
        title="Your device for one-time codes was removed",
        message=f"{by} removed it. If you did not ask for that, tell your administrators.",
        category=Category.SYSTEM,
        priority=Priority.HIGH,
        action_url="/account",
        at=at,
    )
    security.note("totp.removed", person=by, at=at, user_id=person.public_id)


def _require_self(by: User) -> None:
    if by.credential is not None:
        raise Forbidden("This is done by a person, not by a service token.", code="token_cannot_sign")
    objection = objection_to_own_signature(by)
    if objection is not None:
        raise objection


def confirm_code(code: str, *, by: User, at: datetime) -> bool:
    """Return whether the person has a device, whose ``code`` must then be right.

    Raises:
        Invalid: none was given. Forbidden: it is wrong. TooMany: too often.
        RuntimeError: a transaction is open.
    """
    device = device_of(by)
    if device is not None:
        _check(device, {"totp": code}, by=by, at=at)
    return device is not None


def _check(device: TOTPDevice, given: dict[str, str], *, by: User, at: datetime) -> None:
    wanted = {"password": "Give your password.", "totp": "Give a code of your device."}
    missing = [name for name, value in given.items() if not value.strip()]
    if missing:
        errors = [{"pointer": f"/{name}", "detail": wanted[name]} for name in missing]
        raise Invalid(errors[0]["detail"], errors=errors)

    def fault() -> str:
        if "password" in given and not by.check_password(given["password"]):
            return "wrong_password"
        return "" if take_code(device, given["totp"], at=at) else "wrong_code"

    def note(reason: str) -> None:
        security.note_apart("totp.refused", person=by, at=at, reason=reason)

    wrong = fault_of(fault, by=by, at=at, note=note)
    if not wrong:
        return
    sentence = "The password is wrong." if wrong == "wrong_password" else "The code is wrong, or was used before."
    raise Forbidden(sentence, code=wrong)
