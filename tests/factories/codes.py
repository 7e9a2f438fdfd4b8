"""Devices for one-time codes, and the codes they show."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from biolab.accounts.models import User


def make_device(person: User, **fields: Any) -> Any:
    """Return a device of the person that is in use."""
    return TOTPDevice.objects.create(user=person, name="phone", **{"confirmed": True, **fields})


def code_of(device: Any, at: datetime) -> str:
    """Return what the device shows at that time."""
    clock = TOTP(device.bin_key, device.step, device.t0, device.digits)
    clock.time = at.timestamp()
    return f"{clock.token():06}"
