"""What stands for a person at the door: service tokens and sign-ins."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from biolab.accounts.models.team import Team
from biolab.kernel.ids import Identified


class ServiceToken(Identified):
    """A secret for an instrument or a script; only its digest is kept.

    Empty ``scopes`` give its owner's rights. ``team`` and ``session_ids`` narrow what it can see.
    """

    id_prefix = "tok"

    name = models.CharField(max_length=100)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="service_tokens")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=12, editable=False)
    scopes = models.JSONField(default=list, blank=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="service_tokens")
    session_ids = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name

    def is_good(self, at: datetime) -> bool:
        """Tell whether it is neither revoked nor expired at that time."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    @property
    def is_narrowed(self) -> bool:
        """Whether it may do less, or for less long, than its owner."""
        return self.is_confined or self.expires_at is not None

    @property
    def is_confined(self) -> bool:
        """Whether it reaches less than its owner does."""
        return bool(self.scopes or self.session_ids or self.team_id)


class SignIn(Identified):
    """One sign-in and the family of refresh tokens that grew from it."""

    id_prefix = "signin"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sign_ins")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    refresh_jti = models.CharField(max_length=64)
    last_seen_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.user} since {self.created_at:%Y-%m-%d %H:%M}"


class SigningPeriod(models.Model):
    """When a person last signed within one sign-in; what they give at the next signature depends on it.

    ``key`` is a digest of the sign-in, never what opens it.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="signing_periods")
    key = models.CharField(max_length=64)
    signed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "key"], name="one_signing_period_per_sign_in"),
        ]

    def __str__(self) -> str:
        return f"{self.person}, last at {self.signed_at:%Y-%m-%d %H:%M}"
