"""Making, changing and parting with people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from biolab.accounts.models import Membership, ServiceToken, User
from biolab.accounts.roles import PlatformRole
from biolab.accounts.services.sign_in import end_all_sign_ins, tell_sockets
from biolab.kernel import security
from biolab.kernel.errors import Conflict, Forbidden, Invalid


def add_person(
    *,
    email: str,
    username: str,
    password: str | None,
    by: User | None,
    at: datetime,
    role: str = PlatformRole.VIEWER,
    full_name: str = "",
) -> User:
    """Make an account; without a password nobody can sign in to it yet.

    Raises:
        Forbidden: ``by`` is no administrator.
        Conflict: an active account has this e-mail.
        Invalid: a value does not fit.
    """
    require_administrator(by)
    fields = {"username": username, "role": PlatformRole(role), "full_name": full_name, "created_at": at}
    if role == PlatformRole.ADMIN:
        fields |= {"is_staff": True, "is_superuser": True}
    folded = email.strip().casefold()
    try:
        with transaction.atomic():
            _refuse_duplicate(folded)
            person = User.objects.create_user(folded, password, **fields)
            security.note("person.added", person=by, at=at, user_id=person.public_id, role=str(role))
    except IntegrityError:
        raise _duplicate() from None
    except ValidationError as error:
        raise _invalid(error) from None
    return person


def change_person(*, person: User, by: User, at: datetime, **changes: Any) -> User:
    """Change e-mail, username, printed name, password or role; what changed is written down by name, never a password.

    A new password ends every sign-in of the person.

    Args:
        changes: any of ``email, username, full_name, password, role``.

    Raises:
        Forbidden: ``by`` is neither the person nor an administrator, or no administrator and changes the role; or a
            service token speaks for them and changes a password, with which it could sign.
        Conflict: an active account has this e-mail, or the last administrator would be lost.
    """
    if by.pk != person.pk:
        require_administrator(by)
    if by.credential is not None and changes.get("password"):
        raise Forbidden("A password is changed by a person, not by a service token.", code="token_changes_no_password")
    try:
        with transaction.atomic():
            if "role" in changes:
                _hold_administrators()
            person = User.objects.select_for_update().get(pk=person.pk)
            told = _apply(person, by, changes)
            if told:
                person.full_clean(exclude=["password"], validate_constraints=False)
                person.save()
                if "password" in told:
                    end_all_sign_ins(person=person, at=at)
                tell_sockets(person)
                security.note("person.changed", person=by, at=at, user_id=person.public_id, changes=told)
    except IntegrityError:
        raise _duplicate() from None
    except ValidationError as error:
        raise _invalid(error) from None
    return person


def _apply(person: User, by: User, changes: dict[str, Any]) -> dict[str, Any]:
    """Set the changed values and return {name: [old, new]}, or the bare fact for a password."""
    told: dict[str, Any] = {}
    for name in ("email", "username", "full_name", "role"):
        if name not in changes:
            continue
        old = str(getattr(person, name))
        new = str(changes[name]).strip().casefold() if name == "email" else str(changes[name])
        if new == old:
            continue
        if name == "role":
            require_administrator(by)
            _change_role(person, PlatformRole(new))
        elif name == "email":
            _refuse_duplicate(new)
            person.email = new
        else:
            setattr(person, name, new)
        told[name] = [old, new]
    if changes.get("password"):
        person.set_password(changes["password"])
        told["password"] = "changed"  # noqa: S105  the fact, not the password
    return told


def _change_role(person: User, role: PlatformRole) -> None:
    if person.role == PlatformRole.ADMIN:
        _keep_an_administrator(person)
    person.role = role
    person.is_staff = person.is_superuser = role == PlatformRole.ADMIN


@transaction.atomic
def deactivate_person(*, person: User, by: User | None, at: datetime) -> User:
    """End the account: sign-ins, service tokens, memberships and sockets end, the e-mail becomes free, the name stays.

    Raises:
        Forbidden: ``by`` is no administrator.
        Conflict: already ended, or the last administrator.
    """
    require_administrator(by)
    _hold_administrators()
    person = User.objects.select_for_update().get(pk=person.pk)
    if not person.is_active:
        raise Conflict("This account has ended already.", code="already_deactivated")
    if person.role == PlatformRole.ADMIN:
        _keep_an_administrator(person)
    person.is_active = person.is_staff = person.is_superuser = False
    person.deactivated_at = at
    person.save(update_fields=["is_active", "is_staff", "is_superuser", "deactivated_at"])
    end_all_sign_ins(person=person, at=at)
    ServiceToken.objects.filter(owner=person, revoked_at=None).update(revoked_at=at)
    Membership.objects.filter(user=person).delete()
    security.note("person.deactivated", person=by, at=at, user_id=person.public_id)
    return person


def require_administrator(by: User | None) -> None:
    """Refuse unless ``by`` is an administrator, or the system itself (None).

    Raises:
        Forbidden: otherwise.
    """
    if by is not None and not by.is_admin:
        raise Forbidden("Only administrators may do this.", code="administrators_only")


def _hold_administrators() -> None:
    """Lock every administrator, in one order, so that two who part with each other wait instead of deadlocking."""
    list(User.objects.select_for_update().filter(role=PlatformRole.ADMIN).order_by("pk").values_list("pk", flat=True))


def _keep_an_administrator(person: User) -> None:
    others = User.objects.filter(role=PlatformRole.ADMIN, is_active=True).exclude(pk=person.pk)
    if not others.exists():
        raise Conflict("This is the last administrator.", code="last_administrator")


def _refuse_duplicate(folded: str) -> None:
    if User.objects.filter(email=folded, is_active=True).exists():
        raise _duplicate()


def _duplicate() -> Conflict:
    return Conflict("An account with this e-mail exists.", code="duplicate_email")


def _invalid(error: ValidationError) -> Invalid:
    errors = [
        {"pointer": f"/{field}", "detail": message}
        for field, messages in error.message_dict.items()
        for message in messages
    ]
    return Invalid("Some values are not valid.", errors=errors)
