"""How a password opens a door: e-mail, gates before the check, the same answer for everything that fails."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone

from biolab.accounts.models import User
from biolab.accounts.services.sign_in import check_password, client_address
from biolab.kernel.errors import Refusal


class GatedBackend(ModelBackend):
    """Django's own doors (pages, admin) sign in through the same gates as the API."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        email = username if username is not None else kwargs.get("email")
        if email is None or password is None:
            return None
        try:
            return check_password(email=email, password=password, address=client_address(request), at=timezone.now())
        except Refusal:
            raise PermissionDenied from None
