"""What the equipment's doors read, what they answer, and how the OpenAPI document describes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from biolab.kernel.ids import typeid
from biolab.kernel.times import iso, iso_or_none
from sessions_app.api.console_fields import PublicId, UtcTime
from sessions_app.api.console_schemas import PersonSchema
from sessions_app.api.console_shapes import person_shape
from sessions_app.models import Calibration, Equipment
from sessions_app.services.equipment import MAX_CODE, MAX_REFERENCE
from sessions_app.wording import MAX_DESCRIPTION, MAX_NAME

Form = serializers.Serializer[Any]


class EquipmentForm(Form):
    """Equipment to register."""

    name = serializers.CharField(max_length=MAX_NAME)
    code = serializers.CharField(
        max_length=MAX_CODE,
        default="",
        allow_blank=True,
        help_text="What the team calls it, once in a team; steps may require it by this.",
    )
    description = serializers.CharField(max_length=MAX_DESCRIPTION, default="", allow_blank=True)
    calibration_due_at = UtcTime(
        required=False, allow_null=True, help_text="When its first calibration is due; null for what needs none."
    )
    team_id = PublicId("team", required=False, allow_null=True, help_text="The caller's only team by default.")


class EquipmentChanges(Form):
    """What changes in what is said of equipment; what is absent stays."""

    name = serializers.CharField(max_length=MAX_NAME, required=False)
    code = serializers.CharField(max_length=MAX_CODE, required=False, allow_blank=True)
    description = serializers.CharField(max_length=MAX_DESCRIPTION, required=False, allow_blank=True)


class EquipmentFilters(Form):
    """Which equipment to list."""

    q = serializers.CharField(
        max_length=MAX_NAME, required=False, trim_whitespace=False, help_text="Part of the name or of the code."
    )
    overdue = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only what is overdue for calibration, or is not."
    )


class CalibrationForm(Form):
    """A calibration."""

    due_at = UtcTime(
        required=False, allow_null=True, help_text="When it is due again; by default as long as after the last one."
    )
    performed_at = UtcTime(required=False, allow_null=True, help_text="When it was done; now by default.")
    reference = serializers.CharField(
        max_length=MAX_REFERENCE, default="", allow_blank=True, help_text="Number of the certificate, say."
    )
    notes = serializers.CharField(max_length=MAX_DESCRIPTION, default="", allow_blank=True)


class EquipmentSchema(Form):
    id = serializers.CharField()
    team_id = serializers.CharField()
    code = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    calibrated_at = serializers.DateTimeField(allow_null=True)
    calibration_due_at = serializers.DateTimeField(allow_null=True, help_text="Null for what needs no calibration.")
    calibration_overdue = serializers.BooleanField()
    version = serializers.IntegerField()
    created_by = PersonSchema()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class EquipmentListSchema(Form):
    items = EquipmentSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class CalibrationSchema(Form):
    id = serializers.CharField()
    equipment_id = serializers.CharField()
    performed_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    reference = serializers.CharField()
    notes = serializers.CharField()
    recorded_by = PersonSchema(help_text="With the name of that moment.")
    recorded_at = serializers.DateTimeField()


class CalibrationsSchema(Form):
    items = CalibrationSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def equipment_shape(equipment: Equipment, at: datetime) -> dict[str, Any]:
    """Return equipment that came through ``with_calibration``, as it stands at a moment."""
    return {
        "id": equipment.public_id,
        "team_id": typeid("team", equipment.team_id),
        "code": equipment.code,
        "name": equipment.name,
        "description": equipment.description,
        "calibrated_at": iso_or_none(equipment.calibrated_at),
        "calibration_due_at": iso_or_none(equipment.due_at),
        "calibration_overdue": equipment.due_at is not None and equipment.due_at < at,
        "version": equipment.version,
        "created_by": person_shape(equipment.created_by),
        "created_at": iso(equipment.created_at),
        "updated_at": iso(equipment.updated_at),
    }


def calibration_shape(calibration: Calibration) -> dict[str, Any]:
    """Return one calibration."""
    return {
        "id": calibration.public_id,
        "equipment_id": typeid(Equipment.id_prefix, calibration.equipment_id),
        "performed_at": iso(calibration.performed_at),
        "due_at": iso(calibration.due_at),
        "reference": calibration.reference,
        "notes": calibration.notes,
        "recorded_by": {"id": typeid("user", calibration.by_id), "name": calibration.by_name},
        "recorded_at": iso(calibration.recorded_at),
    }
