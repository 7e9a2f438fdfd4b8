"""The two groups of the compliance desk and what each may do there: rules, so that new tables need no new rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import TextChoices

if TYPE_CHECKING:
    from biolab.accounts.models import User


class DeskGroup(TextChoices):
    """Places at the compliance desk, by the names of their groups."""

    COMPLIANCE = "Compliance administrators", "Compliance administrator"
    AUDITORS = "Auditors", "Auditor"


def gives(group: DeskGroup, permission: str) -> bool:
    """Tell whether the group holds a permission written ``app.codename``.

    Both read every table there is; compliance administrators may do everything in governance besides.
    """
    app, _, codename = permission.partition(".")
    return codename.startswith("view_") or (group is DeskGroup.COMPLIANCE and app == "governance_app")


def reads_everything(person: User) -> bool:
    """Tell whether the person reads the work of every team: administrators, and whoever has a place at the desk."""
    return person.is_admin or bool(desk_groups_of(person))


def gives_module(group: DeskGroup, app: str) -> bool:
    """Tell whether the group sees anything of an app."""
    return gives(group, f"{app}.view_")


def desk_groups_of(person: User) -> list[DeskGroup]:
    """Return the person's places at the desk; read once a request, and only of staff."""
    if not (person.is_active and person.is_staff):
        return []
    kept: list[DeskGroup] | None = getattr(person, "_desk_groups", None)
    if kept is None:
        names = person.groups.filter(name__in=DeskGroup.values).order_by("name").values_list("name", flat=True)
        kept = [DeskGroup(name) for name in names]
        setattr(person, "_desk_groups", kept)  # noqa: B010  an account knows nothing of groups
    return kept
