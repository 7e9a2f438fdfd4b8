"""The instance's own things: its default team, and the operator of an open bench."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from biolab.accounts.models import Membership, Team, User
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel import security

OPEN_BENCH_EMAIL: Final = "open-bench@biolab.invalid"


def default_team(*, at: datetime) -> Team | None:
    """Return the team of people without one (``DEFAULT_TEAM_NAME``), made on first use; None where it is turned off."""
    name: str = settings.DEFAULT_TEAM_NAME
    if not name:
        return None
    known = Team.objects.filter(is_default=True).first()
    if known is not None:
        return known
    with transaction.atomic():
        team = Team(name=name, is_default=True, created_at=at)
        Team.objects.bulk_create([team], ignore_conflicts=True)
        kept = Team.objects.get(is_default=True)
        if kept.pk == team.pk:
            security.note("team.created", person=None, at=at, team_id=team.public_id, name=name)
    return kept


@transaction.atomic
def lodge(*, person: User, at: datetime, provisional: bool = True) -> Team | None:
    """Give a person without a team a place in the default team; a provisional one ends when they join another."""
    team = default_team(at=at)
    if team is None:
        return None
    role = {PlatformRole.ADMIN: Role.OWNER, PlatformRole.OPERATOR: Role.OPERATOR}.get(
        PlatformRole(person.role), Role.OBSERVER
    )
    place = Membership(team=team, user=person, role=role, provisional=provisional, created_at=at)
    Membership.objects.bulk_create([place], ignore_conflicts=True)
    security.note(
        "team.member_lodged", person=person, at=at, team_id=team.public_id, user_id=person.public_id, role=str(role)
    )
    return team


def open_bench_person(*, at: datetime) -> User:
    """Return the named operator under whom an open bench works; made on first use."""
    person = User.objects.filter(email=OPEN_BENCH_EMAIL, is_active=True).first()
    if person is not None:
        return person
    with transaction.atomic():
        person = User(
            email=OPEN_BENCH_EMAIL,
            username="Open bench",
            full_name="Open bench (no sign-in)",
            role=PlatformRole.OPERATOR,
            created_at=at,
        )
        person.set_unusable_password()
        User.objects.bulk_create([person], ignore_conflicts=True)
        person = User.objects.get(email=OPEN_BENCH_EMAIL, is_active=True)
        lodge(person=person, at=at)
    return person
