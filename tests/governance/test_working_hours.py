"""Working hours: the pure rules, what they do to due dates, and the desk's page for them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from biolab.accounts.roles import Role
from biolab.kernel.errors import Forbidden, Invalid
from biolab.kernel.models import SecurityEntry
from governance_app.admin.calendars import DAY_FIELDS
from governance_app.models import TeamCalendar
from governance_app.rules.working_hours import (
    WorkingHours,
    add_working_hours,
    as_stored,
    read_day,
    read_week,
    show_day,
    working_time,
)
from governance_app.services.approvals import StageSpec, delegate_stage, reset_stage
from governance_app.services.calendars import set_working_hours
from tests.factories.governance import Bench, make_administrator, make_bench, make_request, make_signer
from tests.factories.sessions import NINE

pytestmark = pytest.mark.sqlite_only
OFFICE = ["08:00-12:00, 13:00-17:00"] * 5 + ["", ""]
BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def calendar(days: list[str] = OFFICE, zone: str = "UTC", *holidays: str) -> WorkingHours:
    return WorkingHours(zone, read_week(as_stored(days)), frozenset(date.fromisoformat(day) for day in holidays))


NIGHTS = ["22:00-24:00"] * 7
MORNINGS = ["00:00-06:00"] * 7
# (calendar, start, hours, when they are over); 2026-03-02 is a Monday
CASES: list[tuple[WorkingHours, str, float, str]] = [
    (calendar(), "2026-03-02T09:00+00:00", 3, "2026-03-02T12:00+00:00"),
    (calendar(), "2026-03-02T09:00+00:00", 3.5, "2026-03-02T13:30+00:00"),
    (calendar(), "2026-03-02T05:00+00:00", 1, "2026-03-02T09:00+00:00"),
    (calendar(), "2026-03-02T12:30+00:00", 4, "2026-03-02T17:00+00:00"),
    (calendar(), "2026-03-06T16:00+00:00", 2, "2026-03-09T09:00+00:00"),
    (calendar(OFFICE, "UTC", "2026-03-03"), "2026-03-02T16:00+00:00", 2, "2026-03-04T09:00+00:00"),
    (calendar(OFFICE, BERLIN), "2026-03-02T07:30+00:00", 1, "2026-03-02T08:30+00:00"),
    (calendar(OFFICE, BERLIN), "2026-03-27T15:00+00:00", 2, "2026-03-30T07:00+00:00"),  # the clocks change between
    (calendar(MORNINGS, BERLIN), "2026-03-28T23:00+00:00", 6, "2026-03-29T23:00+00:00"),  # that night has 5 hours
    (calendar(MORNINGS, BERLIN), "2026-10-24T22:00+00:00", 7, "2026-10-25T05:00+00:00"),  # and that one 7
    (calendar(NIGHTS, "Pacific/Kiritimati"), "2026-03-02T09:00+00:00", 1, "2026-03-02T10:00+00:00"),
]


@pytest.mark.parametrize(("hours", "start", "count", "end"), CASES)
def test_working_hours_are_counted_as_they_pass(hours: WorkingHours, start: str, count: float, end: str) -> None:
    assert add_working_hours(at(start), count, hours) == at(end)


spans = st.lists(st.integers(0, 96), min_size=2, max_size=6, unique=True).map(sorted)


@st.composite
def weeks(draw: st.DrawFn) -> WorkingHours:
    days = []
    for _ in range(7):
        marks = draw(spans)
        pairs = zip(marks[::2], marks[1::2], strict=False)
        days.append(tuple((timedelta(minutes=15 * a), timedelta(minutes=15 * b)) for a, b in pairs))
    zone = draw(st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]))
    holidays = draw(st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=5))
    return WorkingHours(zone, tuple(days), holidays)


starts = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))
amounts = st.integers(1, 600).map(lambda quarters: quarters / 4)


@settings(max_examples=60, deadline=None)
@given(weeks(), starts, amounts, amounts)
def test_exactly_so_much_working_time_lies_before_the_due_date(
    hours: WorkingHours, start: datetime, first: float, more: float
) -> None:
    due = add_working_hours(start, first, hours)

    assert due > start
    assert working_time(start, due, hours) == timedelta(hours=first)
    assert add_working_hours(start, first + more, hours) == add_working_hours(due, more, hours) > due
    assert working_time(due - timedelta(seconds=1), due, hours) == timedelta(seconds=1)


@settings(max_examples=30, deadline=None)
@given(starts, amounts)
def test_around_the_clock_is_plain_time(start: datetime, hours: float) -> None:
    always = calendar(["00:00-24:00"] * 7, BERLIN)

    assert add_working_hours(start, hours, always) == start + timedelta(hours=hours)


UNREADABLE = ["8", "08:00", "08:00-", "17:00-08:00", "08:00-08:00", "08:00-25:00", "08:70-09:00"]


@pytest.mark.parametrize("text", [*UNREADABLE, "13:00-14:00, 08:00-12:00"])
def test_a_day_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_day(text)


def test_a_day_is_shown_as_it_is_typed() -> None:
    assert show_day(read_day(" 8:00–12:00,13:00 - 16:30 ")) == "08:00-12:00, 13:00-16:30"
    with pytest.raises(ValueError, match="nobody ever works"):
        add_working_hours(NINE, 1, calendar([""] * 7))


# -- ladders ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def bench(db: None) -> Bench:
    bench = make_bench()
    set_working_hours(
        team=bench.team, time_zone="UTC", days=OFFICE, holidays=[date(2026, 3, 3)], by=make_administrator(), at=NINE
    )
    return bench


def test_due_dates_count_the_teams_working_hours_and_named_ones_are_kept(bench: Bench) -> None:
    request = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER, sla_hours=9)])
    stage = request.stages.get()
    started = stage.due_at
    reset_stage(stage=stage, notes="Again.", by=bench.lead, at=NINE + timedelta(hours=5))
    put_back = request.stages.get().due_at
    named = NINE + timedelta(days=5, hours=3)
    other = make_signer(bench.team, Role.REVIEWER)
    delegate_stage(stage=stage, delegate=other, due_at=named, by=bench.lead, at=NINE + timedelta(hours=5))

    assert started == at("2026-03-04T10:00+00:00")
    assert put_back == at("2026-03-04T15:00+00:00")
    assert request.stages.get().due_at == named


def test_teams_without_a_calendar_count_every_hour(db: None) -> None:
    request = make_request(make_bench(), stages=[StageSpec(required_role=Role.REVIEWER, sla_hours=9)])

    assert request.stages.get().due_at == NINE + timedelta(hours=9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../etc/passwd"},
        {"days": ["08:00-09:00", *[""] * 6]},
        {"days": ["what", *OFFICE[1:]]},
    ],
)
def test_hours_that_cannot_be_kept_are_refused(bench: Bench, wrong: dict[str, Any]) -> None:
    values = {"time_zone": "UTC", "days": OFFICE, "holidays": [], **wrong}

    with pytest.raises(Invalid):
        set_working_hours(team=bench.team, by=make_administrator(), at=NINE, **values)
    with pytest.raises(Forbidden):
        set_working_hours(team=bench.team, by=bench.lead, at=NINE, time_zone="UTC", days=OFFICE, holidays=[])

    assert SecurityEntry.objects.filter(kind="team.working_hours").count() == 1


def test_the_desk_sets_changes_and_removes_a_calendar_and_the_log_says_so(db: None) -> None:
    bench, admin, desk = make_bench(), make_administrator(), Client()
    desk.force_login(admin)
    page = "admin:governance_app_teamcalendar"
    week = dict(zip(DAY_FIELDS, OFFICE, strict=True))
    form = {"team": bench.team.pk, "time_zone": BERLIN, **week, "free_days": "2026-12-25\n2026-12-26"}

    wrong = desk.post(reverse(f"{page}_add"), {**form, "monday": "8 to 5", "free_days": "Christmas"})
    desk.post(reverse(f"{page}_add"), form)
    made = TeamCalendar.objects.get()
    desk.post(reverse(f"{page}_change", args=[made.pk]), {**form, "friday": "08:00-12:00", "free_days": ""})
    changed = TeamCalendar.objects.get()
    listed = desk.get(reverse(f"{page}_changelist")).content.decode()
    desk.post(reverse(f"{page}_drop", args=[made.pk]))

    told = wrong.content.decode()
    assert "is no span such as" in told
    assert "is no date such as" in told
    assert (made.time_zone, made.holidays, changed.holidays) == (BERLIN, ["2026-12-25", "2026-12-26"], [])
    assert changed.weekly[4] == [["08:00", "12:00"]]
    assert ">36<" in listed
    assert not TeamCalendar.objects.exists()
    written = SecurityEntry.objects.filter(kind="team.working_hours").order_by("sequence")
    entries = [entry.record["detail"] for entry in written]
    assert [(entry["before"] is None, entry["after"] is None) for entry in entries] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    bench.lead.is_staff = True
    bench.lead.save(update_fields=["is_staff"])
    desk.force_login(bench.lead)
    assert desk.get(reverse(f"{page}_changelist")).status_code == 403
