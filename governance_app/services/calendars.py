"""Working hours of teams: written down by administrators, counted by due dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction

from biolab.accounts.models import Team, User
from biolab.kernel import security
from biolab.kernel.errors import Invalid
from governance_app.models import TeamCalendar
from governance_app.policies.approvals import require_administrator
from governance_app.rules.working_hours import (
    LEAST_WEEK,
    MOST_HOLIDAYS,
    add_working_hours,
    as_stored,
    read_week,
    show_day,
    week_length,
)


def due_after(*, team_id: UUID, hours: float, at: datetime) -> datetime:
    """Return when ``hours`` are over that begin at ``at``: working hours of the team, or hours where it has none."""
    calendar = TeamCalendar.objects.filter(team_id=team_id).first()
    return add_working_hours(at, hours, calendar.hours) if calendar is not None else at + timedelta(hours=hours)


@transaction.atomic
def set_working_hours(
    *, team: Team, time_zone: str, days: Sequence[str], holidays: Sequence[date], by: User, at: datetime
) -> TeamCalendar:
    """Write down when a team works and return it; due dates that are set already stay.

    Args:
        days: seven texts, Monday first, such as ``08:00-12:00, 13:00-16:30``; an empty one is a day off.

    Raises:
        AdministratorsOnly: the person may not.
        Invalid: no such time zone, days that cannot be read, or hardly any working time at all.
    """
    require_administrator(by)
    weekly = _read_week(days)
    _require_zone(time_zone)
    if len(set(holidays)) > MOST_HOLIDAYS:
        raise _invalid("/holidays", f"At most {MOST_HOLIDAYS} holidays.")
    Team.objects.select_for_update().get(pk=team.pk)
    calendar = TeamCalendar.objects.filter(team=team).first()
    before = _told(calendar) if calendar is not None else None
    calendar = calendar or TeamCalendar(team=team)
    calendar.time_zone, calendar.weekly = time_zone, weekly
    calendar.holidays = sorted(day.isoformat() for day in set(holidays))
    calendar.updated_by, calendar.updated_at = by, at
    after = _told(calendar)
    if after != before:
        calendar.save()
        security.note("team.working_hours", person=by, at=at, team_id=team.public_id, before=before, after=after)
    return calendar


@transaction.atomic
def drop_working_hours(*, calendar: TeamCalendar, by: User, at: datetime) -> None:
    """Let the team's due dates count every hour again.

    Raises:
        AdministratorsOnly: the person may not.
    """
    require_administrator(by)
    before, team = _told(calendar), calendar.team
    TeamCalendar.objects.filter(pk=calendar.pk).delete()
    security.note("team.working_hours", person=by, at=at, team_id=team.public_id, before=before, after=None)


def _read_week(days: Sequence[str]) -> list[list[list[str]]]:
    try:
        weekly = as_stored(days)
    except ValueError as error:
        raise _invalid("/weekly", str(error)) from None
    if week_length(read_week(weekly)) < LEAST_WEEK:
        raise _invalid("/weekly", "Give a week with at least five working hours; or remove the calendar.")
    return weekly


def _require_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _invalid("/time_zone", "This is no time zone, such as Europe/Berlin.") from None


def _told(calendar: TeamCalendar) -> dict[str, Any]:
    return {
        "time_zone": calendar.time_zone,
        "weekly": [show_day(day) for day in calendar.weekly],
        "holidays": list(calendar.holidays),
    }


def _invalid(pointer: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[{"pointer": pointer, "detail": detail}])
