"""Reads that return a shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from biolab.accounts.models import Membership, User
from biolab.accounts.roles import Right
from sessions_app.models import LabSession, Note, NotebookEntry, TimelineEvent
from sessions_app.policies import rights_in
from sessions_app.search import notes_holding

LOOKED_BACK: Final = 1_000
BY_NOBODY: Final = '{"actor":{"id":null,'


def with_note_counts(sessions: QuerySet[LabSession]) -> QuerySet[LabSession]:
    """Return the sessions with ``note_count``: how many of their notes stand."""
    counts = Note.objects.standing().filter(session=OuterRef("pk")).order_by().values("session")
    counted = Subquery(counts.annotate(number=Count("pk")).values("number"), output_field=IntegerField())
    return sessions.annotate(note_count=Coalesce(counted, 0))


def sessions_holding(sessions: QuerySet[LabSession], text: str) -> QuerySet[LabSession]:
    """Return the sessions whose name or description contains ``text``, or of whose standing notes one does by words."""
    noted = Note.objects.standing().filter(notes_holding(text)).order_by().values("session")
    return sessions.filter(Q(name__icontains=text) | Q(description__icontains=text) | Q(pk__in=noted))


def people_for_crew(session: LabSession, by: User) -> QuerySet[User]:
    """Return whom ``by`` may put into the crew: members of the team; any account, for those who manage the team."""
    people = User.objects.filter(is_active=True)
    if Right.MANAGE_MEMBERS in rights_in(by, session.team_id):
        return people
    return people.filter(pk__in=Membership.objects.filter(team=session.team_id).values("user"))


def notes_matching(notes: QuerySet[Note], asked: Mapping[str, Any]) -> QuerySet[Note]:
    """Return the notes that every given filter lets through: speaker, type, tag, q, from and to (both inclusive)."""
    if asked.get("speaker"):
        notes = notes.filter(speaker=asked["speaker"])
    if asked.get("type"):
        notes = notes.filter(type=asked["type"])
    if asked.get("tag"):
        notes = notes.filter(pk__in=Note.objects.tagged(asked["tag"]).values("pk"))
    if asked.get("q"):
        notes = notes.filter(notes_holding(asked["q"]))
    if asked.get("from"):
        notes = notes.filter(timestamp__gte=asked["from"])
    if asked.get("to"):
        notes = notes.filter(timestamp__lte=asked["to"])
    return notes


def notebook_of(session: LabSession) -> QuerySet[NotebookEntry]:
    """Return the session's entries that stand, oldest first, without their text."""
    entries = NotebookEntry.objects.standing().filter(session=session).select_related("created_by")
    return entries.defer("content").order_by("created_at", "id")


def written_by_itself(session: LabSession) -> QuerySet[TimelineEvent]:
    """Return what the house wrote without a person among the session's last events, newest first.

    The text of an event says who acted: of an imported session no account here did.
    """
    since = max(0, session.head_sequence - LOOKED_BACK)
    return session.events.filter(sequence__gt=since, canonical__startswith=BY_NOBODY).order_by("-sequence")
