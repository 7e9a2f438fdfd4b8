"""Reads of exports that return a shape: what packaging is busy with, and how two dossiers differ."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Max, Min, Q
from django.utils.safestring import SafeString, mark_safe

from biolab.accounts.models import User
from biolab.accounts.roles import RIGHTS, Right
from biolab.kernel.errors import TooLarge
from biolab.kernel.times import iso_or_none
from exports_app.models import NarrativeExport, NarrativeExportQuerySet
from exports_app.narrative.page import render_body
from exports_app.services.artifacts import read_frozen
from exports_app.states import UNFINISHED, ArtifactStatus

LARGEST_COMPARED: Final = 4 * 1024 * 1024
CONTEXT_LINES: Final = 3
DOSSIER_SHOWN: Final = 400_000  # characters; a page beyond that is no longer read but searched


def jobs_visible_to(person: User) -> NarrativeExportQuerySet:
    """Return the exports whose packing the person may watch: of teams they run sessions in; all for administrators."""
    visible = NarrativeExport.objects.visible_to(person)
    if person.is_admin:
        return visible
    running = [role for role, rights in RIGHTS.items() if Right.RUN in rights]
    return visible.filter(session__team__memberships__user=person, session__team__memberships__role__in=running)


def queue_figures(person: User, *, at: datetime) -> dict[str, Any]:
    """Return what packaging is busy with, from the rows, which are the jobs."""
    jobs = jobs_visible_to(person)
    released = jobs.released()
    figures = released.aggregate(
        active=Count("pk", filter=Q(artifact_status=ArtifactStatus.PROCESSING, lease_until__gt=at)),
        scheduled=Count("pk", filter=Q(artifact_status=ArtifactStatus.RETRYING, next_retry_at__gt=at)),
    )
    waiting = released.due(at)
    oldest = waiting.aggregate(oldest=Min("queued_at"))["oldest"]
    return {
        "queue": {**figures, "reserved": waiting.count()},
        "status_counts": dict(jobs.order_by().values_list("artifact_status").annotate(Count("pk"))),
        "oldest_queued_seconds": max(0.0, (at - oldest).total_seconds()) if oldest is not None else None,
        "last_failure_at": iso_or_none(jobs.aggregate(last=Max("failed_at"))["last"]),
    }


def open_jobs(person: User) -> NarrativeExportQuerySet:
    """Return the jobs that are not done: waiting, at work, to be tried again, or failed."""
    busy = Q(artifact_status__in=UNFINISHED) & Q(queued_at__isnull=False)
    return jobs_visible_to(person).filter(busy | Q(artifact_status=ArtifactStatus.FAILED)).select_related("session")


@dataclass(frozen=True)
class ReadableDossier:
    """A dossier as a page shows it; ``clipped`` where it ends before the dossier does."""

    html: SafeString
    clipped: bool


def readable_dossier(export: NarrativeExport) -> ReadableDossier:
    """Return the frozen dossier, sanitised, to be read before it is signed."""
    text = read_frozen(export.content).decode()
    shown = text[: text.rfind("\n## ", 0, DOSSIER_SHOWN)] if len(text) > DOSSIER_SHOWN else text
    html = mark_safe("".join(render_body([shown])))  # noqa: S308  sanitised by the renderer
    return ReadableDossier(html, clipped=len(shown) < len(text))


@dataclass(frozen=True)
class DossierDiff:
    """How the dossier of one version became another's; ``lines`` is a unified diff."""

    identical: bool
    lines: list[str]


def compare_dossiers(before: NarrativeExport, after: NarrativeExport) -> DossierDiff:
    """Return how the dossier of ``before`` became that of ``after``.

    Raises:
        TooLarge: they are beyond what is compared here.
    """
    if before.content_id == after.content_id:
        return DossierDiff(True, [])
    if before.content.size + after.content.size > LARGEST_COMPARED:
        raise TooLarge("These dossiers are too large to be compared here.", code="diff_too_large")
    return DossierDiff(False, list(_diff(before, after)))


def _diff(before: NarrativeExport, after: NarrativeExport) -> Iterator[str]:
    old, new = (read_frozen(export.content).decode().splitlines() for export in (before, after))
    names = [f"v{export.version}/narrative.md" for export in (before, after)]
    return difflib.unified_diff(old, new, names[0], names[1], n=CONTEXT_LINES, lineterm="")
