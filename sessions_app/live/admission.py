"""Whether whoever opened a socket may still read the session; asked again on every read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from biolab.accounts.auth import Identity
from biolab.accounts.models import ServiceToken, User
from biolab.accounts.policies import require_scope
from biolab.accounts.roles import Scope
from biolab.kernel.errors import Forbidden, Refusal, Unauthenticated
from sessions_app.models import LabSession


@dataclass(frozen=True)
class Guest:
    """One credential at one session; sockets that share it are asked about once."""

    key: str
    identity: Identity

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Guest) and other.key == self.key


def guest_of(identity: Identity, *, socket_key: str) -> Guest:
    """Return the guest; page sessions are told apart by socket, since they have no key to show."""
    credential = identity.credential
    return Guest(str(credential.pk) if credential is not None else socket_key, identity)


def refusal_of(guest: Guest, session_pk: UUID, *, at: datetime) -> Refusal | None:
    """Return why the guest may not read the session now; None when it may. Everything is read afresh."""
    if not guest.identity.holds(at):
        return Unauthenticated("This sign-in or token has ended.", code="token_revoked")
    person = fresh_person(guest.identity)
    if person is None:
        return Unauthenticated("This account is closed.", code="token_revoked")
    if not LabSession.objects.visible_to(person).filter(pk=session_pk).exists():
        return Forbidden("You are no longer a member here.")
    try:
        require_scope(person, Scope.SESSIONS_READ)
    except Forbidden as refusal:
        return refusal
    return None


def fresh_person(identity: Identity) -> User | None:
    """Return the person as the database knows them now, with the token that speaks for them."""
    person = User.objects.filter(pk=identity.person.pk, is_active=True).first()
    if person is not None and isinstance(identity.credential, ServiceToken):
        person.credential = ServiceToken.objects.filter(pk=identity.credential.pk).first()
        if person.credential is None:
            return None
    return person


def may_see_readings(person: User) -> bool:
    """Tell whether the token in use, if any, was given the readings too."""
    try:
        require_scope(person, Scope.TELEMETRY_READ)
    except Forbidden:
        return False
    return True
