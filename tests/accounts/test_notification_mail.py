"""Mail about notifications: when it leaves, what is in it, and that nothing is told twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from pytest_django.fixtures import DjangoAssertNumQueries

from biolab.accounts.digests import Timetable
from biolab.accounts.models import Notification, User
from biolab.accounts.services.mail import mail_notifications
from biolab.accounts.services.notifications import change_settings, mark_read, notify, prefer
from biolab.accounts.states import Category, DigestFrequency, Way
from biolab.settings.mail import outgoing
from tests.factories.accounts import NINE, make_person

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
IMMEDIATE, HOURLY, DAILY, WEEKLY = DigestFrequency


def at(hours: float, *, day: int = 0) -> datetime:
    return MONDAY + timedelta(days=day, hours=hours)


@pytest.mark.parametrize(
    ("frequency", "oldest", "now", "leaves"),
    [
        (IMMEDIATE, at(9), at(9), True),
        (HOURLY, at(9.5), at(9.9), False),
        (HOURLY, at(9.5), at(10), True),
        (DAILY, at(7.9), at(8), True),
        (DAILY, at(8.1), at(23), False),
        (DAILY, at(8.1), at(8, day=1), True),
        (DAILY, at(7, day=-1), at(7), True),
        (WEEKLY, at(7, day=-3), at(7.9), False),
        (WEEKLY, at(7, day=-3), at(8), True),
        (WEEKLY, at(9), at(9, day=6), False),
        (WEEKLY, at(9), at(8, day=7), True),
    ],
)
def test_mail_leaves_by_its_timetable(frequency: str, oldest: datetime, now: datetime, leaves: bool) -> None:
    assert Timetable(frequency).lets_go(oldest, now) is leaves


@pytest.mark.parametrize(
    ("zone", "now", "leaves"),
    [
        ("UTC", at(21.9), True),
        ("UTC", at(22), False),
        ("UTC", at(5.9), False),
        ("UTC", at(6), True),
        ("Asia/Tokyo", at(13), False),
        ("Asia/Tokyo", at(21), True),
        ("America/New_York", at(3), False),
    ],
)
def test_quiet_hours_are_by_the_persons_own_clock(zone: str, now: datetime, leaves: bool) -> None:
    assert Timetable(IMMEDIATE, time(22), time(6), zone).lets_go(now, now) is leaves


def test_quiet_hours_keep_their_wall_clock_when_summer_time_begins() -> None:
    night = Timetable(IMMEDIATE, time(22), time(6), "Europe/Berlin")

    for day, ends_at in ((27, 5), (29, 4)):  # the clocks go forward on the 29th
        ends = datetime(2026, 3, day, ends_at, tzinfo=UTC)
        assert not night.lets_go(MONDAY, ends - timedelta(minutes=1))
        assert night.lets_go(MONDAY, ends)


@pytest.mark.parametrize(
    ("frequency", "oldest", "now", "leaves"),
    [
        # 02:00 to 03:00 in Berlin comes twice on 25 October: 00:00 and 01:00 UTC
        (HOURLY, datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 0, 59, tzinfo=UTC), False),
        (HOURLY, datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 1, tzinfo=UTC), True),
        (HOURLY, datetime(2026, 10, 25, 1, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 59, tzinfo=UTC), False),
        (DAILY, datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 6, 59, tzinfo=UTC), False),
        (DAILY, datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 7, tzinfo=UTC), True),
        (WEEKLY, datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 26, 6, 59, tzinfo=UTC), False),
        (WEEKLY, datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 26, 7, tzinfo=UTC), True),
    ],
)
def test_digests_keep_their_wall_clock_when_summer_time_ends(
    frequency: str, oldest: datetime, now: datetime, leaves: bool
) -> None:
    assert Timetable(frequency, time_zone="Europe/Berlin").lets_go(oldest, now) is leaves


def make_reader(**settings: Any) -> User:
    """Return a person who wants mail about telemetry."""
    person = make_person()
    prefer(person=person, category=Category.TELEMETRY, way=Way.EMAIL, enabled=True)
    if settings:
        change_settings(person=person, **settings)
    return person


def tell(*people: User, title: str = "pH left its limits", **given: Any) -> None:
    notify(people, **{"title": title, "category": Category.TELEMETRY, "at": NINE, **given})


@pytest.mark.django_db
def test_everything_that_waits_goes_out_in_one_letter_and_only_once() -> None:
    anna, bo = make_reader(), make_reader()
    tell(anna, bo, message="pH: 8", action_url="/sessions/sess_1")
    tell(anna, title="pO2 has gone silent\r\nBcc: eve@biolab.example", at=NINE + timedelta(minutes=1))

    sent = [mail_notifications(at=NINE + timedelta(minutes=2)) for _ in range(2)]

    assert sent == [2, 0]
    letters = {letter.to[0]: letter for letter in mail.outbox}
    assert letters[anna.email].subject == "2 notifications from BioLab"
    assert letters[bo.email].subject == "pH left its limits"
    assert letters[bo.email].body == "pH left its limits\npH: 8\n/sessions/sess_1\n2026-03-02T09:00:00Z"
    assert letters[anna.email].body.index("pH left") < letters[anna.email].body.index("pO2 has gone silent")


@pytest.mark.django_db
def test_a_letter_leads_to_the_house_where_its_address_is_known(settings: Any) -> None:
    settings.PUBLIC_URL = "https://lab.example"
    anna, bo = make_reader(), make_reader()
    tell(anna, action_url="/sessions/sess_1")
    tell(bo)

    mail_notifications(at=NINE)

    letters = {letter.to[0]: letter.body.splitlines() for letter in mail.outbox}
    assert letters[anna.email][1] == "https://lab.example/sessions/sess_1"
    assert letters[bo.email] == ["pH left its limits", "2026-03-02T09:00:00Z"]


@pytest.mark.parametrize(
    ("url", "host", "port", "person", "password", "tls"),
    [
        ("smtp://relay", "relay", 587, "", "", "starttls"),
        ("smtp://lab%40a.example:p%40ss@relay:25", "relay", 25, "lab@a.example", "p@ss", "starttls"),
        ("smtps://lab:pw@relay", "relay", 465, "lab", "pw", "at once"),
        ("smtp://relay:1025?tls=off", "relay", 1025, "", "", "none"),
    ],
)
def test_the_way_out_is_read_from_one_address(
    url: str, host: str, port: int, person: str, password: str, tls: str
) -> None:
    given = outgoing(url)

    assert (given["EMAIL_HOST"], given["EMAIL_PORT"]) == (host, port)
    assert (given["EMAIL_HOST_USER"], given["EMAIL_HOST_PASSWORD"]) == (person, password)
    assert (given["EMAIL_USE_TLS"], given["EMAIL_USE_SSL"]) == (tls == "starttls", tls == "at once")


@pytest.mark.parametrize(
    "url", ["http://relay", "relay:25", "smtp://", "smtp://a:pw@relay?tls=off", "smtps://a?tls=off"]
)
def test_an_address_that_is_none_or_gives_a_password_away_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL"):
        outgoing(url)


@pytest.mark.django_db
def test_who_did_not_ask_for_mail_has_read_it_or_has_left_gets_none() -> None:
    anna, bo, eve = make_person(), make_reader(), make_reader()
    tell(anna, bo, eve)
    mark_read(notification=Notification.objects.get(person=bo), at=NINE)
    User.objects.filter(pk=eve.pk).update(is_active=False)

    assert mail_notifications(at=NINE + timedelta(minutes=1)) == 0
    assert mail.outbox == []


@pytest.mark.django_db
def test_a_digest_waits_for_its_hour_and_takes_all_with_it() -> None:
    anna = make_reader(digest_frequency=HOURLY)
    tell(anna, at=at(9.1))
    tell(anna, title="Later", at=at(10.01))

    sent = [mail_notifications(at=at(hour)) for hour in (9.9, 10.02, 10.5)]

    assert sent == [0, 1, 0]
    assert mail.outbox[0].subject == "2 notifications from BioLab"


@pytest.mark.django_db
def test_a_long_letter_says_how_much_more_there_is(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    anna, bo = make_reader(), make_reader()
    for number in range(53):
        tell(anna, bo, title=f"Number {number}", at=NINE + timedelta(seconds=number))

    with django_assert_num_queries(3):  # who is due, the claim, the rows
        mail_notifications(at=NINE + timedelta(hours=1))

    assert mail.outbox[0].body.endswith("And 3 more, in your inbox: /notifications")
    assert "Number 49" in mail.outbox[0].body
    assert "Number 50" not in mail.outbox[0].body


class DownBackend(EmailBackend):
    """A mail server that goes down after the first letter."""

    taken: list[str] = []

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        if self.taken:
            raise ConnectionResetError
        self.taken.extend(messages[0].to)
        return 1


class PickyBackend(EmailBackend):
    """A mail server that refuses some addresses for good."""

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        if "nowhere" in messages[0].to[0]:
            raise SMTPRecipientsRefused({})
        return super().send_messages(messages)


@pytest.mark.django_db
def test_what_a_server_that_went_down_did_not_take_waits_for_the_next_run(settings: Any) -> None:
    anna, bo = make_reader(), make_reader()
    tell(anna, bo)
    settings.EMAIL_BACKEND = f"{__name__}.DownBackend"

    first = mail_notifications(at=NINE + timedelta(minutes=1))
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    second = mail_notifications(at=NINE + timedelta(minutes=2))

    assert (first, second) == (1, 1)
    assert sorted([*DownBackend.taken, *mail.outbox[0].to]) == sorted([anna.email, bo.email])


@pytest.mark.django_db
def test_an_address_that_is_refused_does_not_stand_in_the_way_of_others(settings: Any) -> None:
    lost, anna = make_reader(), make_reader()
    User.objects.filter(pk=lost.pk).update(email="lost@nowhere.example")
    tell(lost, anna)
    settings.EMAIL_BACKEND = f"{__name__}.PickyBackend"

    sent = [mail_notifications(at=NINE + timedelta(minutes=minute)) for minute in (1, 2)]

    assert sent == [2, 0]
    assert [letter.to for letter in mail.outbox] == [[anna.email]]
