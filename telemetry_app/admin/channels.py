"""Channels at the desk: limits, and units spelled one way."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextInputWidget

from biolab.accounts.models import User
from biolab.kernel.admin import ServiceAdmin, display
from biolab.kernel.errors import Invalid
from telemetry_app import units
from telemetry_app.models import Channel
from telemetry_app.services.channels import add_channel, adjust_channel
from telemetry_app.unit_catalogue import CATALOGUE

SETTINGS = ("team", "name", "unit", "type", "min_value", "max_value", "pinned")
MADE = ("quantity", "elsewhere", "created_by", "created_at", "withdrawn_at")


class UnitInput(UnfoldAdminTextInputWidget):  # type: ignore[misc]  # unfold is untyped
    """A text field that suggests the units of the catalogue."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        drawn = super().render(name, value, {**(attrs or {}), "list": "units", "autocomplete": "off"}, renderer)
        options = format_html_join(
            "",
            '<option value="{}">{} ({})</option>',
            ((entry.symbol, entry.name, quantity) for quantity, entries in CATALOGUE.items() for entry in entries),
        )
        return format_html('{}<datalist id="units">{}</datalist>', drawn, options)


class ChannelForm(forms.ModelForm[Channel]):
    """A channel's settings."""

    class Meta:
        model = Channel
        fields = SETTINGS
        widgets = {"unit": UnitInput}
        help_texts = {
            "unit": "As you would say it; Celsius, mg/l and percent are spelled for you. It stays once given."
        }

    def clean_unit(self) -> str:
        try:
            return units.spelled(self.cleaned_data["unit"])
        except Invalid as refusal:
            raise ValidationError(refusal.sentence) from refusal


@admin.register(Channel)
class ChannelAdmin(ServiceAdmin):
    """Channels with their limits; name, team and unit stay once they are given."""

    form = ChannelForm
    list_display = ("name", "team", "unit", "min_value", "max_value", "type", "pinned", "withdrawn_at")
    list_filter = ("team", "type", "pinned", ("withdrawn_at", admin.EmptyFieldListFilter))
    list_select_related = ("team",)
    search_fields = ("name",)
    autocomplete_fields = ("team",)
    actions = ("export_csv",)

    def get_fields(self, request: HttpRequest, obj: Channel | None = None) -> tuple[str, ...]:
        return SETTINGS if obj is None else (*SETTINGS, *MADE)

    def get_readonly_fields(self, request: HttpRequest, obj: Channel | None = None) -> tuple[str, ...]:
        return MADE if obj is None else ("team", "name", *(("unit",) if obj.unit else ()), *MADE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.withdrawn_at is None) and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        service = adjust_channel if change else add_channel
        service(channel=obj, by=cast(User, request.user), at=timezone.now())

    @display(description="quantity")
    def quantity(self, channel: Channel) -> str:
        unit = units.understood(channel.unit)
        return f"{unit.quantity} ({unit.name})" if unit is not None else "—"

    @display(description="see also")
    def elsewhere(self, channel: Channel) -> SafeString:
        links = [
            ("Sessions and latest values", reverse("page-channel", args=[channel.public_id])),
            ("Readings at rest", f"{reverse('admin:telemetry_app_chunk_changelist')}?channel__id__exact={channel.pk}"),
            ("Alarms", f"{reverse('admin:telemetry_app_alarm_changelist')}?channel__id__exact={channel.pk}"),
            ("Withdrawals", f"{reverse('admin:telemetry_app_withdrawal_changelist')}?channel__id__exact={channel.pk}"),
        ]
        return format_html_join(" · ", '<a class="underline" href="{1}">{0}</a>', links)
