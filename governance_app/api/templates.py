"""Templates, their assignments and their history, for compliance administrators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.models import Team
from biolab.kernel.api import Door, etag_of
from biolab.kernel.errors import Missing
from biolab.kernel.ids import find
from governance_app.api import schemas
from governance_app.api.forms import AssignmentForm, DiffFilter, TemplateEdit, TemplateFilter, TemplateForm
from governance_app.api.pages import templates_page
from governance_app.models import TemplateAssignment, TemplateAudit, TemplateSnapshot, WorkflowTemplate
from governance_app.policies.approvals import require_administrator
from governance_app.selectors.approvals import compare_templates
from governance_app.services.assignments import assign_template, unassign_template
from governance_app.services.templates import archive_template, create_template, edit_template, publish_template
from governance_app.shapes.approvals import (
    assignment_as_wire,
    audit_as_wire,
    snapshot_as_wire,
    template_as_wire,
)
from sessions_app.models import Protocol


class AdministratorsDoor(Door):
    """A door that only compliance administrators pass."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_administrator(self.person)

    def template(self, tid: str) -> WorkflowTemplate:
        return find(WorkflowTemplate.objects.with_parts(), tid)

    def shown(self, template: WorkflowTemplate, status: int = 200) -> Response:
        """Answer a template as it is stored now, with its tag."""
        fresh = WorkflowTemplate.objects.with_parts().get(pk=template.pk)
        return self.answer(template_as_wire(fresh), status=status, etag=_tag(fresh))


class TemplatesDoor(AdministratorsDoor):
    """The list, and new versions."""

    @extend_schema(
        summary="List templates",
        parameters=[TemplateFilter, *schemas.PAGE],
        responses=schemas.Template(many=True),
        tags=["governance"],
    )
    def get(self, request: Request) -> Response:
        templates = WorkflowTemplate.objects.with_parts()
        if not self.asked(TemplateFilter)["include_all"]:
            templates = templates.current()
        return self.bare(templates_page(request, templates), template_as_wire)

    @extend_schema(
        summary="Write a new version of a template",
        request=TemplateForm,
        responses={201: schemas.Template},
        tags=["governance"],
    )
    def post(self, request: Request) -> Response:
        values = self.validated(TemplateForm)
        parent_id = values.pop("forked_from_id", None)
        parent = find(WorkflowTemplate.objects.all(), parent_id) if parent_id is not None else None
        template = create_template(**values, forked_from=parent, by=self.person, at=self.now)
        return self.shown(template, status=201)


class TemplateDoor(AdministratorsDoor):
    """One version."""

    @extend_schema(summary="Read a template", responses=schemas.Template, tags=["governance"])
    def get(self, request: Request, tid: str) -> Response:
        return self.shown(self.template(tid))

    @extend_schema(summary="Edit a draft", request=TemplateEdit, responses=schemas.Template, tags=["governance"])
    def patch(self, request: Request, tid: str) -> Response:
        template = self.template(tid)
        self.must_match(_tag(template))
        values = self.validated(TemplateEdit)
        return self.shown(edit_template(template=template, by=self.person, at=self.now, **values))


class PublishDoor(AdministratorsDoor):
    """From draft to published."""

    @extend_schema(summary="Publish a draft", request=None, responses=schemas.Template, tags=["governance"])
    def post(self, request: Request, tid: str) -> Response:
        return self.shown(publish_template(template=self.template(tid), by=self.person, at=self.now))


class ArchiveDoor(AdministratorsDoor):
    """Out of use."""

    @extend_schema(summary="Archive a version", request=None, responses=schemas.Template, tags=["governance"])
    def post(self, request: Request, tid: str) -> Response:
        return self.shown(archive_template(template=self.template(tid), by=self.person, at=self.now))


class SnapshotDoor(AdministratorsDoor):
    """What was frozen when a version was published."""

    @extend_schema(summary="Read a published snapshot", responses=schemas.Snapshot, tags=["governance"])
    def get(self, request: Request, tid: str) -> Response:
        snapshots = TemplateSnapshot.objects.select_related("template", "captured_by")
        snapshot = snapshots.filter(template=self.template(tid)).first()
        if snapshot is None:
            raise Missing("This version was never published.")
        return self.answer(snapshot_as_wire(snapshot))


class DiffDoor(AdministratorsDoor):
    """Two versions side by side."""

    @extend_schema(
        summary="Compare two versions", parameters=[DiffFilter], responses=schemas.TemplateDiff, tags=["governance"]
    )
    def get(self, request: Request, tid: str) -> Response:
        template = self.template(tid)
        other = self.template(self.asked(DiffFilter)["against"])
        return self.answer(compare_templates(other, template))


class AuditDoor(AdministratorsDoor):
    """The history of a version."""

    @extend_schema(
        summary="Read a template's history",
        parameters=schemas.PAGE,
        responses=schemas.AuditEntry(many=True),
        tags=["governance"],
    )
    def get(self, request: Request, tid: str) -> Response:
        entries = TemplateAudit.objects.filter(template=self.template(tid))
        page = self.page(entries.select_related("template", "snapshot", "actor"), order=("-created_at", "-id"))
        return self.bare(page, audit_as_wire)


class AssignmentsDoor(AdministratorsDoor):
    """Where a version governs."""

    @extend_schema(
        summary="List assignments",
        parameters=schemas.PAGE,
        responses=schemas.Assignment(many=True),
        tags=["governance"],
    )
    def get(self, request: Request, tid: str) -> Response:
        assignments = TemplateAssignment.objects.filter(template=self.template(tid))
        page = self.page(
            assignments.select_related("template", "team", "protocol", "created_by"), order=("-created_at", "-id")
        )
        return self.bare(page, assignment_as_wire)

    @extend_schema(
        summary="Assign to a team or a protocol",
        request=AssignmentForm,
        responses={201: schemas.Assignment},
        tags=["governance"],
    )
    def post(self, request: Request, tid: str) -> Response:
        template = self.template(tid)
        values = self.validated(AssignmentForm)
        team_id, protocol_id = values.get("team_id"), values.get("protocol_template_id")
        assignment = assign_template(
            template=template,
            team=find(Team.objects.all(), team_id) if team_id is not None else None,
            protocol=find(Protocol.objects.all(), protocol_id) if protocol_id is not None else None,
            metadata=values["metadata"],
            by=self.person,
            at=self.now,
        )
        return self.answer(assignment_as_wire(assignment), status=201)


class AssignmentDoor(AdministratorsDoor):
    """One assignment."""

    @extend_schema(summary="End an assignment", responses={204: None}, tags=["governance"])
    def delete(self, request: Request, aid: str) -> Response:
        assignment = find(TemplateAssignment.objects.select_related("template"), aid)
        unassign_template(assignment=assignment, by=self.person, at=self.now)
        return Response(status=204)


def _tag(template: WorkflowTemplate) -> str:
    return etag_of(template.pk, template.status, template.is_latest, template.updated_at)
