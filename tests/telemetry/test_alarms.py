"""Alarms: opened and closed with the crossings behind them, and answered for by somebody who runs the session."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import DjangoAssertNumQueries
from rest_framework.test import APIClient

from biolab.accounts.models import Notification, User
from biolab.accounts.roles import Role
from biolab.kernel.errors import Conflict, Forbidden, Invalid
from biolab.kernel.times import iso
from sessions_app.models import LabSession
from sessions_app.services.notes import write_note
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from telemetry_app.alarms import alarms_of
from telemetry_app.instants import SECOND_US, from_us, to_us
from telemetry_app.models import Alarm, Channel
from telemetry_app.services.alarms import acknowledge_alarm
from telemetry_app.services.channels import adjust_channel
from telemetry_app.services.ingest import ingest
from telemetry_app.services.watching import believe_the_calm
from telemetry_app.services.withdrawing import withdraw_channel
from tests.factories.accounts import make_admin
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team
from tests.factories.telemetry import NINE_US, ChannelFactory, make_batch
from tests.sessions.kit import client_of, kinds

pytestmark = pytest.mark.django_db


@pytest.fixture
def session() -> LabSession:
    return SessionFactory()


@pytest.fixture
def lead(session: LabSession) -> User:
    return session.created_by


@pytest.fixture
def channel(session: LabSession) -> Channel:
    """Return a channel that is to stay between 10 and 20."""
    return ChannelFactory(team=session.team, name="pressure", unit="bar", limited=True)


def send(session: LabSession, channel: str, *values: float, from_s: int) -> None:
    """Store one batch of values a second apart."""
    rows = [(channel, NINE_US + (from_s + place) * SECOND_US, value) for place, value in enumerate(values)]
    at = from_us(rows[-1][1])
    ingest(
        session=session,
        batch=make_batch(rows, received_us=to_us(at)),
        by=session.created_by,
        at=at,
        body_sha256="0" * 64,
    )


def second(number: int) -> Any:
    return NINE + timedelta(seconds=number)


def test_an_alarm_opens_when_a_channel_leaves_its_limits_and_closes_when_it_is_back(
    session: LabSession, channel: Channel
) -> None:
    send(session, "pressure", 15, 21, 22, from_s=0)
    (alarm,) = alarms_of(session)
    opened = (alarm.kind, alarm.standing, alarm.value, alarm.opened_at, alarm.is_open)

    send(session, "pressure", 19.9, 15, from_s=3)

    assert opened == ("limit", "high", 21.0, second(1), True)
    (alarm,) = alarms_of(session)
    assert alarm.closed_at == second(4)
    assert kinds(session)[-2:] == ["telemetry.limit.crossed", "telemetry.limit.cleared"]


def test_the_console_shows_anomalies_and_what_the_house_wrote_by_itself(
    session: LabSession, channel: Channel, lead: User
) -> None:
    console = f"/api/experiment-console/sessions/{session.public_id}"
    send(session, "pressure", 21, from_s=0)
    write_note(session=session, by=lead, at=second(1), timestamp=second(1), content="Valve stuck")
    shown = client_of(lead).get(console).json()
    (alarm,) = alarms_of(session)
    acknowledge_alarm(alarm=alarm, comment="Seen", by=lead, at=second(2))
    (answered,) = client_of(lead).get(console).json()["anomaly_events"]
    send(session, "pressure", 15, from_s=3)
    (over,) = client_of(lead).get(console).json()["anomaly_events"]
    move_session(session=session, move=COMPLETE, by=lead, at=second(9))
    logged = client_of(lead).get(console).json()["auto_log_entries"]

    assert shown["anomaly_events"] == [
        {
            "id": alarm.public_id,
            "channel": "pressure",
            "channel_id": channel.public_id,
            "message": "pressure above maximum: 21 bar",
            "severity": "critical",
            "timestamp": iso(second(0)),
            "ended_at": None,
            "acknowledged": False,
        }
    ]
    assert (answered["severity"], answered["acknowledged"], answered["ended_at"]) == ("warning", True, None)
    assert (over["severity"], over["ended_at"]) == ("info", iso(second(3)))
    sealed = session.events.get(kind="telemetry.sealed")
    assert shown["auto_log_entries"] == []
    assert [entry["source"] for entry in logged] == ["qc.metric", "analytics.snapshot", "telemetry.sealed"]
    assert logged[-1] == {
        "sequence": sealed.sequence,
        "source": sealed.kind,
        "title": "2 readings of the session were sealed.",
        "created_at": iso(second(9)),
    }


def test_the_alarm_and_its_fact_are_written_together_or_not_at_all(session: LabSession, channel: Channel) -> None:
    move_session(session=session, move=COMPLETE, by=session.created_by, at=NINE)

    with pytest.raises(Conflict):
        send(session, "pressure", 21, from_s=0)

    assert not Alarm.objects.exists()
    assert "telemetry.limit.crossed" not in kinds(session)


@pytest.mark.parametrize(
    ("batches", "stretches"),
    [
        ([[21], [15], [21]], [(0, None)]),
        ([[21], [9], [15]], [(0, 2)]),
        ([[21, 15, 21, 15, 9]], [(0, None)]),
        ([[15, 21, 15]], [(1, 2)]),
        ([[21, 15] * 30], [(0, 59)]),
    ],
    ids=["back and again", "through to the other side", "in one batch", "a spike inside a batch", "more than is told"],
)
def test_fluttering_is_one_alarm_and_not_a_hundred(
    session: LabSession, channel: Channel, batches: list[list[float]], stretches: list[tuple[int, int | None]]
) -> None:
    start = 0
    for values in batches:
        send(session, "pressure", *values, from_s=start)
        start += len(values)

    found = [(alarm.opened_at, alarm.closed_at) for alarm in alarms_of(session)]
    assert found == [(second(first), None if last is None else second(last)) for first, last in stretches]


def limit_facts(session: LabSession) -> list[tuple[str, float]]:
    """Return what was told of the limits: over or back, and at which second of the readings."""
    facts = session.events.filter(kind__startswith="telemetry.limit").order_by("sequence")
    return [
        (fact.kind.rpartition(".")[2], (datetime.fromisoformat(fact.payload["timestamp"]) - NINE).total_seconds())
        for fact in facts
    ]


FIVE_TIMES = [("crossed" if place % 2 == 0 else "cleared", float(place)) for place in range(9)]


def test_a_value_that_swings_across_a_limit_for_long_does_not_fill_the_timeline(
    session: LabSession, channel: Channel
) -> None:
    for number in range(60):
        send(session, "pressure", 15 if number % 2 else 21, from_s=number)

    assert limit_facts(session) == FIVE_TIMES
    (alarm,) = alarms_of(session)
    assert (alarm.opened_at, alarm.is_open) == (second(0), True)


def test_what_fluttered_is_told_back_by_the_first_reading_that_comes_quietly(
    session: LabSession, channel: Channel
) -> None:
    for number in range(20):
        send(session, "pressure", 15 if number % 2 else 21, from_s=number)

    send(session, "pressure", 15, from_s=300)
    send(session, "pressure", 15, from_s=301)

    assert limit_facts(session) == [*FIVE_TIMES, ("cleared", 301.0)]
    assert [alarm.closed_at for alarm in alarms_of(session)] == [second(301)]


def test_what_fluttered_and_came_to_rest_is_told_back_without_another_reading(
    session: LabSession, channel: Channel
) -> None:
    for number in range(20):
        send(session, "pressure", 15 if number % 2 else 21, from_s=number)

    told = [believe_the_calm(at=second(at)) for at in (20, 300, 301, 302)]

    assert told == [0, 0, 1, 0]
    assert limit_facts(session) == [*FIVE_TIMES, ("cleared", 19.0)]
    assert [alarm.closed_at for alarm in alarms_of(session)] == [second(19)]


def test_what_is_outside_or_over_is_not_taken_for_calm(
    session: LabSession, channel: Channel, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    send(session, "pressure", 21, from_s=0)
    outside = believe_the_calm(at=second(1000))
    for number in range(1, 20):
        send(session, "pressure", 15 if number % 2 else 21, from_s=number)
    move_session(session=session, move=COMPLETE, by=session.created_by, at=second(20))
    told = limit_facts(session)

    with django_assert_num_queries(1):
        ended = believe_the_calm(at=second(1000))

    assert (outside, ended) == (0, 0)
    assert limit_facts(session) == told


def test_a_crossing_much_later_is_another_alarm(session: LabSession, channel: Channel) -> None:
    send(session, "pressure", 21, 15, from_s=0)
    send(session, "pressure", 22, from_s=302)

    assert [(alarm.opened_at, alarm.is_open) for alarm in alarms_of(session)] == [
        (second(302), True),
        (NINE, False),
    ]


def test_what_was_acknowledged_does_not_answer_for_the_next_crossing(
    session: LabSession, channel: Channel, lead: User
) -> None:
    send(session, "pressure", 21, 15, from_s=0)
    acknowledge_alarm(alarm=alarms_of(session)[0], comment="Valve stuck", by=lead, at=second(2))

    send(session, "pressure", 21, from_s=3)

    assert [alarm.is_acknowledged for alarm in alarms_of(session)] == [False, True]


@pytest.mark.parametrize(
    ("limits", "still_open"),
    [
        ((None, None), False),
        ((10.0, 21.5), False),
        ((10.0, 21.0), False),
        ((10.0, 20.5), True),
        ((22.0, 30.0), True),
    ],
    ids=["none any more", "wider", "wide enough only just", "not wide enough", "it is too low now"],
)
def test_new_limits_judge_the_newest_reading_again(
    session: LabSession, channel: Channel, lead: User, limits: tuple[float | None, float | None], still_open: bool
) -> None:
    send(session, "pressure", 21, from_s=0)
    channel.min_value, channel.max_value = limits

    adjust_channel(channel=channel, by=lead, at=second(5))
    send(session, "pressure", 21, from_s=10)

    (alarm,) = alarms_of(session)
    assert alarm.is_open is still_open
    assert (kinds(session)[-1] == "telemetry.limit.cleared") is not still_open


def test_limits_drawn_around_a_reading_open_an_alarm_at_once(session: LabSession, channel: Channel, lead: User) -> None:
    send(session, "pressure", 15, from_s=0)
    channel.max_value = 14.0

    adjust_channel(channel=channel, by=lead, at=second(5))

    (alarm,) = alarms_of(session)
    assert (alarm.value, alarm.standing, kinds(session)[-1]) == (15.0, "high", "telemetry.limit.crossed")


def test_the_end_of_a_session_closes_its_alarms(session: LabSession, channel: Channel, lead: User) -> None:
    send(session, "pressure", 21, from_s=0)

    move_session(session=session, move=COMPLETE, by=lead, at=second(60))

    assert [alarm.closed_at for alarm in alarms_of(session)] == [second(60)]


def test_acknowledging_is_written_on_the_timeline_once(session: LabSession, channel: Channel, lead: User) -> None:
    send(session, "pressure", 21, from_s=0)
    (alarm,) = alarms_of(session)

    acknowledge_alarm(alarm=alarm, comment=" Valve stuck ", by=lead, at=second(9))
    with pytest.raises(Conflict) as refused:
        acknowledge_alarm(alarm=alarm, comment="Again", by=lead, at=second(10))

    alarm.refresh_from_db()
    assert (alarm.comment, alarm.acknowledged_by, alarm.acknowledged_at) == ("Valve stuck", lead, second(9))
    assert refused.value.code == "already_acknowledged"
    told = session.events.get(kind="telemetry.alarm.acknowledged")
    assert told.told == "The alarm of pressure was acknowledged: Valve stuck"
    assert told.payload["alarm_id"] == alarm.public_id


@pytest.mark.parametrize("comment", ["", "  ", "x" * 2001])
def test_acknowledging_needs_a_comment_that_can_be_read(
    session: LabSession, channel: Channel, lead: User, comment: str
) -> None:
    send(session, "pressure", 21, from_s=0)

    with pytest.raises(Invalid):
        acknowledge_alarm(alarm=alarms_of(session)[0], comment=comment, by=lead, at=second(9))

    assert not alarms_of(session)[0].is_acknowledged


def test_only_those_who_run_sessions_acknowledge(session: LabSession, channel: Channel) -> None:
    send(session, "pressure", 21, from_s=0)

    with pytest.raises(Forbidden):
        acknowledge_alarm(
            alarm=alarms_of(session)[0], comment="Seen", by=make_member(session.team, Role.OBSERVER), at=second(9)
        )

    assert not alarms_of(session)[0].is_acknowledged
    assert "telemetry.alarm.acknowledged" not in kinds(session)


def test_the_door_lists_alarms_by_what_is_asked(session: LabSession, lead: User) -> None:
    for name, values in {"calm": (21, 15), "hot": (25,), "seen": (9,)}.items():
        ChannelFactory(team=session.team, name=name, limited=True)
        send(session, name, *values, from_s=0)
    seen = alarms_of(session).get(channel__name="seen")
    client, path = client_of(lead), f"/api/sessions/{session.public_id}/alarms"

    acknowledged = client.post(f"{path}/{seen.public_id}/acknowledge", {"comment": "Empty line"}, format="json")
    again = client.post(f"{path}/{seen.public_id}/acknowledge", {"comment": "Empty line"}, format="json")

    assert (acknowledged.status_code, again.status_code) == (200, 409)
    assert acknowledged.json()["acknowledged_by"] == {"id": lead.public_id, "name": lead.printed_name}
    assert _channels(client, path) == {"calm", "hot", "seen"}
    assert _channels(client, f"{path}?open=true") == {"hot", "seen"}
    assert _channels(client, f"{path}?open=true&unacknowledged=true") == {"hot"}
    assert _channels(client, f"{path}?open=false") == {"calm"}
    assert _channels(client, f"{path}?unacknowledged=false") == {"seen"}
    assert client.get(f"{path}?open=maybe").status_code == 422


def _channels(client: APIClient, path: str) -> set[str]:
    return {item["channel"] for item in client.get(path).json()["items"]}


def test_the_list_of_alarms_costs_the_same_however_long(
    session: LabSession, lead: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client, path = client_of(lead), f"/api/sessions/{session.public_id}/alarms"
    for number in range(3):
        ChannelFactory(team=session.team, name=f"c{number}", limited=True)
        send(session, f"c{number}", 25, from_s=0)

        with django_assert_num_queries(2):
            assert len(client.get(path).json()["items"]) == number + 1


# -- who is told ----------------------------------------------------------------------------------------------------


def told_to(person: User) -> list[tuple[str, str, str]]:
    rows = Notification.objects.inbox_of(person).order_by("created_at", "id")
    return list(rows.values_list("title", "message", "priority"))


def test_those_who_run_the_session_are_told_once_however_it_flutters(
    session: LabSession, channel: Channel, lead: User
) -> None:
    operator = make_member(session.team, Role.OPERATOR)
    others = [make_member(session.team, Role.OBSERVER), make_member(make_team(), Role.LEAD)]

    send(session, "pressure", 21, 15, 22, from_s=0)
    for number in range(3, 9):
        send(session, "pressure", 15 if number % 2 else 9, from_s=number)

    expected = (
        "pressure left its limits",
        f"Session “{session.name}”: pressure (above maximum: 21 bar).",
        "high",
    )
    assert [told_to(person) for person in (lead, operator)] == [[expected], [expected]]
    assert [told_to(person) for person in others] == [[], []]
    row = Notification.objects.inbox_of(lead).get()
    assert row.action_url == f"/sessions/{session.public_id}"
    assert row.meta["alarm_ids"] == [alarms_of(session)[0].public_id]


def test_many_alarms_at_once_are_one_notification(session: LabSession, lead: User) -> None:
    names = [f"c{number:02}" for number in range(12)]
    for name in names:
        ChannelFactory(team=session.team, name=name, unit="", limited=True)
    rows = [(name, NINE_US, 25.0) for name in names]

    ingest(session=session, batch=make_batch(rows), by=lead, at=NINE, body_sha256="0" * 64)

    ((title, message, _),) = told_to(lead)
    assert title == "12 channels left their limits"
    assert message.startswith(f"Session “{session.name}”: c00 (above maximum: 25), c01 (")
    assert message.endswith("c09 (above maximum: 25) and 2 more.")


def test_nobody_is_told_of_a_batch_that_was_not_stored(session: LabSession, channel: Channel, lead: User) -> None:
    def store_and_fail() -> None:
        with transaction.atomic():
            send(session, "pressure", 21, from_s=0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store_and_fail()

    assert told_to(lead) == []
    assert not alarms_of(session).exists()


def test_a_withdrawn_channel_leaves_no_alarm_open(session: LabSession, channel: Channel) -> None:
    send(session, "pressure", 21, from_s=0)

    withdraw_channel(channel=channel, reason="Wrong probe", by=make_admin(), at=second(9))

    assert [alarm.closed_at for alarm in alarms_of(session)] == [second(9)]
