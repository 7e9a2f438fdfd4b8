"""Making, changing and parting with people."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from biolab.accounts.desk import DeskGroup
from biolab.accounts.models import Membership, ServiceToken, SigningPeriod, User
from biolab.accounts.policies import objection_to_own_signature, require_administrator
from biolab.accounts.roles import PlatformRole
from biolab.accounts.services.codes import confirm_code
from biolab.accounts.services.guarding import fault_of
from biolab.accounts.services.mail import mail_at_once
from biolab.accounts.services.notifications import notify
from biolab.accounts.services.sign_in import end_all_sign_ins, tell_sockets
from biolab.accounts.states import Category, Priority
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

    A new password ends every sign-in of the person. One that somebody else sets lets its owner sign in and work, and
    sign nothing before they have chosen one themselves. Nor is anything signed with one that was set in the owner's
    name with neither the password before it nor a code: a sign-in alone may be in other hands.

    Args:
        changes: any of ``email, username, full_name, password, role``; and of who changes their own password
            ``current_password`` and ``totp``, a code of their device, without which nobody who has one changes it.

    Raises:
        Forbidden: ``by`` is neither the person nor an administrator, or no administrator and changes the role; or a
            service token speaks for them and changes a password, with which it could sign; or a wrong password or code.
        Conflict: an active account has this e-mail, or the last administrator would be lost.
        Invalid: the password that somebody else gave is given again.
        TooMany: too many wrong passwords or codes.
    """
    if by.pk != person.pk:
        require_administrator(by)
    if by.credential is not None and changes.get("password"):
        raise Forbidden("A password is changed by a person, not by a service token.", code="token_changes_no_password")
    current, code = changes.pop("current_password", ""), changes.pop("totp", "")
    set_by: User | None = by
    if by.pk == person.pk and changes.get("password"):
        set_by = _unless_proven(by, current, code, at=at)
    try:
        with transaction.atomic():
            if "role" in changes:
                _hold_administrators()
            person = User.objects.select_for_update().get(pk=person.pk)
            told = _apply(person, by, changes, set_by=set_by)
            if told:
                person.full_clean(exclude=["password"], validate_constraints=False)
                person.save()
                if "password" in told:
                    end_all_sign_ins(person=person, at=at)
                    SigningPeriod.objects.filter(person=person).delete()
                    _tell_of_password(person, by=by, at=at)
                if "email" in told:
                    _tell_of_address(person, told["email"][0], by=by, at=at)
                tell_sockets(person)
                security.note("person.changed", person=by, at=at, user_id=person.public_id, changes=told)
    except IntegrityError:
        raise _duplicate() from None
    except ValidationError as error:
        raise _invalid(error) from None
    return person


def _unless_proven(by: User, current: str, code: str, *, at: datetime) -> User | None:
    """Return None where what was given shows that the owner sets their password; else whoever claims to be them.

    A password that was itself set without such proof shows nothing.
    """

    def fault() -> str:
        return "" if by.check_password(current) else "wrong_password"

    def note(reason: str) -> None:
        security.note_apart("password.refused", person=by, at=at, reason=reason)

    if current and fault_of(fault, by=by, at=at, note=note):
        raise Forbidden("Your current password is wrong.", code="wrong_password")
    proven = confirm_code(code, by=by, at=at) or (bool(current) and by.password_reset_by_id != by.pk)
    return None if proven else by


def _apply(person: User, by: User, changes: dict[str, Any], *, set_by: User | None) -> dict[str, Any]:
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
        _set_password(person, by, changes["password"], set_by=set_by)
        told["password"] = "changed" if by.pk == person.pk else "reset"
    return told


def _set_password(person: User, by: User, password: str, *, set_by: User | None) -> None:
    if by.pk == person.pk and person.password_reset_by_id is not None and person.check_password(password):
        detail = "Choose another password than the one you were given."
        raise Invalid(detail, code="password_not_own", errors=[{"pointer": "/password", "detail": detail}])
    person.set_password(password)
    person.password_reset_by = set_by


def _tell_of_password(person: User, *, by: User, at: datetime) -> None:
    """Tell the owner, whoever did it: a change they know nothing of is the first sign of a thief."""
    objection = objection_to_own_signature(person)
    notify(
        [person],
        title="Your password was changed" if by.pk == person.pk else f"{by} set your password",
        message=objection.sentence if objection is not None else "",
        category=Category.SYSTEM,
        priority=Priority.HIGH,
        action_url="/account",
        at=at,
    )


def _tell_of_address(person: User, old: str, *, by: User, at: datetime) -> None:
    """Tell the owner in their inbox and at the address they had, since whoever took the account reads the new one."""
    title = "Your e-mail address was changed"
    message = f"{by} changed it to {person.email}. If you know nothing of that, tell your administrators."
    notify([person], title=title, message=message, category=Category.SYSTEM, priority=Priority.HIGH, at=at)
    transaction.on_commit(partial(mail_at_once, title, message, [User(email=old)]), robust=True)


def choose_password(*, current: str, password: str, by: User, at: datetime, totp: str = "") -> User:
    """Change one's own password and return the person.

    Args:
        totp: a code of the person's device, where they have one.

    Raises:
        Forbidden: the current password or the code is wrong. TooMany: too often.
        Invalid: the new one will not do.
        RuntimeError: a transaction is open.
    """
    try:
        validate_password(password, by)
    except ValidationError as error:
        errors = [{"pointer": "/password", "detail": message} for message in error.messages]
        raise Invalid(errors[0]["detail"], errors=errors) from None
    if not current:
        detail = "Give your current password."
        raise Invalid(detail, errors=[{"pointer": "/current", "detail": detail}])
    return change_person(person=by, by=by, at=at, password=password, current_password=current, totp=totp)


def _change_role(person: User, role: PlatformRole) -> None:
    if person.role == PlatformRole.ADMIN:
        _keep_an_administrator(person)
    places = set(person.groups.filter(name__in=DeskGroup.values).values_list("name", flat=True))
    if (DeskGroup.AUDITORS in places and role != PlatformRole.VIEWER) or (
        DeskGroup.COMPLIANCE in places and role == PlatformRole.VIEWER
    ):
        raise Conflict("The role does not go with the place at the compliance desk; take that first.", code="has_desk")
    person.role = role
    person.is_superuser = role == PlatformRole.ADMIN
    person.is_staff = person.is_superuser or bool(places)


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
    person.groups.clear()
    end_all_sign_ins(person=person, at=at)
    ServiceToken.objects.filter(owner=person, revoked_at=None).update(revoked_at=at)
    Membership.objects.filter(user=person).delete()
    security.note("person.deactivated", person=by, at=at, user_id=person.public_id)
    return person


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
