"""What notifications are about, how much they matter, which ways they take and how often mail leaves."""

from __future__ import annotations

from django.db.models import TextChoices


class Category(TextChoices):
    COMPLIANCE = "compliance", "Compliance"
    SESSIONS = "sessions", "Sessions"
    TELEMETRY = "telemetry", "Telemetry"
    EXPORTS = "exports", "Exports"
    SYSTEM = "system", "System"


class Priority(TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    URGENT = "urgent", "Urgent"


class Way(TextChoices):
    """A way to a person (the wire says ``channel``)."""

    IN_APP = "in_app", "In the inbox"
    EMAIL = "email", "By e-mail"


ON_UNLESS_TURNED_OFF = frozenset({Way.IN_APP})
"""Ways that are open to every category until the person says otherwise; mail is for those who ask for it."""


class DigestFrequency(TextChoices):
    IMMEDIATE = "immediate", "At once"
    HOURLY = "hourly", "Every hour"
    DAILY = "daily", "Every day"
    WEEKLY = "weekly", "Every week"
