"""Starting, planning and describing sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from biolab.accounts.models import ServiceToken
from biolab.accounts.roles import Role
from biolab.kernel.errors import Forbidden, Invalid
from biolab.kernel.times import iso
from sessions_app import chain
from sessions_app.errors import ProtocolRetired, SessionEnded
from sessions_app.models import LabSession
from sessions_app.services.protocols import change_protocol
from sessions_app.services.sessions import change_session, start_session
from tests.conftest import Clock
from tests.factories.sessions import NINE, ProtocolFactory, SessionFactory, make_member, make_team
from tests.sessions.kit import all_that_is_written, kinds

pytestmark = pytest.mark.django_db


def test_a_session_runs_at_once_with_the_steps_of_its_protocol(clock: Clock) -> None:
    protocol = ProtocolFactory(content="Fill\n\n   Heat to 37 °C  \n\nInoculate\n", variables=["strain"])
    lead = make_member(protocol.team, Role.OPERATOR)

    session = start_session(
        team=protocol.team,
        by=lead,
        at=clock(),
        name="  Run 7 ",
        description="First of three",
        protocol=protocol,
        parameters={"strain": "K-12", "speed_rpm": 800},
    )

    stored = LabSession.objects.get(pk=session.pk)
    assert (stored.status, stored.name, stored.started_at, stored.ended_at) == ("running", "Run 7", clock(), None)
    assert list(stored.steps.values_list("index", "instruction", "status")) == [
        (0, "Fill", "pending"),
        (1, "Heat to 37 °C", "pending"),
        (2, "Inoculate", "pending"),
    ]
    assert list(stored.crew.all()) == [lead]
    assert kinds(stored) == ["session.created", "session.started"]
    assert stored.events.get(sequence=1).payload == {
        "title": "Run 7",
        "status": "planned",
        "template_id": protocol.public_id,
        "protocol_version": 1,
        "parameters": {"strain": "K-12", "speed_rpm": 800},
    }


def test_the_chain_starts_from_the_session_its_protocol_and_its_time() -> None:
    with_protocol, without = SessionFactory(with_steps=True), SessionFactory()

    for session, digest in ((with_protocol, with_protocol.protocol_version.digest), (without, "")):
        expected = chain.genesis(session_id=session.public_id, protocol_digest=digest, created_at=iso(NINE))
        assert session.genesis == expected
        assert session.events.get(sequence=1).prev_hash == expected


def test_a_planned_session_waits(clock: Clock) -> None:
    session = SessionFactory(planned=True)

    assert (session.status, session.started_at) == ("planned", None)
    assert kinds(session) == ["session.created"]


def test_a_session_keeps_the_wording_it_started_with(clock: Clock) -> None:
    session = SessionFactory(with_steps=True)
    protocol = session.protocol_version.protocol

    change_protocol(protocol=protocol, by=protocol.created_by, at=clock(), content="Only this")

    stored = LabSession.objects.get(pk=session.pk)
    assert stored.protocol_version.version == 1
    assert stored.steps.count() == 3
    assert SessionFactory(team=session.team, by=session.created_by, protocol=protocol).steps.count() == 1


@pytest.mark.parametrize("value", [None, "", "absent"])
def test_each_variable_needs_a_parameter(value: Any, clock: Clock) -> None:
    protocol = ProtocolFactory(variables=["strain", "volume_l"])
    parameters = {"volume_l": 0} if value == "absent" else {"volume_l": 0, "strain": value}
    before = all_that_is_written()

    with pytest.raises(Invalid) as refusal:
        SessionFactory(team=protocol.team, by=protocol.created_by, protocol=protocol, parameters=parameters)

    assert [error["pointer"] for error in refusal.value.facts["errors"]] == ["/parameters/strain"]
    assert all_that_is_written() == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "   "},
        {"name": "x" * 256},
        {"description": "x" * 20_001},
        {"parameters": {"count": 2**53}},
        {"parameters": {"text": "x" * 70_000}},
        {"parameters": {"rate": float("nan")}},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_cannot_be_written_down_is_refused(wrong: dict[str, Any]) -> None:
    team = make_team()
    lead = make_member(team)
    before = all_that_is_written()

    with pytest.raises(Invalid):
        SessionFactory(team=team, by=lead, **wrong)

    assert all_that_is_written() == before


def test_a_retired_protocol_runs_no_more(clock: Clock) -> None:
    protocol = ProtocolFactory()
    change_protocol(protocol=protocol, by=protocol.created_by, at=clock(), status="retired")
    before = all_that_is_written()

    with pytest.raises(ProtocolRetired):
        SessionFactory(team=protocol.team, by=protocol.created_by, protocol=protocol)

    assert all_that_is_written() == before


def test_only_those_who_run_the_bench_start_sessions() -> None:
    team = make_team()
    observer, stranger = make_member(team, Role.OBSERVER), make_member(make_team("Another"), Role.OWNER)
    before = all_that_is_written()

    for person in (observer, stranger):
        with pytest.raises(Forbidden):
            SessionFactory(team=team, by=person)

    assert all_that_is_written() == before


@pytest.mark.parametrize("narrow", ["team", "sessions"])
def test_a_narrowed_token_starts_nothing_outside_its_bounds(narrow: str) -> None:
    team = make_team()
    lead = make_member(team)
    lead.credential = ServiceToken(name="Pump", owner=lead)
    if narrow == "team":
        lead.credential.team = make_team("Another")
    else:
        lead.credential.session_ids = ["sess_01h455vb4pex5vsknk084sn02q"]
    before = all_that_is_written()

    with pytest.raises(Forbidden):
        SessionFactory(team=team, by=lead)

    assert all_that_is_written() == before


def test_a_change_keeps_both_wordings(clock: Clock) -> None:
    session = SessionFactory(name="Run 7")

    changed = change_session(session=session, by=session.created_by, at=clock(), name="Run 7b", description="Again")

    assert (changed.name, changed.description, changed.updated_at) == ("Run 7b", "Again", clock())
    assert session.events.get(kind="session.changed").payload == {
        "before": {"name": "Run 7", "description": ""},
        "after": {"name": "Run 7b", "description": "Again"},
        "reason": "",
    }


def test_a_change_that_changes_nothing_is_no_event(clock: Clock) -> None:
    session = SessionFactory(name="Run 7")
    before = all_that_is_written()

    change_session(session=session, by=session.created_by, at=clock() + timedelta(hours=1), name=" Run 7 ")

    assert all_that_is_written() == before


def test_an_ended_session_is_changed_with_a_reason_only(clock: Clock) -> None:
    session = SessionFactory(completed=True)
    before = all_that_is_written()

    with pytest.raises(SessionEnded):
        change_session(session=session, by=session.created_by, at=clock(), name="Better name", reason="  ")
    assert all_that_is_written() == before

    change_session(session=session, by=session.created_by, at=clock(), name="Better name", reason="A typing error")
    assert session.events.get(kind="session.changed").payload["reason"] == "A typing error"
