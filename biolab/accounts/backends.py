"""How a password opens a door: e-mail, gates before the check, the same answer for everything that fails."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone

from biolab.accounts.desk import DeskGroup, desk_groups_of, gives, gives_module
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

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Add what the groups of the compliance desk hold by rule to what is given row by row."""
        if super().has_perm(user_obj, perm, obj):
            return True
        return obj is None and any(gives(group, perm) for group in _places(user_obj))

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Tell whether the person sees anything of an app."""
        return super().has_module_perms(user_obj, app_label) or any(
            gives_module(group, app_label) for group in _places(user_obj)
        )


def _places(person: Any) -> list[DeskGroup]:
    return desk_groups_of(person) if isinstance(person, User) else []
