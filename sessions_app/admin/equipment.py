"""Equipment and its calibrations at the desk; written through the same services."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from biolab.accounts.models import User
from biolab.kernel.admin import ReadOnlyInline, ServiceAdmin, display
from sessions_app.models import Calibration, Equipment
from sessions_app.models.equipment import EquipmentQuerySet
from sessions_app.services.equipment import change_equipment, record_calibration, register_equipment

STANDINGS = {"Overdue": "danger", "Due": "success", "Needs none": "info"}


class OverdueFilter(admin.SimpleListFilter):
    """What is overdue for calibration, and what is not."""

    title = "calibration"
    parameter_name = "overdue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Overdue"), ("no", "Not overdue")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        equipment, now = cast(EquipmentQuerySet, queryset), timezone.now()
        if self.value() == "yes":
            return equipment.overdue(now)
        return equipment.not_overdue(now) if self.value() == "no" else equipment


class CalibrationsInline(ReadOnlyInline):
    """Every calibration of the piece."""

    model = Calibration
    fields = readonly_fields = ("performed_at", "due_at", "reference", "notes", "by_name", "recorded_at")
    ordering = ("-performed_at", "-id")


class EquipmentForm(forms.ModelForm[Equipment]):
    """What is said of a piece of equipment."""

    class Meta:
        model = Equipment
        fields = ("team", "name", "code", "description", "first_due_at")


@admin.register(Equipment)
class EquipmentAdmin(ServiceAdmin):
    """Equipment; every change is kept in the security log."""

    form = EquipmentForm
    inlines = (CalibrationsInline,)
    list_display = ("name", "code", "team", "standing", "due", "calibrated")
    list_select_related = ("team",)
    list_filter = (OverdueFilter, "team")
    search_fields = ("name", "code")
    autocomplete_fields = ("team",)
    actions = ("export_csv",)
    csv_columns = ("public_id", "name", "code", "team", "standing", "due", "calibrated", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Equipment]:
        return cast(EquipmentQuerySet, super().get_queryset(request)).with_calibration()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        said = ("team", "name", "code", "description", "first_due_at")
        return said if obj is None else (*said, "standing", "due", "calibrated", "created_by", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        made = ("team", "first_due_at", "standing", "due", "calibrated", "created_by", "created_at")
        return () if obj is None else made

    @display(description="calibration", label=STANDINGS)
    def standing(self, equipment: Equipment) -> str:
        if equipment.due_at is None:
            return "Needs none"
        return "Overdue" if equipment.due_at < timezone.now() else "Due"

    @display(description="next due", ordering="due_at")
    def due(self, equipment: Equipment) -> str | None:
        return _moment(equipment.due_at)

    @display(description="last calibrated", ordering="calibrated_at")
    def calibrated(self, equipment: Equipment) -> str | None:
        return _moment(equipment.calibrated_at)

    def save_model(self, request: HttpRequest, obj: Equipment, form: Any, change: bool) -> None:
        by, now, said = cast(User, request.user), timezone.now(), form.cleaned_data
        told = {name: said[name] for name in ("name", "code", "description")}
        if change:
            saved = change_equipment(equipment=obj, by=by, at=now, **told)
        else:
            due_at = said["first_due_at"]
            saved = register_equipment(team=said["team"], by=by, at=now, calibration_due_at=due_at, **told)
        obj.pk = saved.pk
        obj.refresh_from_db()


def _moment(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%d %H:%M}" if at is not None else None


class CalibrationForm(forms.ModelForm[Calibration]):
    """A calibration to record."""

    class Meta:
        model = Calibration
        fields = ("equipment", "performed_at", "due_at", "reference", "notes")


@admin.register(Calibration)
class CalibrationAdmin(ServiceAdmin):
    """Calibrations: recorded here, and never changed."""

    form = CalibrationForm
    list_display = ("equipment", "performed_at", "due_at", "reference", "by_name", "recorded_at")
    list_select_related = ("equipment",)
    list_filter = ("equipment__team",)
    search_fields = ("equipment__name", "equipment__code", "reference")
    date_hierarchy = "performed_at"
    autocomplete_fields = ("equipment",)
    actions = ("export_csv",)
    csv_columns = ("public_id", "equipment", "performed_at", "due_at", "reference", "notes", "by_name", "recorded_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        said = ("equipment", "performed_at", "due_at", "reference", "notes")
        return said if obj is None else (*said, "by_name", "recorded_at")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Calibration, form: Any, change: bool) -> None:
        saved = record_calibration(by=cast(User, request.user), at=timezone.now(), **form.cleaned_data)
        obj.pk = saved.pk
        obj.refresh_from_db()
