"""What signing in tells the floors above it, as a Protocol that they bind themselves to."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from biolab.accounts.models import User


class SignIns(Protocol):
    """Somebody who is told of every sign-in with a password."""

    def signed_in(self, *, person: User, at: datetime) -> None:
        """Take note that the person has signed in."""


class NobodyToTell:
    """What there is before a floor above is bound."""

    def signed_in(self, *, person: User, at: datetime) -> None:
        return None


_sign_ins: SignIns = NobodyToTell()


def bind_sign_ins(told: SignIns) -> None:
    """Make ``told`` the one who is told; called once, when the apps are ready."""
    global _sign_ins
    _sign_ins = told


def sign_ins() -> SignIns:
    """Return who is told."""
    return _sign_ins
