"""Records of a team that may belong to one of its sessions: notebook entries and files."""

from __future__ import annotations

from typing import ClassVar, Self, TypeVar

from django.conf import settings
from django.db import models

from biolab.accounts.models import Team, User
from biolab.kernel.ids import Identified
from sessions_app.models.scope import teams_in_sight
from sessions_app.models.session import LabSession


class BoundRecord(Identified):
    """Something a person keeps for their team; with a session it is part of that session, for good."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    late_entry = models.BooleanField(default=False, help_text="Made after the session had ended.")
    created_at = models.DateTimeField(editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True


R = TypeVar("R", bound=BoundRecord)


class BoundQuerySet(models.QuerySet[R]):
    """Such records, narrowed."""

    people: ClassVar[tuple[str, ...]] = ("team", "session", "created_by")

    def visible_to(self, person: User) -> Self:
        """Those of the sessions the person sees; and those of the person's teams that belong to no session."""
        in_sight = models.Q(session__in=LabSession.objects.visible_to(person))
        teams = teams_in_sight(person)
        if person.credential is None or not person.credential.session_ids:
            free = models.Q(session__isnull=True)
            in_sight |= free if teams is None else free & models.Q(team__in=teams)
        return self.filter(in_sight)

    def told(self) -> Self:
        """With everything their doors and pages show at hand."""
        return self.select_related(*self.people)
