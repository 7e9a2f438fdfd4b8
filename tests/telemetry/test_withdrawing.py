"""Readings and channels taken away: by administrators alone, never from a sealed session, always on the record."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, transaction

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.errors import Conflict, Forbidden, Missing
from biolab.kernel.security import SecurityEntry
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from telemetry_app.codec import decode_times, decode_values
from telemetry_app.models import Channel, Withdrawal
from telemetry_app.services.ingest import ingest, ingest_outside
from telemetry_app.services.withdrawing import withdraw_channel, withdraw_readings
from telemetry_app.stores import current
from tests.factories.sessions import NINE, SessionFactory, make_member
from tests.factories.telemetry import NINE_US, ChannelFactory, make_batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> User:
    return make_member(None, role_on_platform=PlatformRole.ADMIN)


def record(session: LabSession, name: str, values: list[float]) -> Channel:
    """Store values a microsecond apart and return their channel."""
    batch = make_batch([(name, NINE_US + i, value) for i, value in enumerate(values)])
    person = make_member(session.team, Role.OPERATOR)
    ingest(session=session, batch=batch, by=person, at=NINE, body_sha256="0" * 64)
    return Channel.objects.in_use().get(team=session.team, name=name)


def end(session: LabSession) -> None:
    move_session(session=session, move=COMPLETE, by=make_member(session.team, Role.LEAD), at=NINE)


def told(session: LabSession) -> list[TimelineEvent]:
    return list(TimelineEvent.objects.filter(session=session, kind="telemetry.withdrawn").order_by("sequence"))


def test_a_withdrawal_says_what_it_took_who_took_it_and_why(admin: User) -> None:
    session = SessionFactory()
    channel = record(session, "pH", [7.0, -0.0, 99.0, 7.1])

    withdrawal = withdraw_readings(
        session=session,
        channel=channel,
        first_us=NINE_US + 1,
        last_us=NINE_US + 2,
        reason="Probe in air.",
        by=admin,
        at=NINE,
    )

    assert decode_times(withdrawal.times, 2).tolist() == [NINE_US + 1, NINE_US + 2]
    assert [str(value) for value in decode_values(withdrawal.values, 2)] == ["-0.0", "99.0"]
    assert (withdrawal.count, withdrawal.withdrawn_by, withdrawal.withdrawn_at) == (2, admin, NINE)
    [event] = told(session)
    assert (event.actor, event.payload["count"], event.payload["reason"]) == (admin, 2, "Probe in air.")
    assert event.payload["withdrawal_id"] == withdrawal.public_id
    left = current().summary(session.pk)[channel.pk]
    assert (left.count, left.maximum) == (2, 7.1)


def test_one_instant_is_withdrawn_alone_and_only_once(admin: User) -> None:
    session = SessionFactory()
    channel = record(session, "pH", [1.0, 2.0, 3.0])
    withdraw_readings(session=session, channel=channel, first_us=NINE_US + 1, reason="", by=admin, at=NINE)

    with pytest.raises(Missing):
        withdraw_readings(session=session, channel=channel, first_us=NINE_US + 1, reason="", by=admin, at=NINE)

    assert current().summary(session.pk)[channel.pk].count == 2
    assert Withdrawal.objects.count() == len(told(session)) == 1


@pytest.mark.parametrize("role", [Role.OWNER, Role.LEAD, Role.OPERATOR])
def test_nobody_but_an_administrator_withdraws(role: Role) -> None:
    session = SessionFactory()
    channel = record(session, "pH", [7.0])
    person = make_member(session.team, role)

    with pytest.raises(Forbidden):
        withdraw_readings(session=session, channel=channel, first_us=NINE_US, reason="", by=person, at=NINE)
    with pytest.raises(Forbidden):
        withdraw_channel(channel=channel, reason="", by=person, at=NINE)

    assert current().summary(session.pk)[channel.pk].count == 1
    assert Channel.objects.in_use().filter(pk=channel.pk).exists()
    assert not Withdrawal.objects.exists()


def test_sealed_readings_stay(admin: User) -> None:
    session = SessionFactory()
    channel = record(session, "pH", [7.0])
    end(session)
    sealed = current().seal(session.pk)

    with pytest.raises(Conflict, match="sealed"):
        withdraw_readings(session=session, channel=channel, first_us=NINE_US, reason="", by=admin, at=NINE)
    with pytest.raises(Conflict, match="sealed"):
        withdraw_channel(channel=channel, reason="", by=admin, at=NINE)

    assert current().seal(session.pk) == sealed
    assert Channel.objects.in_use().filter(pk=channel.pk).exists()
    assert not Withdrawal.objects.exists()


def test_withdrawn_readings_are_not_under_the_seal_of_a_session_that_ends_later(admin: User) -> None:
    session = SessionFactory()
    channel = record(session, "pH", [7.0, 99.0])
    withdraw_readings(session=session, channel=channel, first_us=NINE_US + 1, reason="", by=admin, at=NINE)

    end(session)

    assert TimelineEvent.objects.get(session=session, kind="telemetry.sealed").payload["readings"] == 1


def test_a_withdrawal_outside_any_session_goes_to_the_security_log(admin: User) -> None:
    channel = ChannelFactory(name="pH")
    person = make_member(channel.team, Role.OPERATOR)
    batch = make_batch([("pH", NINE_US, 7.0), ("pH", NINE_US + 1, 8.0)])
    ingest_outside(team_id=channel.team_id, batch=batch, by=person, at=NINE, body_sha256="0" * 64)

    withdrawal = withdraw_readings(
        session=None, channel=channel, first_us=NINE_US, reason="Test signal.", by=admin, at=NINE
    )

    assert current().summary(None, [channel.pk])[channel.pk].count == 1
    entry = SecurityEntry.objects.get(kind="readings.withdrawn")
    assert (withdrawal.public_id in entry.canonical, "Test signal." in entry.canonical) == (True, True)


def test_a_withdrawn_channel_takes_its_readings_along_and_frees_its_name(admin: User) -> None:
    first = SessionFactory()
    second = SessionFactory(team=first.team)
    channel = record(first, "pH", [7.0, 7.1])
    record(second, "pH", [7.2])
    kept = record(first, "T", [37.0])
    outside = make_batch([("pH", NINE_US, 1.0)])
    person = make_member(first.team, Role.OPERATOR)
    ingest_outside(team_id=first.team_id, batch=outside, by=person, at=NINE, body_sha256="0" * 64)

    withdraw_channel(channel=channel, reason="Wrong probe.", by=admin, at=NINE)

    assert current().summary(first.pk).keys() == {kept.pk}
    assert current().summary(second.pk) == current().summary(None, [channel.pk]) == {}
    assert [len(told(session)) for session in (first, second)] == [1, 1]
    assert sum(Withdrawal.objects.values_list("count", flat=True)) == 4
    assert SecurityEntry.objects.filter(kind="channel.withdrawn").count() == 1
    again = record(first, "pH", [7.3])
    assert again.pk != channel.pk
    with pytest.raises(Conflict, match="already"):
        withdraw_channel(channel=channel, reason="", by=admin, at=NINE)


@pytest.mark.parametrize(
    "change",
    [lambda: Withdrawal.objects.update(reason="Nothing."), lambda: Withdrawal.objects.all().delete()],
    ids=["update", "delete"],
)
def test_the_record_of_a_withdrawal_cannot_be_changed(admin: User, change: Callable[[], object]) -> None:
    session = SessionFactory()
    channel = record(session, "pH", [7.0])
    withdraw_readings(session=session, channel=channel, first_us=NINE_US, reason="Probe in air.", by=admin, at=NINE)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change()

    assert Withdrawal.objects.get().reason == "Probe in air."
