"""A person's own account: their password, and the device whose codes they sign with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import segno
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache

from biolab.accounts.pages import SignedInPage, status_of
from biolab.accounts.policies import objection_to_own_signature
from biolab.accounts.services import codes
from biolab.accounts.services.people import choose_password
from biolab.kernel.errors import Invalid, Missing, Refusal

DONE: Final = {
    "password": "Your password is changed. Your other sign-ins have ended.",
    "begin": "Scan the picture with your device, then confirm with a code it shows.",
    "confirm": "Your device is in use. Its codes are part of your signatures from now on.",
    "withdraw": "Your device is withdrawn. You sign with your password alone.",
}


@method_decorator(never_cache, name="dispatch")
class AccountPage(SignedInPage):
    """Who one is here, one's password, and one's device for one-time codes."""

    section = "account"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return self._shown()

    def post(self, request: HttpRequest) -> HttpResponseBase:
        wanted = request.POST.get("act", "")
        work: Callable[[], None] | None = {
            "password": self._password,
            "begin": self._begin,
            "confirm": self._confirm,
            "withdraw": self._withdraw,
        }.get(wanted)
        if work is None:
            raise Missing("There is no such act.")
        try:
            work()
        except Refusal as refusal:
            return self._shown(refusal=refusal, refused=wanted)
        messages.success(request, DONE[wanted])
        return redirect("page-account")

    def _shown(self, **refused: Any) -> HttpResponseBase:
        refusal = refused.get("refusal")
        objection = objection_to_own_signature(self.person)
        pending = None if codes.device_of(self.person) is not None else codes.pending_device_of(self.person)
        return self.page(
            "people/account.html",
            status=200 if refusal is None else status_of(refusal),
            objection=objection.sentence if objection is not None else "",
            device=codes.device_of(self.person),
            pending=pending,
            memberships=self.person.memberships.select_related("team").order_by("team__name"),
            picture=_picture(pending.config_url) if pending is not None else "",
            secret=_readable(codes.secret_of(pending)) if pending is not None else "",
            **refused,
        )

    def _password(self) -> None:
        posted = self.request.POST
        if posted.get("password", "") != posted.get("again", ""):
            detail = "The two new passwords differ."
            raise Invalid(detail, errors=[{"pointer": "/again", "detail": detail}])
        person = choose_password(
            current=posted.get("current", ""),
            password=posted.get("password", ""),
            totp=posted.get("totp", ""),
            by=self.person,
            at=self.now,
        )
        update_session_auth_hash(self.request, person)

    def _begin(self) -> None:
        codes.begin_device(by=self.person, at=self.now)

    def _confirm(self) -> None:
        posted = self.request.POST
        codes.confirm_device(
            password=posted.get("password", ""), code=posted.get("totp", ""), by=self.person, at=self.now
        )

    def _withdraw(self) -> None:
        posted = self.request.POST
        codes.withdraw_device(
            password=posted.get("password", ""), code=posted.get("totp", ""), by=self.person, at=self.now
        )


def _picture(text: str) -> SafeString:
    """Return a QR code as an image of its own, dark on light whatever the page's colours are."""
    drawn = segno.make(text, error="m").svg_inline(scale=5, border=3, light="#fff", title="QR code of your secret")
    return mark_safe(drawn)  # noqa: S308  drawn here from a secret of ours; holds paths alone


def _readable(secret: str) -> str:
    return " ".join(secret[place : place + 4] for place in range(0, len(secret), 4))
