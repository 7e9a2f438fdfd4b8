"""Whose coaching notes a person may read."""

from __future__ import annotations

from django.db.models import Q

from biolab.accounts.desk import reads_everything
from biolab.accounts.models import User
from governance_app.models import CoachingNote, OverrideAction
from governance_app.models.override import CoachingNoteQuerySet, OverrideActionQuerySet
from governance_app.policies.approvals import may_administer
from governance_app.states import ModerationState
from sessions_app.models import LabSession


def coached_overrides(person: User) -> OverrideActionQuerySet:
    """Return the overrides whose notes the person reads.

    Those of the sessions they see, their own, those about them and those of sessions they made; all for
    administrators and auditors. A token of certain sessions or one team reaches what it sees and nothing else.
    """
    if may_administer(person) or (reads_everything(person) and not _is_confined(person)):
        return OverrideAction.objects.all()
    seen = Q(session__in=LabSession.objects.visible_to(person))
    if not _is_confined(person):
        seen |= Q(actor=person) | Q(target_reviewer=person) | Q(reviewer=person) | Q(session__created_by=person)
    return OverrideAction.objects.filter(seen)


def _is_confined(person: User) -> bool:
    return person.credential is not None and person.credential.is_confined


def coaching_notes_for(person: User) -> CoachingNoteQuerySet:
    """Return the notes the person reads; a draft is its author's alone."""
    shown = ~Q(moderation_state=ModerationState.DRAFT) | Q(author=person)
    return CoachingNote.objects.filter(shown, override__in=coached_overrides(person))
