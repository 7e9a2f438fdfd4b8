"""Telling people: into their inbox, and by mail where they asked for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction

from biolab.accounts.models import Notification, NotificationPreference, NotificationSettings, User
from biolab.accounts.states import ON_UNLESS_TURNED_OFF, Category, Priority, Way
from biolab.kernel import realtime
from biolab.kernel.errors import Invalid

KEPT: Final = timedelta(days=180)
MAX_TITLE: Final = 200


def inbox_topic(pk: UUID) -> str:
    """Return the bell's name for a person's inbox."""
    return f"inbox.{pk.hex}"


@transaction.atomic
def notify(
    people: Iterable[User],
    *,
    title: str,
    category: Category,
    at: datetime,
    message: str = "",
    priority: Priority = Priority.MEDIUM,
    action_url: str = "",
    meta: Mapping[str, Any] | None = None,
    key: str = "",
) -> None:
    """Tell each of some people one thing, by the ways they left open for its category.

    The rows are the caller's transaction; inboxes that are open somewhere are rung after it. The number of queries does
    not depend on the number of people.

    Args:
        action_url: where to go from there, from the root of this house.
        key: somebody who was told something under this key already is not told again.
    """
    told = {person.pk: person for person in people if person.is_active}
    if not told:
        return
    chosen = NotificationPreference.objects.filter(person__in=told, category=category)
    wanted = {(pk, way): enabled for pk, way, enabled in chosen.values_list("person_id", "way", "enabled")}
    rows = [
        Notification(
            person=person,
            title=title[:MAX_TITLE],
            message=message,
            category=category,
            priority=priority,
            action_url=action_url,
            meta=dict(meta or {}),
            key=key,
            created_at=at,
            in_inbox=wanted.get((pk, Way.IN_APP), Way.IN_APP in ON_UNLESS_TURNED_OFF),
            mail_due=wanted.get((pk, Way.EMAIL), Way.EMAIL in ON_UNLESS_TURNED_OFF),
        )
        for pk, person in told.items()
    ]
    rows = [row for row in rows if row.in_inbox or row.mail_due]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    for row in rows:
        if row.in_inbox:
            transaction.on_commit(partial(realtime.ring, inbox_topic(row.person_id)))


def mark_read(*, notification: Notification, at: datetime) -> Notification:
    """Note that its person has read it; the first time stays."""
    if notification.read_at is None:
        notification.read_at = at
        notification.save(update_fields=["read_at"])
    return notification


def mark_all_read(*, person: User, at: datetime) -> int:
    """Note that a person has read what is in their inbox, and return how much of it was new."""
    return Notification.objects.inbox_of(person).unread().update(read_at=at)


def remove_notification(*, notification: Notification, at: datetime) -> None:
    """Take it out of its person's inbox; it is not mailed any more either."""
    notification.in_inbox, notification.read_at = False, notification.read_at or at
    notification.save(update_fields=["in_inbox", "read_at"])


def prefer(*, person: User, category: str, way: str, enabled: bool) -> NotificationPreference:
    """Open or close one way to a person for one category."""
    found, _ = NotificationPreference.objects.update_or_create(
        person=person, category=Category(category), way=Way(way), defaults={"enabled": enabled}
    )
    return found


def preferences_of(person: User) -> dict[tuple[Category, Way], bool]:
    """Return every category and way, and whether it is open."""
    chosen = NotificationPreference.objects.filter(person=person)
    said = {(category, way): enabled for category, way, enabled in chosen.values_list("category", "way", "enabled")}
    return {
        (category, way): said.get((category, way), way in ON_UNLESS_TURNED_OFF) for category in Category for way in Way
    }


def settings_of(person: User) -> NotificationSettings:
    """Return when a person wants mail; unsaved, as it is for everybody, where they never said."""
    return NotificationSettings.objects.filter(person=person).first() or NotificationSettings(person=person)


def change_settings(*, person: User, **changes: Any) -> NotificationSettings:
    """Change when a person wants mail.

    Args:
        changes: ``digest_frequency``, ``quiet_hours_start``, ``quiet_hours_end`` (both or neither), ``time_zone``.

    Raises:
        Invalid: a time zone nobody knows, or quiet hours without beginning, end or length.
    """
    changed = settings_of(person)
    for name, value in changes.items():
        setattr(changed, name, value)
    _require_time_zone(changed.time_zone)
    begin, end = changed.quiet_hours_start, changed.quiet_hours_end
    if (begin is None) != (end is None):
        missing = "start" if begin is None else "end"
        raise _invalid(f"/quiet_hours_{missing}", "Quiet hours have a beginning and an end.")
    if begin is not None and begin == end:
        raise _invalid("/quiet_hours_end", "Quiet hours end at another time than they begin.")
    changed.save()
    return changed


def forget_old_notifications(*, at: datetime) -> int:
    """Delete what is older than half a year, and return how many."""
    return Notification.objects.filter(created_at__lt=at - KEPT).delete()[0]


def _require_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _invalid("/time_zone", "This is no time zone, such as Europe/Berlin.") from None


def _invalid(pointer: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[{"pointer": pointer, "detail": detail}])
