"""Who works in the demo lab."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from biolab.accounts.models import Membership, Team, User
from biolab.accounts.roles import PlatformRole, Role

TEAM: Final = "Lab"
PASSWORD: Final = "biolab-demo"  # noqa: S105  printed at every start; the demo is for trying out
DOMAIN: Final = "demo.example"


@dataclass(frozen=True)
class Character:
    """One account of the demo."""

    role: Role
    name: str
    platform: PlatformRole = PlatformRole.OPERATOR

    @property
    def email(self) -> str:
        return f"{self.role}@{DOMAIN}"


CAST: Final = (
    Character(Role.OWNER, "Ines Carvalho"),
    Character(Role.MANAGER, "Tomasz Zieliński"),
    Character(Role.LEAD, "Mara Lindqvist"),
    Character(Role.SCIENTIST, "Amina Yusuf"),
    Character(Role.REVIEWER, "Jonas Keller"),
    Character(Role.APPROVER, "Priya Raman"),
    Character(Role.QA, "Elif Demir"),
    Character(Role.OPERATOR, "Sam O’Neill"),
    Character(Role.OBSERVER, "Noor Haddad", PlatformRole.VIEWER),
)


def hire(*, at: datetime) -> tuple[Team, dict[Role, User]]:
    """Make the team and its people where they are missing, and return them by role."""
    team, _ = Team.objects.get_or_create(name=TEAM, defaults={"created_at": at})
    people: dict[Role, User] = {}
    for character in CAST:
        person = User.objects.filter(email=character.email, is_active=True).first()
        if person is None:
            person = User.objects.create_user(
                character.email,
                PASSWORD,
                username=character.name,
                full_name=character.name,
                role=character.platform,
                created_at=at,
            )
            Membership.objects.create(team=team, user=person, role=character.role, created_at=at)
        people[character.role] = person
    return team, people
