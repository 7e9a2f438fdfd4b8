"""A person's inbox, and what reaches them by which way."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db.models import Count
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.api import forms
from biolab.accounts.api.shapes import notification_shape, settings_shape
from biolab.accounts.models import Notification
from biolab.accounts.services import notifications
from biolab.accounts.states import Category, Priority, Way
from biolab.kernel.api import Door
from biolab.kernel.api.paging import paged
from biolab.kernel.errors import Missing
from biolab.kernel.ids import find

TAGS = ["notifications"]


class NotificationFilters(serializers.Serializer[Any]):
    is_read = serializers.BooleanField(allow_null=True, default=None)
    category = serializers.ChoiceField(choices=Category.choices, required=False)


class InboxDoor(Door):
    """A door to what one person is told; nobody else's business, and no narrowed token's."""

    own_affairs = True

    def notification(self, notification_id: str) -> Notification:
        return find(Notification.objects.inbox_of(self.person), notification_id)


class NotificationsDoor(InboxDoor):
    @extend_schema(
        operation_id="notifications_list",
        tags=TAGS,
        summary="The inbox, newest first",
        parameters=[NotificationFilters, *paged()],
        responses=forms.NotificationList,
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(NotificationFilters)
        found = Notification.objects.inbox_of(self.person)
        if asked["is_read"] is not None:
            found = found.filter(read_at__isnull=not asked["is_read"])
        if "category" in asked:
            found = found.filter(category=asked["category"])
        return self.items(self.page(found, order=("-created_at", "-id")), notification_shape)


class NotificationStatsDoor(InboxDoor):
    @extend_schema(
        operation_id="notifications_stats", tags=TAGS, summary="The inbox in figures", responses=forms.NotificationStats
    )
    def get(self, request: Request) -> Response:
        inbox = Notification.objects.inbox_of(self.person)
        unread = inbox.unread().order_by().values_list("category", "priority").annotate(Count("pk"))
        by_category, by_priority = dict.fromkeys(Category.values, 0), dict.fromkeys(Priority.values, 0)
        for category, priority, count in unread:
            by_category[category] += count
            by_priority[priority] += count
        figures = {
            "total": inbox.count(),
            "unread": sum(by_category.values()),
            "unread_by_category": by_category,
            "unread_by_priority": by_priority,
        }
        return self.answer(figures)


class NotificationDoor(InboxDoor):
    @extend_schema(
        operation_id="notifications_delete", tags=TAGS, summary="Take it out of the inbox", responses={204: None}
    )
    def delete(self, request: Request, notification_id: str) -> Response:
        notifications.remove_notification(notification=self.notification(notification_id), at=self.now)
        return self.answer(None, 204)


class NotificationReadDoor(InboxDoor):
    @extend_schema(
        operation_id="notifications_read",
        tags=TAGS,
        summary="Mark as read",
        request=None,
        responses={200: forms.NotificationAnswer},
    )
    def post(self, request: Request, notification_id: str) -> Response:
        read = notifications.mark_read(notification=self.notification(notification_id), at=self.now)
        return self.answer(notification_shape(read))


class NotificationsReadDoor(InboxDoor):
    @extend_schema(
        operation_id="notifications_read_all",
        tags=TAGS,
        summary="Mark all as read",
        request=None,
        responses={200: forms.MarkedRead},
    )
    def post(self, request: Request) -> Response:
        return self.answer({"marked": notifications.mark_all_read(person=self.person, at=self.now)})


class PreferencesDoor(InboxDoor):
    @extend_schema(
        operation_id="notification_preferences_list",
        tags=TAGS,
        summary="What reaches you by which way",
        responses=forms.PreferenceAnswer(many=True),
    )
    def get(self, request: Request) -> Response:
        chosen = notifications.preferences_of(self.person)
        return self.answer([_preference(category, way, enabled) for (category, way), enabled in chosen.items()])


class Place(NamedTuple):
    """The category and way that an address names."""

    category: Category
    way: Way


class PreferenceDoor(InboxDoor):
    @extend_schema(
        operation_id="notification_preference",
        tags=TAGS,
        summary="One category by one way",
        responses=forms.PreferenceAnswer,
    )
    def get(self, request: Request, category: str, channel: str) -> Response:
        place = _place(category, channel)
        return self.answer(_preference(*place, notifications.preferences_of(self.person)[place]))

    @extend_schema(
        operation_id="notification_preference_set",
        tags=TAGS,
        summary="Open or close one category by one way",
        request=forms.PreferenceForm,
        responses=forms.PreferenceAnswer,
    )
    def put(self, request: Request, category: str, channel: str) -> Response:
        place, form = _place(category, channel), self.validated(forms.PreferenceForm)
        chosen = notifications.prefer(person=self.person, enabled=form["enabled"], **place._asdict())
        return self.answer(_preference(*place, chosen.enabled))


class NotificationSettingsDoor(InboxDoor):
    @extend_schema(
        operation_id="notification_settings", tags=TAGS, summary="When mail leaves", responses=forms.SettingsAnswer
    )
    def get(self, request: Request) -> Response:
        return self.answer(settings_shape(notifications.settings_of(self.person)))

    @extend_schema(
        operation_id="notification_settings_set",
        tags=TAGS,
        summary="Change when mail leaves",
        request=forms.SettingsForm,
        responses=forms.SettingsAnswer,
        description="What is left out stays as it is. Quiet hours are by the clock of `time_zone`; null for none.",
    )
    def put(self, request: Request) -> Response:
        changed = notifications.change_settings(person=self.person, **self.validated(forms.SettingsForm))
        return self.answer(settings_shape(changed))


def _place(category: str, channel: str) -> Place:
    """Return what an address names.

    Raises:
        Missing: there is no such category or way.
    """
    if category not in Category.values or channel not in Way.values:
        raise Missing("There is no such preference.")
    return Place(Category(category), Way(channel))


def _preference(category: str, way: str, enabled: bool) -> dict[str, Any]:
    return {"category": str(category), "channel": str(way), "enabled": enabled}
