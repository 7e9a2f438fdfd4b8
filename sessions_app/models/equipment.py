"""Equipment of a team, and its calibrations."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce

from biolab.accounts.models import Team, User
from biolab.kernel.canonical import sha256
from biolab.kernel.ids import Identified
from sessions_app.models.scope import teams_in_sight


class EquipmentQuerySet(models.QuerySet["Equipment"]):
    """Equipment, narrowed."""

    def visible_to(self, person: User) -> Self:
        """That of the person's teams; all for an administrator; none through a token of certain sessions."""
        if person.credential is not None and person.credential.session_ids:
            return self.none()
        teams = teams_in_sight(person)
        return self if teams is None else self.filter(team__in=teams)

    def with_calibration(self, *, as_of: datetime | None = None) -> Self:
        """With ``due_at`` and ``calibrated_at`` as the last calibration says, or as it was said at registration.

        Args:
            as_of: what was known at this moment; None for everything.
        """
        known = Calibration.objects.filter(equipment=models.OuterRef("pk")).order_by("-performed_at", "-id")
        if as_of is not None:
            known = known.filter(recorded_at__lte=as_of)
        return self.annotate(
            due_at=Coalesce(models.Subquery(known.values("due_at")[:1]), models.F("first_due_at")),
            calibrated_at=models.Subquery(known.values("performed_at")[:1]),
        )

    def overdue(self, at: datetime) -> Self:
        """Of those that came through ``with_calibration``, the ones whose calibration was due before ``at``."""
        return self.filter(due_at__lt=at)

    def not_overdue(self, at: datetime) -> Self:
        """Of those that came through ``with_calibration``, the others."""
        return self.filter(models.Q(due_at__gte=at) | models.Q(due_at__isnull=True))

    def hold(self, *pks: Any) -> list[Equipment]:
        """Return the rows, locked in the order of their keys until the transaction ends; before any session."""
        return list(self.filter(pk__in=pks).order_by("pk").select_for_update(of=("self",), no_key=True))


EquipmentManager = models.Manager.from_queryset(EquipmentQuerySet)


class Equipment(Identified):
    """Something of a team that steps may require; ``code`` is what the team itself calls it, on its label say."""

    id_prefix = "equip"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="equipment")
    code = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    first_due_at = models.DateTimeField(
        "first calibration due", null=True, blank=True, help_text="Empty for what needs no calibration."
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    # what ``with_calibration`` adds
    due_at: datetime | None
    calibrated_at: datetime | None

    objects = EquipmentManager()

    class Meta:
        ordering = ["name", "id"]
        verbose_name_plural = "equipment"
        constraints = [
            models.UniqueConstraint(
                fields=["team", "code"], condition=~models.Q(code=""), name="equipment_codes_are_unique_in_a_team"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def etag(self) -> str:
        """The entity tag of a row that came through ``with_calibration``."""
        return f'"{sha256(repr((self.pk, self.version, self.due_at, self.calibrated_at)).encode())[:24]}"'


class Calibration(Identified):
    """That a piece of equipment was calibrated, by whom, and when it is due again; never changed."""

    append_only = True
    id_prefix = "cal"

    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="calibrations")
    performed_at = models.DateTimeField()
    due_at = models.DateTimeField()
    reference = models.CharField(max_length=255, blank=True, help_text="Number of the certificate, say.")
    notes = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=150)
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["equipment", "-performed_at", "-id"]
        indexes = [models.Index(fields=["equipment", "-performed_at", "-id"], name="calibrations_newest_first")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(due_at__gt=models.F("performed_at")), name="calibration_due_after_it_was_done"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.equipment}, {self.performed_at:%Y-%m-%d}"
