"""Doors of `/api/equipment`."""

from __future__ import annotations

from functools import partial

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.services.teams import team_for
from biolab.kernel.api import Door
from biolab.kernel.ids import find
from sessions_app.api.console_forms import PageQuery
from sessions_app.api.equipment_forms import (
    CalibrationForm,
    CalibrationSchema,
    CalibrationsSchema,
    EquipmentChanges,
    EquipmentFilters,
    EquipmentForm,
    EquipmentListSchema,
    EquipmentSchema,
    calibration_shape,
    equipment_shape,
)
from sessions_app.models import Equipment
from sessions_app.models.equipment import EquipmentQuerySet
from sessions_app.services.equipment import change_equipment, record_calibration, register_equipment


class EquipmentDoorBase(Door):
    """A door to equipment."""

    scope_area = "sessions"

    def equipment(self) -> EquipmentQuerySet:
        """Return the equipment this person sees, with its calibration."""
        return Equipment.objects.visible_to(self.person).with_calibration().select_related("created_by")

    def shown(self, equipment: Equipment, status: int = 200) -> Response:
        """Answer one piece with its tag."""
        fresh = self.equipment().get(pk=equipment.pk)
        return self.answer(equipment_shape(fresh, self.now), status=status, etag=fresh.etag)


class EquipmentListDoor(EquipmentDoorBase):
    """The equipment a person sees, and registering a piece."""

    @extend_schema(
        operation_id="equipment_list",
        tags=["equipment"],
        summary="List equipment",
        description="By name.",
        parameters=[EquipmentFilters, PageQuery],
        responses=EquipmentListSchema,
    )
    def get(self, request: Request) -> Response:
        asked, equipment = self.asked(EquipmentFilters), self.equipment()
        if part := asked.get("q", "").strip():
            equipment = equipment.filter(Q(name__icontains=part) | Q(code__icontains=part))
        if asked["overdue"] is not None:
            equipment = equipment.overdue(self.now) if asked["overdue"] else equipment.not_overdue(self.now)
        page = self.page(equipment, order=("name", "id"), default=50)
        return self.items(page, partial(equipment_shape, at=self.now))

    @extend_schema(
        operation_id="equipment_create",
        tags=["equipment"],
        summary="Register equipment",
        request=EquipmentForm,
        responses={201: EquipmentSchema},
    )
    def post(self, request: Request) -> Response:
        form = self.validated(EquipmentForm)
        team = team_for(self.person, form.pop("team_id", None), at=self.now)
        return self.shown(register_equipment(team=team, by=self.person, at=self.now, **form), status=201)


class EquipmentDoor(EquipmentDoorBase):
    """One piece of equipment."""

    @extend_schema(
        operation_id="equipment_retrieve", tags=["equipment"], summary="Show equipment", responses=EquipmentSchema
    )
    def get(self, request: Request, equipment_id: str) -> Response:
        return self.shown(find(self.equipment(), equipment_id))

    @extend_schema(
        tags=["equipment"],
        summary="Change what is said of equipment",
        description="Both wordings stay in the security log. `If-Match` with the `ETag` that was read guards against "
        "overwriting. When its calibration is due, only a calibration changes.",
        request=EquipmentChanges,
        responses=EquipmentSchema,
    )
    def patch(self, request: Request, equipment_id: str) -> Response:
        equipment = find(self.equipment(), equipment_id)
        self.must_match(equipment.etag)
        changed = change_equipment(
            equipment=equipment,
            by=self.person,
            at=self.now,
            if_match=equipment.etag if "If-Match" in request.headers else None,
            **self.validated(EquipmentChanges),
        )
        return self.shown(changed)


class CalibrationsDoor(EquipmentDoorBase):
    """The calibrations of a piece of equipment, and recording one."""

    @extend_schema(
        operation_id="calibrations_list",
        tags=["equipment"],
        summary="List calibrations",
        description="Newest first.",
        parameters=[PageQuery],
        responses=CalibrationsSchema,
    )
    def get(self, request: Request, equipment_id: str) -> Response:
        calibrations = find(self.equipment(), equipment_id).calibrations.all()
        return self.items(self.page(calibrations, order=("-performed_at", "-id"), default=50), calibration_shape)

    @extend_schema(
        operation_id="calibrations_create",
        tags=["equipment"],
        summary="Record a calibration",
        description="It stays as it is recorded; a later one says when the next is due.",
        request=CalibrationForm,
        responses={201: CalibrationSchema},
    )
    def post(self, request: Request, equipment_id: str) -> Response:
        equipment, form = find(self.equipment(), equipment_id), self.validated(CalibrationForm)
        due_at = form.pop("due_at", None)
        calibration = record_calibration(equipment=equipment, by=self.person, at=self.now, due_at=due_at, **form)
        return self.answer(calibration_shape(calibration), status=201)
