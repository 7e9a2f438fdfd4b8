"""Teams and who is what in them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from biolab.accounts.roles import Role
from biolab.kernel.ids import Identified


class Team(Identified):
    """A group of people who see each other's work; nobody else does."""

    id_prefix = "team"

    name = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="teams")

    # the team of people who are in none
    is_default = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default_team"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(Identified):
    """One person's one role in one team."""

    id_prefix = "member"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    # a place in the default team, held until somebody puts the person into a team
    provisional = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["team", "created_at"]
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="one_role_per_person_and_team"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()}, {self.team})"
