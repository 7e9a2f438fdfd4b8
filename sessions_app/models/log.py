"""The instruments' log: what controllers and people tell, line by line."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from biolab.accounts.models import Team, User
from biolab.kernel.ids import Identified
from sessions_app.models.scope import teams_in_sight
from sessions_app.states import Severity

MAX_CONTENT = 500


class LogEntryQuerySet(models.QuerySet["LogEntry"]):
    """Log entries, narrowed."""

    def visible_to(self, person: User) -> Self:
        """Those of the person's teams and their own of no team; all for an administrator; none through a token of
        certain sessions, for they belong to none.
        """
        token = person.credential
        if token is not None and token.session_ids:
            return self.none()
        teams = teams_in_sight(person)
        if teams is None:
            return self
        in_sight = Q(team__in=teams)
        if token is None or token.team_id is None:
            in_sight |= Q(team__isnull=True, author_id=person.pk)
        return self.filter(in_sight)

    def standing(self) -> Self:
        """Those that nobody has withdrawn."""
        return self.filter(withdrawn_at__isnull=True)

    def matching(
        self,
        *,
        type: str = "",
        is_read: bool | None = None,
        text: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Self:
        """Those that every given filter lets through; ``since`` and ``until`` are inclusive."""
        found = self.filter(type=type) if type else self
        found = found.filter(created_at__gte=since) if since is not None else found
        found = found.filter(created_at__lte=until) if until is not None else found
        if is_read is not None:
            found = found.filter(read_at__isnull=not is_read)
        return found.filter(content__icontains=text) if text else found


LogEntryManager = models.Manager.from_queryset(LogEntryQuerySet)


class LogEntry(Identified):
    """A line that a controller or a person wrote, or the house about what they did.

    It belongs to a team; a sign-in belongs to the person alone. A withdrawn line keeps its row and is shown nowhere.
    """

    id_prefix = "log"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="log_entries")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    content = models.CharField(max_length=MAX_CONTENT)
    type = models.CharField(max_length=8, choices=Severity.choices, default=Severity.INFO)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    read_at = models.DateTimeField("marked as read", null=True, blank=True)
    withdrawn_at = models.DateTimeField("withdrawn", null=True, blank=True)

    objects = LogEntryManager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "log entry"
        verbose_name_plural = "log entries"
        indexes = [
            models.Index(fields=["team", "-created_at", "-id"], name="log_of_a_team"),
            models.Index(fields=["-created_at", "-id"], name="log_newest_first"),
        ]
        constraints = [models.CheckConstraint(condition=Q(type__in=Severity.values), name="log_type_is_known")]

    def __str__(self) -> str:
        return self.content[:80]
