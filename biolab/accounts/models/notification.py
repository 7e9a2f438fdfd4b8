"""What people are told, by which ways and when."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from biolab.accounts.digests import Timetable
from biolab.accounts.models.user import User
from biolab.accounts.states import Category, DigestFrequency, Priority, Way
from biolab.kernel.ids import Identified


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Notifications, narrowed."""

    def inbox_of(self, person: User) -> Self:
        """Those that the person finds in their inbox."""
        return self.filter(person=person, in_inbox=True)

    def unread(self) -> Self:
        """Those that the person has not read."""
        return self.filter(read_at__isnull=True)

    def to_mail(self) -> Self:
        """Those that wait to be mailed; what has been read meanwhile is not."""
        return self.unread().filter(mail_due=True, person__is_active=True)


NotificationManager = models.Manager.from_queryset(NotificationQuerySet)


class Notification(Identified):
    """One thing that one person is told. Taken out of the inbox it stays a while, so that its key is not told again.

    ``mail_id`` names the mail it went out with.
    """

    id_prefix = "ntf"

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    title = models.CharField(max_length=200)
    message = models.TextField(blank=True)
    category = models.CharField(max_length=12, choices=Category.choices)
    priority = models.CharField(max_length=8, choices=Priority.choices, default=Priority.MEDIUM)
    action_url = models.CharField(max_length=500, blank=True)
    meta = models.JSONField(default=dict, blank=True)
    key = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    in_inbox = models.BooleanField(default=True)
    mail_due = models.BooleanField(default=False)
    mail_id = models.UUIDField(null=True)
    mailed_at = models.DateTimeField(null=True)

    objects = NotificationManager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "key"], condition=~Q(key=""), name="one_notification_per_person_and_key"
            ),
            models.CheckConstraint(condition=Q(category__in=Category.values), name="notification_category_is_known"),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="notification_priority_is_known"),
        ]
        indexes = [
            models.Index(
                fields=["person", "-created_at", "-id"], condition=Q(in_inbox=True), name="inbox_newest_first"
            ),
            models.Index(fields=["person"], condition=Q(in_inbox=True, read_at__isnull=True), name="inbox_unread"),
            models.Index(fields=["person"], condition=Q(mail_due=True), name="notifications_to_mail"),
            models.Index(fields=["mail_id"], condition=Q(mail_id__isnull=False), name="notifications_of_a_mail"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_read(self) -> bool:
        return self.read_at is not None


class NotificationPreference(Identified):
    """Whether one person wants one category by one way; without a row the way's own default holds."""

    id_prefix = "pref"

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    category = models.CharField(max_length=12, choices=Category.choices)
    way = models.CharField(max_length=8, choices=Way.choices)
    enabled = models.BooleanField()

    class Meta:
        ordering = ["person", "category", "way"]
        constraints = [
            models.UniqueConstraint(fields=["person", "category", "way"], name="one_preference_per_category_and_way"),
        ]

    def __str__(self) -> str:
        return f"{self.get_category_display()} {self.get_way_display().lower()}: {'yes' if self.enabled else 'no'}"


class NotificationSettings(models.Model):
    """When one person wants mail; quiet hours are by their own clock and may span midnight."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="notification_settings"
    )
    digest_frequency = models.CharField(
        max_length=12, choices=DigestFrequency.choices, default=DigestFrequency.IMMEDIATE
    )
    quiet_hours_start = models.TimeField(null=True)
    quiet_hours_end = models.TimeField(null=True)
    time_zone = models.CharField(max_length=64, default="UTC")

    class Meta:
        verbose_name_plural = "notification settings"
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_hours_start__isnull=True, quiet_hours_end__isnull=True)
                | Q(quiet_hours_start__isnull=False, quiet_hours_end__isnull=False),
                name="quiet_hours_begin_and_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.get_digest_frequency_display().lower()}"

    @property
    def timetable(self) -> Timetable:
        return Timetable(self.digest_frequency, self.quiet_hours_start, self.quiet_hours_end, self.time_zone)
