"""Two sessions of one protocol side by side: steps by what they say, channels by name, times since the start."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from sessions_app.models import LabSession, Protocol
from sessions_app.services.protocols import change_protocol
from sessions_app.services.sessions import move_session
from sessions_app.services.steps import move_step
from sessions_app.states import COMPLETE
from telemetry_app import stores
from telemetry_app.instants import SECOND_US, to_us
from tests.factories.sessions import NINE, ProtocolFactory, SessionFactory, make_member, make_team
from tests.factories.telemetry import make_batch, make_channels, make_intake
from tests.sessions.kit import CONSOLE, client_of

pytestmark = pytest.mark.django_db

COMPARE = "/api/experiment-console/sessions/{execution_id}/compare"
SIDES = ("first", "second")


@pytest.fixture
def lead() -> User:
    return make_member(make_team(), Role.LEAD)


@pytest.fixture
def protocol(lead: User) -> Protocol:
    made: Protocol = ProtocolFactory(
        team=lead.teams.get(), by=lead, title="Fed-batch", content="Fill [10 min]\nCalibrate\nInoculate"
    )
    return made


def ran(protocol: Protocol, lead: User, *, minutes: tuple[int, ...], at: Any = NINE) -> LabSession:
    """Return a session whose steps took so many minutes one after the other."""
    session: LabSession = SessionFactory(team=protocol.team, by=lead, protocol=protocol, at=at)
    for index, took in enumerate(minutes):
        begun, at = at, at + timedelta(minutes=took)
        move_step(session=session, index=index, to="completed", by=lead, at=at, started_at=begun)
    return session


def asked(client: APIClient, first: LabSession, second: LabSession | str, **query: Any) -> Any:
    other = second if isinstance(second, str) else second.public_id
    return client.get(f"{CONSOLE}/{first.public_id}/compare", {"with": other, **query})


def test_steps_and_durations_stand_side_by_side(protocol: Protocol, lead: User) -> None:
    first = ran(protocol, lead, minutes=(10, 5, 1))
    second = ran(protocol, lead, minutes=(12,), at=NINE + timedelta(days=1))

    answer = asked(client_of(lead), first, second)

    told = answer.json()
    assert answer.status_code == 200
    assert told["protocol"] == {"id": protocol.public_id, "title": "Fed-batch"}
    assert [told[side]["id"] for side in SIDES] == [first.public_id, second.public_id]
    assert [told[side]["duration_s"] for side in SIDES] == [960.0, None]
    assert [told[side]["status"] for side in SIDES] == ["completed", "in_progress"]
    assert [pair["instruction"] for pair in told["steps"]] == ["Fill [10 min]", "Calibrate", "Inoculate"]
    filled, calibrated, _ = told["steps"]
    assert [filled[side]["duration_s"] for side in SIDES] == [600.0, 720.0]
    assert [filled[side]["planned_duration_s"] for side in SIDES] == [600, 600]
    assert (filled["difference_s"], calibrated["difference_s"]) == (120.0, None)


def test_steps_of_another_version_stand_where_they_say_the_same(protocol: Protocol, lead: User) -> None:
    first = ran(protocol, lead, minutes=())
    changed = change_protocol(
        protocol=protocol, by=lead, at=NINE, content="Fill [10 min]\nSterilise\nInoculate twice\nHarvest"
    )
    second = ran(changed, lead, minutes=())

    steps = asked(client_of(lead), first, second).json()["steps"]

    texts = [[pair[side] and pair[side]["instruction"] for side in SIDES] for pair in steps]
    assert texts == [
        ["Fill [10 min]", "Fill [10 min]"],
        ["Calibrate", "Sterilise"],
        ["Inoculate", "Inoculate twice"],
        [None, "Harvest"],
    ]


def test_channels_are_compared_over_the_time_since_the_start(protocol: Protocol, lead: User) -> None:
    first = ran(protocol, lead, minutes=())
    second = ran(protocol, lead, minutes=(), at=NINE + timedelta(hours=3))
    known = make_channels(first, "pH", "stirrer")
    for session, base, names in ((first, 7.0, ("pH",)), (second, 6.0, ("pH", "stirrer"))):
        assert session.started_at is not None
        start = to_us(session.started_at)
        rows = [(name, start + place * SECOND_US, base + place % 3) for name in names for place in range(60)]
        stores.current().append(make_intake(session, known, make_batch(rows)))

    exact = asked(client_of(lead), first, second).json()["channels"]
    merged = asked(client_of(lead), first, second, places=4).json()["channels"]

    assert [channel["name"] for channel in exact] == ["pH", "stirrer"]
    ours, theirs = (exact[0][side] for side in SIDES)
    assert ours["elapsed_s"] == theirs["elapsed_s"] == [float(second) for second in range(60)]
    assert (ours["low"], ours["high"]) == ([7.0 + place % 3 for place in range(60)],) * 2
    assert [each["mean"] for each in (ours, theirs)] == [8.0, 7.0]
    assert exact[1]["first"] is None
    assert exact[1]["second"]["count"] == 60
    assert len(merged[0]["first"]["elapsed_s"]) <= 4
    assert {*merged[0]["first"]["low"]} == {7.0}
    assert {*merged[0]["first"]["high"]} == {9.0}


def test_only_sessions_of_one_protocol_that_the_person_sees_are_compared(protocol: Protocol, lead: User) -> None:
    first = ran(protocol, lead, minutes=())
    other = SessionFactory(team=protocol.team, by=lead, with_steps=True)
    free = SessionFactory(team=protocol.team, by=lead)
    foreign = SessionFactory(with_steps=True)
    client = client_of(lead)

    answers = [asked(client, *pair) for pair in ((first, other), (first, free), (free, free))]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(422, "not_of_one_protocol")] * 3
    assert asked(client, first, foreign).status_code == 404
    assert asked(client, first, "sess_nonsense").status_code == 404
    assert asked(client, foreign, first).status_code == 404
    assert client.get(f"{CONSOLE}/{first.public_id}/compare").status_code == 422
    assert asked(client, first, first, places=0).status_code == 422


def test_the_answer_is_as_described(protocol: Protocol, lead: User) -> None:
    first, second = ran(protocol, lead, minutes=(1,)), ran(protocol, lead, minutes=())
    known = make_channels(first, "pH")
    stores.current().append(make_intake(first, known, make_batch([("pH", to_us(NINE), 7.0)])))
    move_session(session=second, move=COMPLETE, by=lead, at=NINE)
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)

    answer = asked(client_of(lead), first, second)

    described = document["paths"][COMPARE]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**described, "components": document["components"]}).validate(answer.json())
    assert answer.json()["channels"][0]["second"] is None
