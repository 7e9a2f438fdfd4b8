"""Baselines: proposed, listed, decided on, compared with."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.models import User
from biolab.kernel.api import Door
from biolab.kernel.errors import Missing
from biolab.kernel.ids import find, parse_id
from biolab.kernel.times import iso
from governance_app.api import baseline_schemas as schemas
from governance_app.api.baseline_forms import (
    BaselineFilter,
    CompareFilter,
    PublishForm,
    ReviewForm,
    RollbackForm,
    SubmissionForm,
)
from governance_app.api.schemas import PAGE
from governance_app.models import GovernanceBaseline, WorkflowTemplate
from governance_app.policies.baselines import require_decider, require_roller
from governance_app.services.baselines import publish_baseline, review_baseline, roll_back_baseline, submit_baseline
from governance_app.services.freezing import hold_against
from governance_app.shapes.baselines import baseline_as_wire, whole_baseline_as_wire
from sessions_app.models import LabSession, Protocol

TAGS = ["governance"]


class BaselineDoor(Door):
    """Base of the doors of baselines."""

    scope_area = "governance"

    def baselines(self) -> QuerySet[GovernanceBaseline]:
        """Return those the person sees."""
        return GovernanceBaseline.objects.visible_to(self.person).with_events()

    def session(self, text: object) -> LabSession:
        """Return the session that ``text`` names, if the person sees it."""
        return find(LabSession.objects.visible_to(self.person).with_protocol(), text)

    def shown(self, baseline: GovernanceBaseline, status: int = 200) -> Response:
        """Answer a baseline as it is stored now, with its content."""
        fresh = GovernanceBaseline.objects.with_events().select_related("frozen").get(pk=baseline.pk)
        return self.answer(whole_baseline_as_wire(fresh), status=status)


class SubmissionsDoor(BaselineDoor):
    """Where sessions are proposed."""

    @extend_schema(
        summary="Propose a session as its protocol's baseline",
        description="By who runs the session's bench. The content is frozen now, in whatever state the session is.",
        request=SubmissionForm,
        responses={201: schemas.WholeBaseline},
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        values = self.validated(SubmissionForm)
        session = self.session(values.pop("execution_id"))
        people = User.objects.filter(is_active=True)
        reviewers = [find(people, text) for text in values.pop("reviewer_ids")]
        description = values.pop("description", None) or ""
        baseline = submit_baseline(
            session=session, reviewers=reviewers, description=description, by=self.person, at=self.now, **values
        )
        return self.shown(baseline, status=201)


class BaselinesDoor(BaselineDoor):
    """The list."""

    @extend_schema(
        operation_id="api_governance_baselines_list",
        summary="List baselines",
        description="Newest first, without their content.",
        parameters=[BaselineFilter, *PAGE],
        responses=schemas.BaselinePage,
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        asked, baselines = self.asked(BaselineFilter), self.baselines()
        if "execution_id" in asked:
            baselines = baselines.filter(session=self.session(asked["execution_id"]))
        if "template_id" in asked:
            baselines = self._of_template(baselines, asked["template_id"])
        if "status" in asked:
            baselines = baselines.filter(status=asked["status"])
        return self.items(self.page(baselines, order=("-submitted_at", "-id")), baseline_as_wire)

    def _of_template(self, baselines: QuerySet[GovernanceBaseline], text: str) -> QuerySet[GovernanceBaseline]:
        """Return those of the protocol that ``text`` names, else those under the template that it names."""
        protocol_id = parse_id(text, Protocol.id_prefix)
        if protocol_id is not None and Protocol.objects.visible_to(self.person).filter(pk=protocol_id).exists():
            return baselines.filter(protocol_id=protocol_id)
        template_id = parse_id(text, WorkflowTemplate.id_prefix)
        under = baselines.filter(snapshot__template_id=template_id)
        if template_id is None or not under.exists():
            raise Missing("There is no protocol or template with this id.")
        return under


class OneBaselineDoor(BaselineDoor):
    """Base of the doors of one baseline."""

    def baseline(self, bid: str) -> GovernanceBaseline:
        return find(self.baselines().select_related("frozen"), bid)


class BaselineReadDoor(OneBaselineDoor):
    """One baseline."""

    @extend_schema(summary="Read a baseline with what was frozen", responses=schemas.WholeBaseline, tags=TAGS)
    def get(self, request: Request, bid: str) -> Response:
        return self.answer(whole_baseline_as_wire(self.baseline(bid)))


class ReviewDoor(OneBaselineDoor):
    """Approve or reject."""

    @extend_schema(
        summary="Approve or reject a baseline",
        description="By a named reviewer or an administrator, never by who proposed it. A rejected one may be reviewed "
        "again.",
        request=ReviewForm,
        responses=schemas.WholeBaseline,
        tags=TAGS,
    )
    def post(self, request: Request, bid: str) -> Response:
        baseline = self.baseline(bid)
        require_decider(self.person, baseline)
        values = self.validated(ReviewForm)
        notes = values.get("notes") or ""
        return self.shown(
            review_baseline(baseline=baseline, decision=values["decision"], notes=notes, by=self.person, at=self.now)
        )


class PublishDoor(OneBaselineDoor):
    """Make an approved one the current version."""

    @extend_schema(
        summary="Publish an approved baseline",
        description="It gets the next number of its protocol and is the current one. By a named reviewer or an "
        "administrator, never by who proposed it.",
        request=PublishForm,
        responses=schemas.WholeBaseline,
        tags=TAGS,
    )
    def post(self, request: Request, bid: str) -> Response:
        baseline = self.baseline(bid)
        require_decider(self.person, baseline)
        notes = self.validated(PublishForm).get("notes") or ""
        return self.shown(publish_baseline(baseline=baseline, notes=notes, by=self.person, at=self.now))


class RollbackDoor(OneBaselineDoor):
    """Take a published one out of use."""

    @extend_schema(
        summary="Roll a published baseline back",
        description="By administrators. The target version, rolled back before or not, becomes current in its place.",
        request=RollbackForm,
        responses=schemas.WholeBaseline,
        tags=TAGS,
    )
    def post(self, request: Request, bid: str) -> Response:
        baseline = self.baseline(bid)
        require_roller(self.person)
        values = self.validated(RollbackForm)
        target_id: Any = values.get("target_version_id")
        target = find(GovernanceBaseline.objects.visible_to(self.person), target_id) if target_id is not None else None
        return self.shown(
            roll_back_baseline(baseline=baseline, reason=values["reason"], target=target, by=self.person, at=self.now)
        )


class CompareDoor(OneBaselineDoor):
    """A session held against it."""

    @extend_schema(
        summary="Compare a session with a baseline",
        description="Steps, durations, parameters and envelopes of a session of the same protocol, as it stands now. "
        "A channel is `missing` without readings in the baseline's unit, `outside` where one leaves the baseline's "
        "range by more than the tolerance, else `inside`.",
        parameters=[CompareFilter],
        responses=schemas.BaselineComparison,
        tags=TAGS,
    )
    def get(self, request: Request, bid: str) -> Response:
        baseline, asked = self.baseline(bid), self.asked(CompareFilter)
        session, tolerance = self.session(asked["execution_id"]), asked["tolerance_percent"]
        found, _ = hold_against(baseline=baseline, session=session, tolerance_percent=tolerance, at=self.now)
        return self.answer(
            {
                "baseline_id": baseline.public_id,
                "execution_id": session.public_id,
                "version_number": baseline.version_number,
                "generated_at": iso(self.now),
                "tolerance_percent": tolerance,
                **found,
            }
        )
