"""Templates: drafted, published into immutable snapshots, succeeded, archived."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from biolab.accounts.models import User
from biolab.kernel import security
from biolab.kernel.canonical import canonical, sha256
from biolab.kernel.errors import Invalid
from biolab.kernel.ids import find
from governance_app.errors import TemplateFixed
from governance_app.models import (
    TemplateAudit,
    TemplateKey,
    TemplateSnapshot,
    TemplateStage,
    WorkflowTemplate,
)
from governance_app.policies.approvals import require_administrator
from governance_app.rules.blueprint import StageBlueprint, check_blueprint, check_json, differences
from governance_app.selectors.approvals import blueprint_of, template_payload
from governance_app.states import ARCHIVE, PUBLISH, TEMPLATE_MACHINE, TemplateStatus

PREVIEWED = "template.preview.generated"
EDITABLE = (
    "name",
    "description",
    "default_stage_sla_hours",
    "permitted_roles",
    "allow_self_approval",
    "allow_repeat_signers",
)


@transaction.atomic
def create_template(
    *,
    template_key: str = "",
    name: str,
    by: User,
    at: datetime,
    description: str = "",
    default_stage_sla_hours: float | None = None,
    permitted_roles: Sequence[str] = (),
    stage_blueprint: Sequence[StageBlueprint] = (),
    forked_from: WorkflowTemplate | None = None,
    allow_self_approval: bool = False,
    allow_repeat_signers: bool = False,
    publish: bool = False,
) -> WorkflowTemplate:
    """Write a new version of ``template_key`` and return it: version 1, or the highest plus one, now the latest.

    Args:
        template_key: may be left out of a fork, which keeps its parent's.
        forked_from: the version it grew from; by default the latest one of the key.
        publish: publish it in the same stroke.

    Raises:
        AdministratorsOnly: the person may not.
        Invalid: a blueprint that no ladder can follow, or a fork under another key.
    """
    require_administrator(by)
    template_key = template_key or (forked_from.key_id if forked_from is not None else "")
    if not template_key:
        detail = "Give a template_key, or fork a template."
        raise Invalid(detail, errors=[{"pointer": "/template_key", "detail": detail}])
    if forked_from is not None and forked_from.key_id != template_key:
        detail = f"A fork keeps its parent's key, “{forked_from.key_id}”."
        raise Invalid(detail, errors=[{"pointer": "/template_key", "detail": detail}])
    check_blueprint(stage_blueprint, permitted_roles=permitted_roles, default_sla_hours=default_stage_sla_hours)
    key = TemplateKey.objects.hold(template_key)
    highest = WorkflowTemplate.objects.filter(key=key).order_by("-version").first()
    parent = forked_from or highest
    WorkflowTemplate.objects.filter(key=key, is_latest=True).update(is_latest=False)
    template = WorkflowTemplate.objects.create(
        key=key,
        version=highest.version + 1 if highest is not None else 1,
        name=name,
        description=description,
        default_stage_sla_hours=default_stage_sla_hours,
        permitted_roles=list(permitted_roles),
        allow_self_approval=allow_self_approval,
        allow_repeat_signers=allow_repeat_signers,
        forked_from=parent,
        created_by=by,
        created_at=at,
        updated_at=at,
    )
    _write_stages(template, stage_blueprint)
    write_audit(template, "template.created", by=by, at=at, forked_from_id=parent.public_id if parent else None)
    return publish_template(template=template, by=by, at=at) if publish else template


@transaction.atomic
def edit_template(
    *,
    template: WorkflowTemplate,
    by: User,
    at: datetime,
    stage_blueprint: Sequence[StageBlueprint] | None = None,
    **changes: Any,
) -> WorkflowTemplate:
    """Change a draft and return it; what changed goes into the audit with both sides.

    Args:
        stage_blueprint: replaces every stage; None leaves them.
        changes: any of ``EDITABLE``.

    Raises:
        AdministratorsOnly: the person may not.
        TemplateFixed: it is published or archived.
        Invalid: a blueprint that no ladder can follow.
    """
    require_administrator(by)
    template = _hold(template)
    if template.status != TemplateStatus.DRAFT:
        raise TemplateFixed(f"Version {template.version} is {template.status}; only drafts can be edited.")
    before = template_payload(template)
    for field in EDITABLE:
        if field in changes:
            setattr(template, field, changes[field])
    stages = blueprint_of(template) if stage_blueprint is None else stage_blueprint
    check_blueprint(
        stages, permitted_roles=template.permitted_roles, default_sla_hours=template.default_stage_sla_hours
    )
    template.updated_at = at
    template.save(update_fields=[*EDITABLE, "updated_at"])
    if stage_blueprint is not None:
        template.stages.all().delete()
        _write_stages(template, stage_blueprint)
    changed = [difference.as_wire() for difference in differences(before, template_payload(template))]
    if changed:
        write_audit(template, "template.edited", by=by, at=at, changes=changed)
    return template


@transaction.atomic
def publish_template(*, template: WorkflowTemplate, by: User, at: datetime) -> WorkflowTemplate:
    """Freeze a draft into its snapshot and return the template; one that is published stays as it is.

    Raises:
        AdministratorsOnly: the person may not.
        MoveRefused: it is archived.
        Invalid: it has no stage.
    """
    require_administrator(by)
    template = _hold(template)
    if template.status == TemplateStatus.PUBLISHED:
        return template
    TEMPLATE_MACHINE.make(PUBLISH, template)
    stages = blueprint_of(template)
    if not stages:
        detail = "A template needs at least one stage before it is published."
        raise Invalid(detail, errors=[{"pointer": "/stage_blueprint", "detail": detail}])
    check_blueprint(
        stages, permitted_roles=template.permitted_roles, default_sla_hours=template.default_stage_sla_hours
    )
    template.published_at = template.updated_at = at
    template.save(update_fields=["status", "published_at", "updated_at"])
    text = canonical(template_payload(template))
    snapshot = TemplateSnapshot.objects.create(
        template=template,
        key=template.key_id,
        version=template.version,
        captured_at=at,
        captured_by=by,
        payload_text=text.decode(),
        digest=sha256(text),
    )
    for kind in ("template.snapshot.created", "template.published"):
        write_audit(template, kind, by=by, at=at, snapshot=snapshot, digest=snapshot.digest)
    return template


@transaction.atomic
def archive_template(*, template: WorkflowTemplate, by: User, at: datetime) -> WorkflowTemplate:
    """Take a version out of use and return it; archiving twice changes nothing.

    Raises:
        AdministratorsOnly: the person may not.
    """
    require_administrator(by)
    template = _hold(template)
    if template.status == TemplateStatus.ARCHIVED:
        return template
    TEMPLATE_MACHINE.make(ARCHIVE, template)
    template.is_latest = False
    template.archived_at = template.updated_at = at
    template.save(update_fields=["status", "is_latest", "archived_at", "updated_at"])
    write_audit(template, "template.archived", by=by, at=at)
    return template


def succeed_template(*, template: WorkflowTemplate, by: User, at: datetime) -> WorkflowTemplate:
    """Return a new draft with the content of ``template``, one version further."""
    return create_template(
        template_key=template.key_id,
        forked_from=template,
        stage_blueprint=blueprint_of(template),
        by=by,
        at=at,
        **{field: getattr(template, field) for field in EDITABLE},
    )


def write_audit(
    template: WorkflowTemplate,
    kind: str,
    *,
    by: User | None,
    at: datetime,
    snapshot: TemplateSnapshot | None = None,
    **detail: Any,
) -> TemplateAudit:
    """Write one entry of the template's own history; what changes the rules goes into the security log too."""
    entry = TemplateAudit.objects.create(
        template=template, snapshot=snapshot, kind=kind, actor=by, created_at=at, detail=detail
    )
    if kind.startswith("template.") and kind != PREVIEWED:
        security.note(
            kind,
            person=by,
            at=at,
            template_id=template.public_id,
            template_key=template.key_id,
            version=template.version,
            audit_id=entry.public_id,
        )
    return entry


def _hold(template: WorkflowTemplate) -> WorkflowTemplate:
    TemplateKey.objects.hold(template.key_id)
    return WorkflowTemplate.objects.get(pk=template.pk)


def _write_stages(template: WorkflowTemplate, stages: Sequence[StageBlueprint]) -> None:
    rows = []
    for place, stage in enumerate(stages):
        check_json(dict(stage.metadata), f"/stage_blueprint/{place}/metadata")
        rows.append(
            TemplateStage(
                template=template,
                position=place + 1,
                name=stage.name,
                required_role=stage.required_role,
                sla_hours=stage.sla_hours,
                quorum=stage.quorum,
                meanings=list(stage.meanings),
                stage_step_indexes=list(stage.stage_step_indexes),
                stage_gate_keys=list(stage.stage_gate_keys),
                assignee=find_person(stage.assignee_id) if stage.assignee_id is not None else None,
                metadata=dict(stage.metadata),
            )
        )
    TemplateStage.objects.bulk_create(rows)


def find_person(text: object) -> User:
    """Return the active person whom ``text`` names.

    Raises:
        Missing: malformed, unknown, or no longer active.
    """
    return find(User.objects.filter(is_active=True), text)
