"""Sessions: the aggregate that everything at the bench belongs to."""

from __future__ import annotations

from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone

from biolab.accounts.models import Team, User
from biolab.kernel.ids import Identified, parse_id
from sessions_app import turnstile
from sessions_app.models.protocol import ProtocolVersion
from sessions_app.models.scope import teams_in_sight
from sessions_app.states import ENDED_STATUSES, LIVE_STATUSES, SessionStatus


class LabSessionQuerySet(models.QuerySet["LabSession"]):
    """Sessions, narrowed; and the one lock."""

    def visible_to(self, person: User) -> Self:
        """Those of the person's teams or crews; all for an administrator; fewer through a narrowed token."""
        visible = self
        teams = teams_in_sight(person)
        if teams is not None:
            in_sight = models.Q(team__in=teams)
            if person.credential is None or person.credential.team_id is None:
                crewed = LabSession.crew.through.objects.filter(user_id=person.pk).values("labsession_id")
                in_sight |= models.Q(pk__in=crewed)
            visible = visible.filter(in_sight)
        if person.credential is not None and person.credential.session_ids:
            named = [parse_id(text, LabSession.id_prefix) for text in person.credential.session_ids]
            visible = visible.filter(pk__in=[pk for pk in named if pk is not None])
        return visible

    def with_protocol(self) -> Self:
        """With the wording they run and who made them at hand."""
        return self.select_related("protocol_version__protocol", "created_by")

    def listed(self) -> Self:
        """Those that controllers have not taken off their lists."""
        return self.filter(hidden_at__isnull=True)

    def live(self) -> Self:
        """Running or paused."""
        return self.filter(status__in=LIVE_STATUSES)

    def ended(self) -> Self:
        """Completed or aborted."""
        return self.filter(status__in=ENDED_STATUSES)

    def hold(self, pk: Any, *, to_end: bool = False) -> LabSession:
        """Return the row, locked until the transaction ends.

        Every write to a session goes through here. Writers exclude each other and not the ingest of readings; the
        one that ends the session (``to_end``) waits for open batches too, and later ones wait for it.
        """
        if to_end:
            turnstile.close(pk)
        held = self.select_for_update(of=("self",), no_key=not to_end).get(pk=pk)
        if to_end:  # batches that waited began before: a new version, of a row locked as this is, makes them look again
            self.filter(pk=pk).update(updated_at=models.F("updated_at"))
        return held


LabSessionManager = models.Manager.from_queryset(LabSessionQuerySet)


class LabSession(Identified):
    """One sitting at the bench: a protocol run by people and instruments."""

    id_prefix = "sess"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="sessions")
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=16, choices=SessionStatus.choices, default=SessionStatus.PLANNED)
    protocol_version = models.ForeignKey(
        ProtocolVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="sessions"
    )
    parameters = models.JSONField(default=dict, blank=True)
    crew = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="crewed_sessions", blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    planned_for = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    legal_hold = models.BooleanField(default=False)
    hidden_at = models.DateTimeField("off the controllers' lists", null=True, blank=True, editable=False)
    imported_from = models.CharField(
        "archive", max_length=64, blank=True, editable=False, help_text="SHA-256 of the archive it was read from."
    )
    genesis = models.CharField(max_length=64, editable=False)
    head_sequence = models.PositiveBigIntegerField(default=0, editable=False)
    head_hash = models.CharField(max_length=64, editable=False)

    objects = LabSessionManager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "session"
        indexes = [
            models.Index(fields=["team", "-created_at", "-id"], name="sessions_of_a_team"),
            models.Index(fields=["-created_at", "-id"], name="sessions_newest_first"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=SessionStatus.values), name="session_status_is_known"),
            models.CheckConstraint(
                condition=models.Q(status__in=sorted(ENDED_STATUSES), ended_at__isnull=False)
                | (~models.Q(status__in=sorted(ENDED_STATUSES)) & models.Q(ended_at__isnull=True)),
                name="session_ended_at_iff_ended",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_ended(self) -> bool:
        return self.status in ENDED_STATUSES

    def hash_at(self, sequence: int) -> str | None:
        """Return the hash of the timeline's event with this number, or of its start; None where it has none."""
        if sequence == 0:
            return self.genesis
        return self.events.filter(sequence=sequence).values_list("hash", flat=True).first()

    @property
    def topic(self) -> str:
        """The bell's name for this session."""
        return session_topic(self.pk)


def session_topic(pk: UUID) -> str:
    """Return the bell's name for the session with this key."""
    return f"session.{pk.hex}"
