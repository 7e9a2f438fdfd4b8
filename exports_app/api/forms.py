"""What the doors of exports read."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from biolab.accounts.roles import Role
from exports_app.services.evidence import MOST_ATTACHMENTS, NAMED_BY, read_attachment
from exports_app.services.exports import LONGEST_NOTES, Wish
from governance_app.api.forms import SlaHours
from governance_app.rules.blueprint import MOST_STAGES
from governance_app.services.approvals import StageSpec
from governance_app.services.templates import find_person


def _id(**kwargs: Any) -> serializers.CharField:
    return serializers.CharField(max_length=80, required=False, allow_null=True, **kwargs)


class AttachmentForm(serializers.Serializer[Any]):
    """One piece of evidence: ``reference_id`` with its ``type``, or one of the ids that name their type themselves."""

    type = serializers.CharField(max_length=32, required=False, allow_null=True)
    reference_id = _id()
    event_id = _id()
    file_id = _id()
    notebook_entry_id = _id()
    analytics_event_id = _id()
    qc_event_id = _id()
    remediation_event_id = _id()
    label = serializers.CharField(max_length=255, required=False, allow_blank=True, allow_null=True)  # type: ignore[assignment]
    context = serializers.DictField(required=False, allow_null=True)  # type: ignore[assignment]


assert set(NAMED_BY) <= set(AttachmentForm().fields)  # noqa: S101  a name without a field would never be read


class LadderStageForm(serializers.Serializer[Any]):
    """One stage of a ladder that is spelt out instead of taken from a template."""

    name = serializers.CharField(max_length=255, required=False, allow_blank=True)
    required_role = serializers.ChoiceField(choices=Role.choices)
    assignee_id = _id()
    delegate_id = _id()
    sla_hours = SlaHours()
    metadata = serializers.DictField(required=False)


class ExportForm(serializers.Serializer[Any]):
    """What is to be exported, and who is to approve it."""

    attachments = serializers.ListField(child=AttachmentForm(), required=False, max_length=MOST_ATTACHMENTS)
    notes = serializers.CharField(max_length=LONGEST_NOTES, required=False, allow_blank=True, allow_null=True)
    metadata = serializers.DictField(required=False)
    workflow_template_id = _id()
    workflow_template_snapshot_id = _id()
    approval_stages = serializers.ListField(child=LadderStageForm(), required=False, max_length=MOST_STAGES)


def wish_of(values: dict[str, Any]) -> Wish:
    """Return a validated ``ExportForm`` as the service takes it.

    Raises:
        EvidenceRefused: an attachment that names nothing, too much, or what cannot be attached.
        Missing: an assignee or delegate nobody knows.
    """
    return Wish(
        attachments=[read_attachment(place, given) for place, given in enumerate(values.get("attachments") or [])],
        notes=values.get("notes") or "",
        metadata=values.get("metadata") or {},
        template_id=values.get("workflow_template_id"),
        snapshot_id=values.get("workflow_template_snapshot_id"),
        stages=[_stage(given) for given in values.get("approval_stages") or []],
    )


def _stage(given: dict[str, Any]) -> StageSpec:
    assignee, delegate = given.get("assignee_id"), given.get("delegate_id")
    return StageSpec(
        required_role=given["required_role"],
        name=given.get("name") or "",
        assignee=find_person(assignee) if assignee else None,
        delegate=find_person(delegate) if delegate else None,
        sla_hours=given.get("sla_hours"),
        metadata=given.get("metadata") or {},
    )


class Rehearsal(serializers.Serializer[Any]):
    """Whether to try without keeping anything."""

    dry_run = serializers.BooleanField(default=False)


class Inclusion(serializers.Serializer[Any]):
    """What to add to each export of a list."""

    include = serializers.ChoiceField(choices=["content"], required=False)


class Against(serializers.Serializer[Any]):
    """The export to compare with."""

    against = serializers.CharField(max_length=80)


class SignForm(serializers.Serializer[Any]):
    """A signature on the current stage."""

    status = serializers.ChoiceField(choices=["approved", "rejected"])
    signature = serializers.CharField(max_length=255)
    password = serializers.CharField(
        max_length=1024,
        required=False,
        allow_blank=True,
        allow_null=True,
        trim_whitespace=False,
        style={"input_type": "password"},
        help_text="The signer's. Who has a device for codes may give `totp` instead, except at the first signature.",
    )
    totp = serializers.CharField(
        max_length=16,
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="A code of the signer's device. The first signature of a sign-in period takes it beside `password`.",
    )
    meaning = serializers.CharField(max_length=32, required=False, allow_blank=True, allow_null=True)
    stage_id = _id()
    content_digest = serializers.CharField(max_length=64, required=False, allow_null=True)
    notes = serializers.CharField(max_length=LONGEST_NOTES, required=False, allow_blank=True, allow_null=True)
    metadata = serializers.DictField(required=False)


class DelegateForm(serializers.Serializer[Any]):
    """Who is to sign a stage instead."""

    delegate_id = serializers.CharField(max_length=80)
    due_at = serializers.CharField(max_length=40, required=False, allow_null=True)
    notes = serializers.CharField(max_length=LONGEST_NOTES, required=False, allow_blank=True, allow_null=True)
    metadata = serializers.DictField(required=False)


class ResetForm(serializers.Serializer[Any]):
    """Why a stage is put back."""

    notes = serializers.CharField(max_length=LONGEST_NOTES)
    metadata = serializers.DictField(required=False)


class CommentForm(serializers.Serializer[Any]):
    """What somebody has to say about a stage."""

    notes = serializers.CharField(max_length=LONGEST_NOTES)
    metadata = serializers.DictField(required=False)


class WithdrawForm(serializers.Serializer[Any]):
    """Why a request is taken back."""

    notes = serializers.CharField(max_length=LONGEST_NOTES, required=False, allow_blank=True, allow_null=True)
