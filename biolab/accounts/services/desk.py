"""Places at the compliance desk: given and taken by administrators."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.contrib.auth.models import Group
from django.db import transaction

from biolab.accounts.desk import DeskGroup
from biolab.accounts.models import User
from biolab.accounts.policies import require_administrator
from biolab.accounts.roles import PlatformRole
from biolab.kernel import security
from biolab.kernel.errors import Invalid


@transaction.atomic
def give_desk(*, person: User, groups: Collection[DeskGroup], by: User | None, at: datetime) -> User:
    """Give the person these places at the desk and no other, and return them.

    Raises:
        Forbidden: ``by`` is no administrator.
        Invalid: the platform role does not go with a place, or an auditor would decide besides.
    """
    require_administrator(by)
    person = User.objects.select_for_update().get(pk=person.pk)
    wanted = {DeskGroup(group) for group in groups}
    if not person.is_active and wanted:
        raise _refused("This account has ended.")
    if len(wanted) > 1:
        raise _refused("Whoever audits decides nothing: choose one place.")
    if DeskGroup.AUDITORS in wanted and person.role != PlatformRole.VIEWER:
        raise _refused("An auditor changes nothing; the platform role Viewer goes with it.")
    if DeskGroup.COMPLIANCE in wanted and person.role == PlatformRole.VIEWER:
        raise _refused("A compliance administrator decides; a viewer changes nothing.")
    places = person.groups.filter(name__in=DeskGroup.values)
    before = sorted(places.values_list("name", flat=True))
    after = sorted(group.value for group in wanted)
    if before == after:
        return person
    person.groups.remove(*places)
    person.groups.add(*(Group.objects.get_or_create(name=name)[0] for name in after))
    person.is_staff = bool(wanted) or person.role == PlatformRole.ADMIN
    person.save(update_fields=["is_staff"])
    security.note("person.desk", person=by, at=at, user_id=person.public_id, changes={"desk": [before, after]})
    return person


def _refused(detail: str) -> Invalid:
    return Invalid(detail, errors=[{"pointer": "/desk", "detail": detail}])
