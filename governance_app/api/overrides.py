"""What is done about recommendations, and a session's decisions in one list."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.models import User
from biolab.kernel.api import Door
from biolab.kernel.api.paging import paged
from biolab.kernel.ids import find
from governance_app.api.override_forms import DecisionFilter, DecisionPage, Override, OverrideForm, ReversalForm
from governance_app.models import GovernanceBaseline, OverrideAction
from governance_app.selectors.approvals import decisions_of
from governance_app.selectors.recommended import find_person_in_sight, find_recommended
from governance_app.services.overrides import decide_override, reverse_override
from governance_app.shapes.overrides import decision_as_wire, override_as_wire
from governance_app.states import OverrideKind, OverrideStatus
from sessions_app.models import LabSession

RULES = """A recommendation is named `rule:reviewer_id`. Who may execute or take back an override is told by rank:
administrator 100, whoever executed it 80 (to take it back), owner 70, the reviewer it is about 65 (to take it back),
manager 60, who made the session 55, lead 50, reviewer 30, member 20, observer 10; to reassign takes 30, to cool down
50, to escalate 60. Accepting and declining take the same. Viewers and observers change nothing."""


class OverrideDoor(Door):
    """A door to one recommendation in one session."""

    scope_area = "governance"

    def session(self, pk: Any) -> LabSession:
        return find(LabSession.objects.visible_to(self.person), pk)

    def shown(self, row: OverrideAction) -> Response:
        return self.answer(override_as_wire(OverrideAction.objects.told().get(pk=row.pk)))


class DecideDoor(OverrideDoor):
    """Accept, decline or execute; which one, the path says."""

    decision: ClassVar[OverrideStatus] = OverrideStatus.ACCEPTED

    @extend_schema(
        summary="Accept, decline or execute a recommendation",
        description="The same decision again answers the same row and writes nothing. A reassignment adds the reviewer "
        f"to the baseline. {RULES}",
        request=OverrideForm,
        responses=Override,
        tags=["governance"],
    )
    def post(self, request: Request, recommendation_id: str) -> Response:
        form = self.validated(OverrideForm)
        session = self.session(form["execution_id"])
        recommended = find_recommended(recommendation_id, session=session, person=self.person)
        baseline_id, target_id = form.get("baseline_id"), form.get("target_reviewer_id")
        row = decide_override(
            session=session,
            recommended=recommended,
            decision=self.decision,
            action=OverrideKind(form["action"]),
            baseline=find(GovernanceBaseline.objects.filter(session=session), baseline_id) if baseline_id else None,
            target_reviewer=self._target(target_id, session) if target_id else None,
            notes=form.get("notes") or "",
            metadata=form["metadata"],
            lineage=form.get("lineage"),
            by=self.person,
            at=self.now,
        )
        return self.shown(row)

    def _target(self, pk: Any, session: LabSession) -> User:
        return find_person_in_sight(pk, session=session, person=self.person)


class ReverseDoor(OverrideDoor):
    """Take back what was executed."""

    @extend_schema(
        summary="Take an executed override back",
        description=f"What changed is kept in `reversal_event.diffs`, before and after. {RULES}",
        request=ReversalForm,
        responses=Override,
        tags=["governance"],
    )
    def post(self, request: Request, recommendation_id: str) -> Response:
        form = self.validated(ReversalForm)
        session = self.session(form["execution_id"])
        row = reverse_override(
            session=session,
            recommended=find_recommended(recommendation_id, session=session, person=self.person),
            notes=form.get("notes") or "",
            metadata=form["metadata"],
            by=self.person,
            at=self.now,
        )
        return self.shown(row)


class DecisionsDoor(Door):
    """Everything that governance decided or advised in a session."""

    scope_area = "sessions"

    @extend_schema(
        operation_id="governance_decisions_list",
        summary="List a session's decisions",
        description="Override recommendations and actions, baseline events, coaching notes and previews in one list, "
        "newest first. Each is an event of the session's timeline; the session's socket tells them as they come.",
        parameters=[DecisionFilter, *paged(default=50, most=200)],
        responses=DecisionPage,
        tags=["governance"],
    )
    def get(self, request: Request) -> Response:
        session = find(LabSession.objects.visible_to(self.person), self.asked(DecisionFilter)["execution_id"])
        page = self.page(decisions_of(session), order=("-sequence",), default=50, most=200)
        return self.items(page, decision_as_wire)
