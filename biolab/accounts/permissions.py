"""Who may pass a door at all, before any rule about what is behind it."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from biolab.accounts.models import ServiceToken, User
from biolab.accounts.policies import require_scope
from biolab.accounts.roles import PlatformRole
from biolab.kernel.errors import Forbidden


class MayPass(BasePermission):
    """Signed in; as far as the token reaches; and no platform viewer on writes.

    A token with scopes needs one for this area. Where a door has no area (accounts, teams, tokens, templates), neither
    it nor a token of certain sessions passes, and a token of one team only reads: else it could widen itself, by its
    owner's password for one.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        person = request.user
        if not isinstance(person, User) or not person.is_active:
            return False
        reads = request.method in SAFE_METHODS
        area = getattr(view, "scope_area", "")
        if area:
            require_scope(person, f"{area}:{'read' if reads else 'write'}")
        elif area is not None and person.credential is not None:
            _require_reach(person.credential, reads=reads)
        if not reads and person.role == PlatformRole.VIEWER and not getattr(view, "own_affairs", False):
            raise Forbidden("A viewer reads and changes nothing.", code="viewer_writes_nothing")
        return True


class AdministratorsOnly(MayPass):
    """Administrators of the whole instance."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not super().has_permission(request, view):
            return False
        person = request.user
        if isinstance(person, User) and person.credential is not None and person.credential.is_confined:
            raise Forbidden("This token is for less than the whole instance.", code="scope_missing")
        if not (isinstance(person, User) and person.is_admin):
            raise Forbidden("Only administrators may do this.", code="administrators_only")
        return True


def _require_reach(token: ServiceToken, *, reads: bool) -> None:
    if token.scopes:
        raise Forbidden("This token's scopes do not reach here.", code="scope_missing")
    if token.session_ids:
        raise Forbidden("This token is for certain sessions only.", code="token_of_certain_sessions")
    if token.team_id is not None and not reads:
        raise Forbidden("This token is for the work of one team only.", code="token_of_one_team")
