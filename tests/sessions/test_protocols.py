"""Protocols and their versions."""

from __future__ import annotations

from typing import Any

import pytest

from biolab.accounts.roles import Role
from biolab.kernel.errors import Forbidden, Invalid, Stale
from biolab.kernel.models import SecurityEntry
from sessions_app.models import Protocol
from sessions_app.services.protocols import change_protocol, create_protocol
from tests.conftest import Clock
from tests.factories.sessions import ProtocolFactory, make_member, make_team
from tests.sessions.kit import all_that_is_written

pytestmark = pytest.mark.django_db


def test_a_protocol_begins_with_version_one(clock: Clock) -> None:
    team = make_team()
    lead = make_member(team, Role.LEAD)

    protocol = create_protocol(
        team=team, by=lead, at=clock(), title=" Fed-batch ", content="Fill\n\nHeat", variables=["strain"], ordered=True
    )

    version = protocol.versions.get()
    assert (protocol.title, protocol.status, protocol.current_version) == ("Fed-batch", "active", 1)
    assert (version.content, version.variables, version.ordered) == ("Fill\n\nHeat", ["strain"], True)
    assert version.instructions == ["Fill", "Heat"]
    assert version.digest == version.wording_digest


def test_a_change_adds_a_version_and_leaves_the_old_one(clock: Clock) -> None:
    protocol = ProtocolFactory(content="Fill", variables=["strain"])
    first = protocol.versions.get()

    changed = change_protocol(protocol=protocol, by=protocol.created_by, at=clock(), content="Fill\nHeat")

    assert changed.current_version == 2
    assert changed.wording.content == "Fill\nHeat"
    assert changed.wording.variables == ["strain"]
    first.refresh_from_db()
    assert (first.version, first.content) == (1, "Fill")
    assert first.digest != changed.wording.digest


def test_a_change_that_changes_nothing_makes_no_version(clock: Clock) -> None:
    protocol = ProtocolFactory(content="Fill")

    changed = change_protocol(protocol=protocol, by=protocol.created_by, at=clock(), content="Fill", ordered=False)

    assert changed.current_version == 1
    assert changed.versions.count() == 1


def test_retiring_and_reinstating_stand_in_the_security_log(clock: Clock) -> None:
    protocol = ProtocolFactory()

    for status in ("retired", "retired", "active"):
        change_protocol(protocol=protocol, by=protocol.created_by, at=clock(), status=status)

    assert Protocol.objects.get(pk=protocol.pk).status == "active"
    kinds = list(SecurityEntry.objects.order_by("sequence").values_list("kind", flat=True))
    assert [kind for kind in kinds if kind.startswith("protocol.")] == ["protocol.retire", "protocol.reinstate"]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"title": "  "}, "/title"),
        ({"title": "x" * 256}, "/title"),
        ({"content": " \n\n "}, "/content"),
        ({"content": "x" * 2001}, "/content"),
        ({"content": "x\n" * 1001}, "/content"),
        ({"variables": ["strain", "strain"]}, "/variables/1"),
        ({"variables": ["2nd"]}, "/variables/0"),
        ({"variables": [""]}, "/variables/0"),
    ],
)
def test_what_cannot_be_run_is_refused(wrong: dict[str, Any], pointer: str, clock: Clock) -> None:
    protocol = ProtocolFactory()
    before = all_that_is_written()

    with pytest.raises(Invalid) as creating:
        ProtocolFactory(team=protocol.team, by=protocol.created_by, **wrong)
    with pytest.raises(Invalid) as changing:
        change_protocol(protocol=protocol, by=protocol.created_by, at=clock(), **wrong)

    for refusal in (creating, changing):
        assert refusal.value.facts["errors"][0]["pointer"] == pointer
    assert all_that_is_written() == before


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.OWNER, Role.MANAGER, Role.LEAD)])
def test_only_leads_and_above_edit_protocols(role: Role, clock: Clock) -> None:
    protocol = ProtocolFactory()
    person = make_member(protocol.team, role)
    before = all_that_is_written()

    with pytest.raises(Forbidden):
        ProtocolFactory(team=protocol.team, by=person)
    with pytest.raises(Forbidden):
        change_protocol(protocol=protocol, by=person, at=clock(), title="Mine")

    assert all_that_is_written() == before


def test_a_change_of_what_somebody_else_changed_is_stale(clock: Clock) -> None:
    protocol = ProtocolFactory()
    read = protocol.etag
    change_protocol(protocol=protocol, by=protocol.created_by, at=clock(), title="Theirs", if_match=read)
    before = all_that_is_written()

    with pytest.raises(Stale):
        change_protocol(protocol=protocol, by=protocol.created_by, at=clock(), title="Mine", if_match=read)

    assert all_that_is_written() == before
