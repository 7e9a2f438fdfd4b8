"""The door that frees a blocked step."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from sessions_app.api.console import ConsoleDoor
from sessions_app.api.console_fields import UtcTime
from sessions_app.api.console_schemas import ConsoleSessionSchema
from sessions_app.api.console_shapes import session_shape
from sessions_app.models import LabSession
from sessions_app.services.equipment import MAX_REFERENCE
from sessions_app.services.remediation import STATUSES, EquipmentContext, remediate_step
from sessions_app.wording import MAX_DESCRIPTION, MAX_NAME

MOST_ACTIONS = 200
LONGEST_ACTION = 300

Form = serializers.Serializer[Any]


class EquipmentContextForm(Form):
    """What is known of one piece of equipment."""

    name = serializers.CharField(max_length=MAX_NAME, required=False, allow_blank=True)
    description = serializers.CharField(max_length=MAX_DESCRIPTION, required=False, allow_blank=True)
    performed_at = UtcTime(required=False, allow_null=True, help_text="When it was calibrated; now by default.")
    due_at = UtcTime(
        required=False,
        allow_null=True,
        help_text="When its next calibration is due; by default as long as after the last one.",
    )
    reference = serializers.CharField(max_length=MAX_REFERENCE, required=False, allow_blank=True)
    notes = serializers.CharField(max_length=MAX_DESCRIPTION, required=False, allow_blank=True)


class ContextForm(Form):
    """What is known beyond the actions themselves."""

    equipment = serializers.DictField(
        child=EquipmentContextForm(), default=dict, help_text="By the text that the step names the equipment by."
    )


class RemediationForm(Form):
    """What to try."""

    actions = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_ACTION),
        required=False,
        allow_null=True,
        max_length=MOST_ACTIONS,
        help_text="Of `required_actions` and `auto_triggers`; all of them by default. Others are skipped.",
    )
    auto = serializers.BooleanField(
        default=False, help_text="Do the `auto_triggers`; where there are none, the `required_actions`."
    )
    context = ContextForm(required=False)  # type: ignore[assignment]  # a form's own attribute, not its field


class RemediationResultSchema(Form):
    action = serializers.CharField()
    status = serializers.ChoiceField(choices=STATUSES)
    message = serializers.CharField()


class RemediationSchema(Form):
    session = ConsoleSessionSchema()
    results = RemediationResultSchema(many=True)


class StepRemediateDoor(ConsoleDoor):
    """Try to free a blocked step."""

    @extend_schema(
        tags=["console"],
        summary="Free a blocked step",
        description="An action that fails says why and stops no other. Approving needs the role of the approval's "
        "name, or approver or QA where no role has it. Only what the step waits for is done.",
        request=RemediationForm,
        responses=RemediationSchema,
    )
    def post(self, request: Request, execution_id: str, index: int) -> Response:
        form = self.validated(RemediationForm)
        session = self.session(execution_id)
        known = form.get("context", {}).get("equipment", {})
        results = remediate_step(
            session=session,
            index=index,
            by=self.person,
            at=self.now,
            actions=form.get("actions") or (),
            auto=form["auto"],
            context={name: EquipmentContext(**said) for name, said in known.items()},
        )
        shown = LabSession.objects.with_protocol().get(pk=session.pk)
        return self.answer(
            {
                "session": session_shape(shown, self.person, at=self.now),
                "results": [{"action": one.action, "status": one.status, "message": one.message} for one in results],
            }
        )
