"""Protocols and their versions."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from biolab.accounts.models import Team, User
from biolab.kernel.canonical import canonical, sha256
from biolab.kernel.ids import Identified, parse_id, typeid
from sessions_app.models.scope import teams_in_sight
from sessions_app.states import ProtocolStatus


class ProtocolQuerySet(models.QuerySet["Protocol"]):
    """Protocols, narrowed."""

    def visible_to(self, person: User) -> Self:
        """Those of the person's teams; all for an administrator; through a token of certain sessions, what they run."""
        teams = teams_in_sight(person)
        visible = self if teams is None else self.filter(team__in=teams)
        if person.credential is not None and person.credential.session_ids:
            named = [parse_id(text, "sess") for text in person.credential.session_ids]
            run = ProtocolVersion.objects.filter(sessions__in=[pk for pk in named if pk is not None])
            visible = visible.filter(pk__in=run.values("protocol_id"))
        return visible

    def worded(self) -> Self:
        """With their current wording at hand."""
        current = ProtocolVersion.objects.filter(version=models.F("protocol__current_version"))
        return self.select_related("created_by").prefetch_related(
            models.Prefetch("versions", current, to_attr="current_wordings")
        )

    def hold(self, pk: Any) -> Protocol:
        """Return the row, locked until the transaction ends."""
        return self.select_for_update(of=("self",), no_key=True).get(pk=pk)


ProtocolManager = models.Manager.from_queryset(ProtocolQuerySet)


class Protocol(Identified):
    """A procedure that a team runs; the text lives in its versions."""

    id_prefix = "proto"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="protocols")
    title = models.CharField(max_length=255)
    ordered = models.BooleanField(default=False, help_text="Steps may only be done in order.")
    status = models.CharField(max_length=16, choices=ProtocolStatus.choices, default=ProtocolStatus.ACTIVE)
    current_version = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ProtocolManager()

    class Meta:
        ordering = ["title", "id"]

    def __str__(self) -> str:
        return self.title

    @property
    def wording(self) -> ProtocolVersion:
        """The version that a session started now would run."""
        at_hand: list[ProtocolVersion] = getattr(self, "current_wordings", [])
        return at_hand[0] if at_hand else self.versions.get(version=self.current_version)

    @property
    def etag(self) -> str:
        """The entity tag: it changes whenever the protocol does."""
        return f'"{self.current_version}-{self.status}"'


class ProtocolVersion(Identified):
    """One wording of a protocol, never changed: one step a line, and the variables it asks for."""

    append_only = True
    id_prefix = "protov"

    protocol = models.ForeignKey(Protocol, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=255)
    content = models.TextField()
    variables = models.JSONField(default=list)
    ordered = models.BooleanField(default=False)
    digest = models.CharField(max_length=64)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["protocol", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["protocol", "version"], name="protocol_versions_are_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.title} v{self.version}"

    @property
    def wording_digest(self) -> str:
        """The digest that the row's wording gives; ``digest`` holds what it gave when it was written."""
        wording = {
            "protocol_id": typeid(Protocol.id_prefix, self.protocol_id),
            "version": self.version,
            "title": self.title,
            "content": self.content,
            "variables": self.variables,
            "ordered": self.ordered,
        }
        return sha256(canonical(wording))

    @property
    def instructions(self) -> list[str]:
        """The steps: the non-empty lines."""
        return [line.strip() for line in self.content.splitlines() if line.strip()]
