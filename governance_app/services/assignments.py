"""Which template governs which team or protocol, and which snapshot a session's request is held to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import QuerySet

from biolab.accounts.models import Team, User
from biolab.kernel.errors import Conflict, Invalid
from biolab.kernel.ids import find
from governance_app.errors import TemplateArchived, TemplateDrifted, TemplateFixed
from governance_app.models import TemplateAssignment, TemplateKey, TemplateSnapshot, WorkflowTemplate
from governance_app.policies.approvals import require_administrator
from governance_app.rules.blueprint import check_json
from governance_app.services.templates import write_audit
from governance_app.states import TemplateStatus
from sessions_app.models import LabSession, Protocol

log = structlog.get_logger(__name__)


@transaction.atomic
def assign_template(
    *,
    template: WorkflowTemplate,
    by: User,
    at: datetime,
    team: Team | None = None,
    protocol: Protocol | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> TemplateAssignment:
    """Let a published version govern a team or a protocol; publishing a newer one moves nothing.

    Raises:
        AdministratorsOnly: the person may not.
        Invalid: neither a team nor a protocol, or both.
        TemplateFixed: a draft. TemplateArchived: taken out of use. TemplateDrifted: changed behind our back.
        Conflict: it governs it already.
    """
    require_administrator(by)
    if (team is None) == (protocol is None):
        detail = "Give either a team_id or a protocol_template_id."
        raise Invalid(detail, errors=[{"pointer": "/team_id", "detail": detail}])
    check_json(dict(metadata or {}), "/metadata")
    TemplateKey.objects.hold(template.key_id)
    template = WorkflowTemplate.objects.get(pk=template.pk)
    if template.status == TemplateStatus.DRAFT:
        raise TemplateFixed(f"{template} is a draft; publish it before assigning it.", code="template_draft")
    usable(template.snapshot)
    if TemplateAssignment.objects.filter(template=template, team=team, protocol=protocol).exists():
        raise Conflict(f"{template} is assigned to {team or protocol} already.", code="already_assigned")
    assignment = TemplateAssignment.objects.create(
        template=template, team=team, protocol=protocol, metadata=dict(metadata or {}), created_by=by, created_at=at
    )
    write_audit(template, "template.assigned", by=by, at=at, **_told(assignment))
    return assignment


@transaction.atomic
def unassign_template(*, assignment: TemplateAssignment, by: User, at: datetime) -> None:
    """End an assignment; the audit keeps what it was.

    Raises:
        AdministratorsOnly: the person may not.
        Missing: it has ended already.
    """
    require_administrator(by)
    TemplateKey.objects.hold(assignment.template.key_id)
    assignment = find(TemplateAssignment.objects.select_related("template"), assignment.pk)
    told = _told(assignment)
    assignment.delete()
    write_audit(assignment.template, "template.unassigned", by=by, at=at, **told)


def outdated_assignments(template: WorkflowTemplate) -> QuerySet[TemplateAssignment]:
    """Return where other versions of the template's key govern what it does not govern itself."""
    own = TemplateAssignment.objects.filter(template=template)
    others = TemplateAssignment.objects.filter(template__key=template.key_id).exclude(template=template)
    return others.exclude(team__in=own.exclude(team=None).values("team")).exclude(
        protocol__in=own.exclude(protocol=None).values("protocol")
    )


@transaction.atomic
def take_over_assignments(*, template: WorkflowTemplate, by: User, at: datetime) -> list[TemplateAssignment]:
    """Let a published version govern what other versions of its key govern, in their place; return the new assignments.

    Raises:
        AdministratorsOnly: the person may not.
        TemplateFixed: a draft. TemplateArchived: taken out of use. TemplateDrifted: changed behind our back.
        Conflict: there is nothing to take over.
    """
    require_administrator(by)
    TemplateKey.objects.hold(template.key_id)
    found = outdated_assignments(template).select_related("template", "team", "protocol").order_by("created_at", "id")
    outdated = list(found)
    if not outdated:
        raise Conflict(
            "No other version of this template governs anything that this one does not.", code="nothing_outdated"
        )
    for assignment in outdated:
        unassign_template(assignment=assignment, by=by, at=at)
    targets = {(old.team_id, old.protocol_id): old for old in outdated}  # two versions may have governed the same
    return [
        assign_template(template=template, team=old.team, protocol=old.protocol, metadata=old.metadata, by=by, at=at)
        for old in targets.values()
    ]


def resolve_snapshot(*, session: LabSession) -> TemplateSnapshot | None:
    """Return the snapshot that governs a session: its protocol's, else its team's, else None.

    Raises:
        Conflict: two templates are assigned at the same level; both are named.
        TemplateArchived: the only one assigned was taken out of use.
        TemplateDrifted: its text was changed behind our back.
    """
    levels = []
    if session.protocol_version is not None:
        levels.append({"protocol_id": session.protocol_version.protocol_id})
    levels.append({"team_id": session.team_id})
    for level in levels:
        assigned = list(
            TemplateAssignment.objects.filter(**level)
            .select_related("template__snapshot")
            .order_by("template__key", "template__version")
        )
        if assigned:
            return _only_one([assignment.template for assignment in assigned])
    return None


def choose_snapshot(
    *, session: LabSession, template_id: object = None, snapshot_id: object = None
) -> TemplateSnapshot | None:
    """Return the snapshot that a request names by template, by snapshot or by both; else the one that governs.

    Raises:
        Missing: unknown template or snapshot.
        Invalid: the template is not published, or the snapshot is another template's.
        TemplateArchived: taken out of use. TemplateDrifted: changed behind our back.
    """
    if template_id is None and snapshot_id is None:
        return resolve_snapshot(session=session)
    template = find(WorkflowTemplate.objects.all(), template_id) if template_id is not None else None
    snapshot = find(TemplateSnapshot.objects.all(), snapshot_id) if snapshot_id is not None else None
    if snapshot is None and template is not None:
        _require_in_use(template)
        snapshot = template.published_snapshot
        if snapshot is None:
            detail = f"{template} is not published."
            raise Invalid(
                detail, code="template_draft", errors=[{"pointer": "/workflow_template_id", "detail": detail}]
            )
    elif snapshot is not None and template is not None and snapshot.template_id != template.pk:
        detail = "The snapshot belongs to another template."
        raise Invalid(
            detail,
            code="snapshot_of_another_template",
            errors=[{"pointer": "/workflow_template_snapshot_id", "detail": detail}],
        )
    return usable(snapshot) if snapshot is not None else None


def usable(snapshot: TemplateSnapshot) -> TemplateSnapshot:
    """Return the snapshot if it may be used.

    Raises:
        TemplateArchived: its template was taken out of use.
        TemplateDrifted: its text no longer matches its digest; told to the log as well.
    """
    _require_in_use(snapshot.template)
    refuse_drift(snapshot)
    return snapshot


def refuse_drift(snapshot: TemplateSnapshot) -> None:
    """Refuse a snapshot whose text was changed since it was hashed.

    Raises:
        TemplateDrifted: it was; told to the log as well.
    """
    if snapshot.has_drifted:
        log.error("template snapshot drifted", snapshot=snapshot.public_id, template_key=snapshot.key)
        raise TemplateDrifted(
            f"The published text of {snapshot} no longer matches its digest. Tell an administrator.",
            snapshot_id=snapshot.public_id,
        )


def _only_one(templates: list[WorkflowTemplate]) -> TemplateSnapshot:
    in_use = [template for template in templates if template.status != TemplateStatus.ARCHIVED]
    if not in_use:
        _require_in_use(templates[0])
    if len(in_use) > 1:
        names = " and ".join(str(template) for template in in_use)
        raise Conflict(
            f"Several templates are assigned at the same level: {names}. Name one of them.",
            code="ambiguous_template",
            candidates=[template.public_id for template in in_use],
        )
    return usable(in_use[0].snapshot)


def _require_in_use(template: WorkflowTemplate) -> None:
    if template.status == TemplateStatus.ARCHIVED:
        raise TemplateArchived(f"{template} is archived.", template_id=template.public_id)


def _told(assignment: TemplateAssignment) -> dict[str, Any]:
    return {
        "assignment_id": assignment.public_id,
        "team_id": assignment.team.public_id if assignment.team is not None else None,
        "protocol_template_id": assignment.protocol.public_id if assignment.protocol is not None else None,
        "metadata": assignment.metadata,
    }
