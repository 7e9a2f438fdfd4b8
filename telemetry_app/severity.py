"""How grave an event of a timeline is, by its kind; pure."""

from __future__ import annotations

from typing import Final

from django.db.models import Q

from sessions_app.states import Severity

# How the kinds end; the ending is enough, since approvals have their subject's name in front.
ENDINGS: Final = {
    Severity.ERROR: ("session.aborted", ".failed", ".integrity_failed", "error.occurred"),
    Severity.WARNING: (
        "telemetry.limit.crossed",
        "telemetry.gap",
        "session.paused",
        "note.deleted",
        ".retrying",
        ".rejected",
        ".withdrawn",
        ".stage_overdue",
        ".stage_escalated",
    ),
}


def severity_of(kind: str) -> Severity:
    """Return how grave an event of this kind is; what nobody needs to act on is information."""
    return next((severity for severity, endings in ENDINGS.items() if kind.endswith(endings)), Severity.INFO)


def at_least(severity: Severity) -> Q:
    """Return the condition that an event is as grave as this, or graver."""
    if severity is Severity.INFO:
        return Q()
    graver = [Severity.ERROR] if severity is Severity.ERROR else [Severity.ERROR, Severity.WARNING]
    condition = Q(pk__in=[])
    for ending in (ending for level in graver for ending in ENDINGS[level]):
        condition |= Q(kind__endswith=ending)
    return condition
