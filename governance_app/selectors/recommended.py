"""What a recommendation's id names: a rule and a reviewer."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from biolab.accounts.models import Membership, User
from biolab.kernel.errors import Missing
from biolab.kernel.ids import find, parse_id
from governance_app.models import BaselineReviewer
from governance_app.states import OverrideRule
from sessions_app.models import LabSession
from sessions_app.models.scope import teams_in_sight


@dataclass(frozen=True)
class Recommended:
    """A rule, and the reviewer it was found to hold for."""

    rule: OverrideRule
    reviewer: User

    @property
    def id(self) -> str:
        """The id as the wire writes it."""
        return recommendation_id(self.rule, self.reviewer)


def recommendation_id(rule: OverrideRule, reviewer: User) -> str:
    """Return ``rule:reviewer_id``."""
    return f"{rule}:{reviewer.public_id}"


def find_recommended(text: str, *, session: LabSession, person: User) -> Recommended:
    """Return what ``text`` names, if the person sees that reviewer.

    Raises:
        Missing: no such rule, no such reviewer, or one who is neither of a team in sight nor a reviewer here.
    """
    rule, _, reviewer_id = text.partition(":")
    pk = parse_id(reviewer_id, User.id_prefix)
    reviewer = User.objects.filter(pk=pk).first() if pk is not None and rule in OverrideRule.values else None
    if reviewer is None or not _in_sight(reviewer, session=session, person=person):
        raise Missing("There is no recommendation with this id.")
    return Recommended(OverrideRule(rule), reviewer)


def find_person_in_sight(pk: object, *, session: LabSession, person: User) -> User:
    """Return the account with this id, if the person sees whom it belongs to.

    Raises:
        Missing: there is none, it has ended, or the person does not see it.
    """
    found = find(User.objects.filter(is_active=True), pk)
    if not _in_sight(found, session=session, person=person):
        raise Missing("There is no user with this id.")
    return found


def _in_sight(reviewer: User, *, session: LabSession, person: User) -> bool:
    teams = teams_in_sight(person)
    if teams is None or reviewer.pk == person.pk:
        return True
    together = Membership.objects.filter(Q(team__in=teams) | Q(team=session.team_id), user_id=reviewer.pk)
    reviews = BaselineReviewer.objects.filter(baseline__session=session, person_id=reviewer.pk)
    return together.exists() or reviews.exists()
