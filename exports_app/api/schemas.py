"""What the doors of exports answer, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from biolab.accounts.roles import Role
from biolab.kernel.api.paging import paged
from exports_app.states import ArtifactStatus
from governance_app.api.preview_schemas import GuardrailSimulation
from governance_app.api.schemas import Person
from governance_app.states import LadderState, StageStatus

PAGE: Final = paged(default=50, most=200)


def _text(*, nullable: bool = True) -> serializers.CharField:
    return serializers.CharField(allow_null=nullable, allow_blank=True)


def _when(*, nullable: bool = True) -> serializers.DateTimeField:
    return serializers.DateTimeField(allow_null=nullable)


class Signed(serializers.Serializer[Any]):
    """A signature with all that it is bound to."""

    printed_name = serializers.CharField()
    signature = serializers.CharField()
    decision = serializers.CharField()
    meaning = serializers.CharField()
    role = serializers.CharField()
    signed_at = _when(nullable=False)
    local_time = serializers.CharField()
    zone = serializers.CharField()
    subject_digest = serializers.CharField()
    snapshot_digest = _text()
    chain_sequence = serializers.IntegerField()
    chain_head = serializers.CharField()
    key_id = serializers.CharField()
    canonical = serializers.CharField()
    seal = serializers.CharField()


class Action(serializers.Serializer[Any]):
    """What somebody did on a stage."""

    id = serializers.CharField()
    action_type = serializers.CharField()
    signature = _text()
    meaning = _text()
    notes = _text(nullable=False)
    actor = Person(allow_null=True)
    delegation_target = Person(allow_null=True)
    metadata = serializers.DictField()
    created_at = _when(nullable=False)
    signed = Signed(allow_null=True)


class LadderStage(serializers.Serializer[Any]):
    """One stage of a ladder."""

    id = serializers.CharField()
    sequence_index = serializers.IntegerField()
    name = serializers.CharField()
    required_role = serializers.ChoiceField(choices=Role.choices)
    quorum = serializers.IntegerField()
    meanings = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(choices=StageStatus.choices)
    sla_hours = serializers.FloatField(allow_null=True)
    due_at = _when()
    started_at = _when()
    completed_at = _when()
    assignee = Person(allow_null=True)
    delegated_to = Person(allow_null=True)
    overdue_notified_at = _when()
    signatures_missing = serializers.IntegerField()
    unsigned = Person(many=True)
    notes = _text(nullable=False)
    metadata = serializers.DictField()
    actions = Action(many=True)


class CurrentStage(serializers.Serializer[Any]):
    """The stage that waits for a signature."""

    id = serializers.CharField()
    sequence_index = serializers.IntegerField()
    name = serializers.CharField()
    required_role = serializers.ChoiceField(choices=Role.choices)
    status = serializers.ChoiceField(choices=StageStatus.choices)
    due_at = _when()


class Evidence(serializers.Serializer[Any]):
    """One attachment."""

    id = serializers.CharField()
    evidence_type = serializers.CharField()
    reference_id = serializers.CharField()
    label = _text(nullable=False)  # type: ignore[assignment]
    context = serializers.DictField()  # type: ignore[assignment]
    snapshot = serializers.DictField()
    digest = serializers.CharField()


class TimeStamp(serializers.Serializer[Any]):
    """An authority's word that the archive was there at a time."""

    status = serializers.ChoiceField(choices=["pending", "stamped"])
    stamped_at = _when()
    authority = _text()
    authority_checked = serializers.BooleanField(help_text="Against the certificates that the operator gave.")
    serial_number = _text()
    checksum = serializers.CharField(help_text="SHA-256 of the archive that is stamped.")
    attempts = serializers.IntegerField()
    error = _text()
    download_path = _text()


class Export(serializers.Serializer[Any]):
    """One version of a session's narrative."""

    id = serializers.CharField()
    execution_id = serializers.CharField()
    version = serializers.IntegerField()
    format = serializers.CharField()
    generated_at = _when(nullable=False)
    event_count = serializers.IntegerField()
    content = serializers.CharField(required=False, help_text="The dossier in Markdown, where it was asked for.")
    content_digest = serializers.CharField()
    subject_digest = serializers.CharField(help_text="What every signature is bound to.")
    approval_status = serializers.ChoiceField(choices=LadderState.choices)
    approval_signature = _text()
    approved_at = _when()
    approval_completed_at = _when()
    approval_stage_count = serializers.IntegerField()
    workflow_template_id = _text()
    workflow_template_snapshot_id = _text()
    workflow_template_key = _text()
    workflow_template_version = serializers.IntegerField(allow_null=True)
    current_stage = CurrentStage(allow_null=True)
    current_stage_started_at = _when()
    requested_by = Person()
    approved_by = Person(allow_null=True)
    notes = _text(nullable=False)
    approval_stages = LadderStage(many=True)
    attachments = Evidence(many=True)
    metadata = serializers.DictField()
    guardrail_simulation = GuardrailSimulation(allow_null=True, help_text="The newest of the session.")
    artifact_status = serializers.ChoiceField(choices=ArtifactStatus.choices)
    artifact_checksum = _text()
    artifact_error = _text()
    artifact_file = _text()
    artifact_download_path = _text()
    artifact_signed_url = _text()
    artifact_manifest_digest = _text()
    artifact_size = serializers.IntegerField(allow_null=True)
    artifact_timestamp = TimeStamp(allow_null=True, help_text="Null where no authority is asked.")
    packaging_attempts = serializers.IntegerField()
    packaged_at = _when()
    retired_at = _when()
    retention_expires_at = _when()
    created_at = _when(nullable=False)
    updated_at = _when(nullable=False)


class ExportPage(serializers.Serializer[Any]):
    """Some exports, newest first."""

    exports = Export(many=True)
    next_cursor = _text()


class Diff(serializers.Serializer[Any]):
    """How one version's dossier became another's."""

    export_id = serializers.CharField()
    version = serializers.IntegerField()
    content_digest = serializers.CharField()
    against_export_id = serializers.CharField()
    against_version = serializers.IntegerField()
    against_content_digest = serializers.CharField()
    identical = serializers.BooleanField()
    diff = serializers.ListField(child=serializers.CharField(allow_blank=True))


class Queue(serializers.Serializer[Any]):
    """How many jobs are at work, wait for their time, and wait for a worker."""

    active = serializers.IntegerField()
    scheduled = serializers.IntegerField()
    reserved = serializers.IntegerField()


class Job(serializers.Serializer[Any]):
    """One packing job."""

    export_id = serializers.CharField()
    execution_id = serializers.CharField()
    version = serializers.IntegerField()
    status = serializers.CharField(help_text="As `artifact_status` of the export.")
    attempt = serializers.IntegerField()
    next_retry_at = _when()
    progress = serializers.FloatField()
    bytes = serializers.IntegerField(allow_null=True)
    error = _text()


class Jobs(serializers.Serializer[Any]):
    """What packaging is busy with."""

    queue = Queue()
    status_counts = serializers.DictField(child=serializers.IntegerField())
    oldest_queued_seconds = serializers.FloatField(allow_null=True)
    last_failure_at = _when()
    jobs = Job(many=True)
    next_cursor = _text()


class VerifyCheck(serializers.Serializer[Any]):
    """One check of an archive and what it found."""

    name = serializers.CharField()
    ok = serializers.BooleanField()
    detail = serializers.CharField()


class Verified(serializers.Serializer[Any]):
    """What verifying an archive found."""

    valid = serializers.BooleanField()
    checks = VerifyCheck(many=True)
    first_bad = serializers.CharField(required=False)
