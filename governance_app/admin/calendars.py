"""When teams work, which due dates count."""

from __future__ import annotations

from datetime import date
from typing import Any, cast
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from biolab.accounts.models import User
from biolab.kernel.admin import ServiceAdmin, action, confirmed, display
from governance_app.models import TeamCalendar
from governance_app.policies.approvals import may_administer
from governance_app.rules.working_hours import DAYS, LEAST_WEEK, as_stored, read_day, read_week, show_day, week_length
from governance_app.services.calendars import drop_working_hours, set_working_hours

DAY_FIELDS = tuple(day.lower() for day in DAYS)
OFFICE = "08:00-12:00, 13:00-17:00"


class DayField(forms.CharField):
    """The spans of one day, typed with a dash and commas between them."""

    def __init__(self, label: str, initial: str) -> None:
        super().__init__(label=label, initial=initial, required=False, widget=UnfoldAdminTextInputWidget())

    def clean(self, value: Any) -> str:
        try:
            return show_day(read_day(str(value or "")))
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


class HolidaysField(forms.CharField):
    """Dates, one a line."""

    def to_python(self, value: Any) -> Any:
        days = []
        for text in str(value or "").replace(",", "\n").split():
            try:
                days.append(date.fromisoformat(text))
            except ValueError:
                raise forms.ValidationError(f"“{text}” is no date such as 2026-12-25.") from None
        return days

    def run_validators(self, value: Any) -> None:
        """Text rules do not apply to dates."""


class CalendarForm(forms.ModelForm[TeamCalendar]):
    """A week, the holidays and the clock they are on."""

    time_zone = forms.ChoiceField(widget=UnfoldAdminSelectWidget(), initial="UTC")
    monday, tuesday, wednesday, thursday, friday = (DayField(day, OFFICE) for day in DAYS[:5])
    saturday, sunday = (DayField(day, "") for day in DAYS[5:])
    free_days = HolidaysField(
        label="Holidays",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text="Dates such as 2026-12-25, one a line; nobody works on them.",
    )

    class Meta:
        model = TeamCalendar
        fields = ("team",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones: Any = self.fields["time_zone"]
        zones.choices = [(name, name) for name in sorted(available_timezones())]
        self.fields["monday"].help_text = "Spans such as 08:00-12:00, 13:00-17:00. Empty: a day off. 24:00 is its end."
        if self.instance.pk is not None and not self.instance._state.adding:
            self.initial["time_zone"] = self.instance.time_zone
            self.initial.update(dict(zip(DAY_FIELDS, (show_day(day) for day in self.instance.weekly), strict=True)))
            self.initial["free_days"] = "\n".join(self.instance.holidays)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and week_length(read_week(as_stored([values[day] for day in DAY_FIELDS]))) < LEAST_WEEK:
            raise forms.ValidationError("Give a week with at least five working hours; or remove the calendar.")
        return values


@admin.register(TeamCalendar)
class TeamCalendarAdmin(ServiceAdmin):
    """Teams whose due dates count working hours alone."""

    form = CalendarForm
    list_display = ("team", "time_zone", "week", "days_off", "updated_by", "updated_at")
    list_select_related = ("team", "updated_by")
    search_fields = ("team__name",)
    fields = ("team", "time_zone", *DAY_FIELDS, "free_days")
    actions = ("export_csv",)
    actions_detail = ("drop",)
    csv_columns = ("public_id", "team", "time_zone", "week", "holidays", "updated_by", "updated_at")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_administer(cast(User, request.user)) or super().has_view_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_administer(cast(User, request.user))

    has_add_permission = has_change_permission

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("team",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TeamCalendar]:
        return cast("QuerySet[TeamCalendar]", super().get_queryset(request).select_related("team", "updated_by"))

    @display(description="hours a week")
    def week(self, calendar: TeamCalendar) -> str:
        return f"{week_length(calendar.hours.weekly).total_seconds() / 3600:g}"

    @display(description="holidays")
    def days_off(self, calendar: TeamCalendar) -> int:
        return len(calendar.holidays)

    def save_model(self, request: HttpRequest, obj: TeamCalendar, form: Any, change: bool) -> None:
        values = form.cleaned_data
        saved = set_working_hours(
            team=obj.team if change else values["team"],
            time_zone=values["time_zone"],
            days=[values[day] for day in DAY_FIELDS],
            holidays=values["free_days"],
            by=cast(User, request.user),
            at=timezone.now(),
        )
        obj.pk = saved.pk
        obj.refresh_from_db()

    @action(description="Count every hour again", url_path="drop", permissions=["change"])
    def drop(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        calendar: TeamCalendar = self.row(request, object_id)
        posted = request.method == "POST"
        return confirmed(
            self,
            request,
            None if posted else calendar,
            question=f"Remove the {str(calendar).lower()}? Due dates that are set already stay.",
            work=lambda: drop_working_hours(calendar=calendar, by=cast(User, request.user), at=timezone.now()),
            done="Due dates of this team count every hour again.",
        )
