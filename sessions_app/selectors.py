"""Reads that return a shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from sessions_app.models import LabSession, Note


def with_note_counts(sessions: QuerySet[LabSession]) -> QuerySet[LabSession]:
    """Return the sessions with ``note_count``: how many of their notes stand."""
    counts = Note.objects.standing().filter(session=OuterRef("pk")).order_by().values("session")
    counted = Subquery(counts.annotate(number=Count("pk")).values("number"), output_field=IntegerField())
    return sessions.annotate(note_count=Coalesce(counted, 0))


def notes_matching(notes: QuerySet[Note], asked: Mapping[str, Any]) -> QuerySet[Note]:
    """Return the notes that every given filter lets through: speaker, type, tag, q, from and to (both inclusive)."""
    if asked.get("speaker"):
        notes = notes.filter(speaker=asked["speaker"])
    if asked.get("type"):
        notes = notes.filter(type=asked["type"])
    if asked.get("tag"):
        notes = notes.filter(pk__in=Note.objects.tagged(asked["tag"]).values("pk"))
    if asked.get("q"):
        notes = notes.filter(content__icontains=asked["q"])
    if asked.get("from"):
        notes = notes.filter(timestamp__gte=asked["from"])
    if asked.get("to"):
        notes = notes.filter(timestamp__lte=asked["to"])
    return notes
