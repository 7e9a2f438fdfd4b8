"""The bench at the desk: the same services, the same refusals, read-only history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole, Role
from sessions_app.models import LabSession, Protocol
from sessions_app.services.notes import correct_note, withdraw_note, write_note
from tests.factories.sessions import NINE, ProtocolFactory, SessionFactory, make_member, make_team
from tests.sessions.kit import all_that_is_written, kinds

pytestmark = pytest.mark.django_db

NO_INLINES = {"versions-TOTAL_FORMS": "0", "versions-INITIAL_FORMS": "0"}


def administrator(**membership: Any) -> User:
    """Return an administrator, in a team where one is given."""
    return make_member(
        membership.get("team"),
        membership.get("role", Role.LEAD),
        role_on_platform=PlatformRole.ADMIN,
        is_staff=True,
        is_superuser=True,
    )


def desk_of(person: User) -> Client:
    """Return a browser in which the person is signed in."""
    client = Client()
    client.force_login(person)
    return client


def page(model: str, name: str, *ids: object) -> str:
    """Return the address of a page of the administration."""
    return reverse(f"admin:sessions_app_{model}_{name}", args=ids)


def test_lists_and_pages_of_every_table_open() -> None:
    session = SessionFactory(completed=True, with_steps=True)
    desk = desk_of(administrator())
    rows = {
        "labsession": session.pk,
        "protocol": session.protocol_version.protocol_id,
        "timelineevent": session.events.first().pk,
        "checkpoint": session.checkpoints.get().pk,
    }

    for model, pk in rows.items():
        assert desk.get(page(model, "changelist")).status_code == 200
        assert desk.get(page(model, "change", pk)).status_code == 200
    shown = desk.get(page("labsession", "change", session.pk)).content.decode()
    assert "The session was completed." in shown
    assert "Calibrate the pH probe" in shown
    listed = desk.get(page("timelineevent", "changelist"), {"session__id__exact": str(session.pk)})
    assert listed.context["cl"].result_count == 3


def test_the_desk_shows_late_and_withdrawn_notes_with_every_version() -> None:
    session = SessionFactory()
    lead = session.created_by
    kept, gone = (
        write_note(session=session, by=lead, at=NINE, timestamp=NINE - timedelta(hours=late), content=text)
        for late, text in ((1, "=Late and kept"), (0, "Withdrawn"))
    )
    correct_note(note=kept, by=lead, at=NINE, content="=Late, corrected", reason="Misread")
    withdraw_note(note=gone, by=lead, at=NINE, reason="Wrong vessel")
    desk = desk_of(administrator())

    late = desk.get(page("note", "changelist"), {"late_entry__exact": "1"})
    shown = desk.get(page("note", "change", kept.pk)).content.decode()
    table = desk.post(page("note", "changelist"), {"action": "export_csv", "_selected_action": [kept.pk, gone.pk]})

    assert [row.pk for row in late.context["cl"].result_list] == [kept.pk]
    assert all(text in shown for text in ("=Late and kept", "=Late, corrected", "Misread"))
    assert b"Withdrawn" in b"".join(table)  # type: ignore[call-overload]
    assert desk.post(page("note", "change", kept.pk), {"content": "Mine"}).status_code == 403
    assert desk.get(page("note", "add")).status_code == 403


def test_a_protocol_is_written_and_changed_through_the_services() -> None:
    team = make_team()
    desk = desk_of(administrator(team=team))
    form = {"team": team.pk, "title": "Fed-batch", "content": "Fill\r\nHeat", "variables": "strain volume_l"}

    assert desk.post(page("protocol", "add"), form | NO_INLINES).status_code == 302
    protocol = Protocol.objects.get()
    assert protocol.wording.instructions == ["Fill", "Heat"]
    assert protocol.wording.variables == ["strain", "volume_l"]

    changed = {"title": "Fed-batch", "content": "Fill", "variables": "", "ordered": "on"}
    assert desk.post(page("protocol", "change", protocol.pk), changed | NO_INLINES).status_code == 302
    protocol.refresh_from_db()
    assert (protocol.current_version, protocol.ordered, protocol.wording.instructions) == (2, True, ["Fill"])
    assert protocol.versions.count() == 2


def test_a_superuser_gets_no_right_that_the_team_refuses() -> None:
    protocol, session = ProtocolFactory(), SessionFactory()
    desk = desk_of(administrator())
    before = all_that_is_written()

    form = {"title": "Mine", "content": "Fill", "variables": ""}
    answer = desk.post(page("protocol", "change", protocol.pk), form | NO_INLINES, follow=True)
    assert "Your role in this team does not allow this" in answer.content.decode()
    desk.post(page("protocol", "add"), form | {"team": protocol.team_id} | NO_INLINES)
    desk.post(page("protocol", "retire", protocol.pk))
    assert desk.post(page("labsession", "pause", session.pk)).status_code == 403

    assert all_that_is_written() == before


def test_buttons_move_a_session_only_after_a_question() -> None:
    session = SessionFactory()
    desk = desk_of(administrator(team=session.team))
    address = page("labsession", "pause", session.pk)
    before = all_that_is_written()

    assert "Pause the session" in desk.get(address).content.decode()
    assert all_that_is_written() == before
    assert desk.post(address).status_code == 302
    assert LabSession.objects.get(pk=session.pk).status == "paused"
    assert kinds(session)[-1] == "session.paused"


def test_a_protocol_is_retired_and_reinstated_by_buttons() -> None:
    protocol = ProtocolFactory()
    desk = desk_of(administrator(team=protocol.team))

    desk.post(page("protocol", "retire", protocol.pk))
    assert Protocol.objects.get(pk=protocol.pk).status == "retired"
    desk.post(page("protocol", "reinstate", protocol.pk))
    assert Protocol.objects.get(pk=protocol.pk).status == "active"


@pytest.mark.parametrize("tampered", [False, True])
def test_a_timeline_is_verified_at_the_desk(tampered: bool) -> None:
    session = SessionFactory()
    if tampered:
        LabSession.objects.filter(pk=session.pk).update(head_hash="ab" * 32)

    told = desk_of(administrator()).get(page("labsession", "verify", session.pk), follow=True).content.decode()

    assert ("does not hold" in told) == tampered
    assert ("2 events and 0 signed checkpoints hold" in told) != tampered


@pytest.mark.parametrize("model", ["labsession", "timelineevent", "checkpoint"])
def test_history_is_read_only_here_too(model: str) -> None:
    session = SessionFactory(completed=True)
    pk = {
        "labsession": session.pk,
        "timelineevent": session.events.first().pk,
        "checkpoint": session.checkpoints.get().pk,
    }[model]
    desk = desk_of(administrator(team=session.team, role=Role.OWNER))
    before = all_that_is_written()

    assert desk.get(page(model, "add")).status_code == 403
    assert desk.post(page(model, "change", pk), {"name": "Mine", "kind": "x"}).status_code == 403
    assert desk.post(page(model, "delete", pk), {"post": "yes"}).status_code == 403

    assert all_that_is_written() == before


def test_only_staff_come_in() -> None:
    session = SessionFactory()

    for person in (session.created_by, make_member(session.team, Role.OWNER)):
        answer = desk_of(person).get(page("labsession", "change", session.pk))
        assert answer.status_code == 302
        assert "login" in answer["Location"]
