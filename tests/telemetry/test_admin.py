"""Channels and batches at the desk."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from biolab.accounts.auth.identity import secret_digest
from biolab.accounts.models import ServiceToken, User
from biolab.accounts.roles import Role
from biolab.accounts.services.tokens import issue_token
from biolab.kernel.errors import Conflict, Forbidden, Invalid
from biolab.kernel.models import SecurityEntry
from sessions_app.models import LabSession
from telemetry_app.models import Alarm, Channel, Chunk, ImportJob, Original, Segment, Withdrawal
from telemetry_app.services.channels import add_channel, adjust_channel
from telemetry_app.services.ingest import ingest
from telemetry_app.stores import current
from telemetry_app.stores.base import Body
from telemetry_app.stores.segments import keep_original
from tests.factories.accounts import make_admin
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team
from tests.factories.telemetry import NINE_US, ChannelFactory, make_batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(make_admin())
    return client


@pytest.fixture
def recorded() -> LabSession:
    session = SessionFactory()
    person = make_member(session.team, Role.OPERATOR)
    rows = [("pH", NINE_US + i, float(i)) for i in range(10)]
    ingest(session=session, batch=make_batch(rows), by=person, at=NINE, body_sha256="0" * 64)
    current().compact(session.pk)
    return session


@pytest.fixture
def crossed(recorded: LabSession) -> Alarm:
    channel = Channel.objects.get()
    return Alarm.objects.create(
        session=recorded, channel=channel, kind="limit", standing="high", value=9, opened_at=NINE
    )


def form(**fields: Any) -> dict[str, Any]:
    return {"name": "pH", "unit": "pH", "type": "sensor", "min_value": "6", "max_value": "8", **fields}


def test_a_channel_is_added_and_its_limits_are_changed_on_the_record(desk: Client) -> None:
    team = make_team()
    desk.post("/admin/telemetry_app/channel/add/", form(team=str(team.pk)))
    channel = Channel.objects.get()

    answer = desk.post(f"/admin/telemetry_app/channel/{channel.pk}/change/", form(max_value="7.5", name="other"))

    assert answer.status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.unit, channel.max_value) == ("pH", "pH", 7.5)
    entries = SecurityEntry.objects.filter(kind__startswith="channel.").order_by("sequence")
    assert [entry.kind for entry in entries] == ["channel.added", "channel.changed"]
    detail = entries[1].record["detail"]
    assert (detail["before"]["max_value"], detail["after"]["max_value"]) == (8, 7.5)


def fill(session: LabSession, name: str) -> None:
    """Make one more row of each kind, with people and channels of its own."""
    person = make_member(session.team, Role.OPERATOR)
    rows = [(name, NINE_US + i, float(i)) for i in range(3)]
    ingest(session=session, batch=make_batch(rows), by=person, at=NINE, body_sha256="0" * 64)
    current().compact(session.pk)
    newest = Segment.objects.order_by("-position")[0]
    keep_original(newest.position, Body(b"{}", "application/json"))
    channel = Channel.objects.get(name=name)
    common: dict[str, Any] = {"session": session, "channel": channel}
    Alarm.objects.create(
        **common, kind="limit", standing="high", opened_at=NINE, closed_at=NINE, acknowledged_by=person, comment="Seen"
    )
    Withdrawal.objects.create(
        **common,
        withdrawn_by=person,
        withdrawn_at=NINE,
        reason="Wrong probe",
        count=1,
        first_at=NINE_US,
        last_at=NINE_US,
        times=b"",
        values=b"",
    )
    ImportJob.objects.create(session=session, asked_by=person, file_name=f"{name}.csv", format="csv", size=1)
    issue_token(owner=person, name=name, by=person, at=NINE, session_ids=[session.public_id])


LISTS = (
    *(f"telemetry_app/{table}" for table in ("channel", "segment", "chunk", "original", "alarm", "withdrawal")),
    "telemetry_app/importjob",
    "accounts/servicetoken",
)


@pytest.mark.parametrize("table", LISTS)
def test_a_list_costs_the_same_however_long_it_is(desk: Client, table: str) -> None:
    def cost() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as asked:
            rows = len(desk.get(f"/admin/{table}/").context["cl"].result_list)
        return rows, len(asked)

    session = SessionFactory()
    fill(session, "first")
    cost()  # content types and the like are remembered after the first time
    few, queries = cost()
    for name in ("second", "third", "fourth"):
        fill(SessionFactory(), name)

    many, queries_then = cost()

    assert (few, many) == (1, 4)
    assert queries_then <= queries


def test_a_channel_that_makes_no_sense_is_not_stored(desk: Client) -> None:
    team = make_team()

    desk.post("/admin/telemetry_app/channel/add/", form(team=str(team.pk), min_value="9"))

    assert not Channel.objects.exists()
    assert not SecurityEntry.objects.filter(kind__startswith="channel.").exists()


@pytest.mark.parametrize("table", ["channel", "segment", "chunk"])
def test_lists_and_pages_open(desk: Client, recorded: LabSession, table: str) -> None:
    row: Any = {"channel": Channel, "segment": Segment, "chunk": Chunk}[table].objects.get()  # type: ignore[attr-defined]

    assert desk.get(f"/admin/telemetry_app/{table}/").status_code == 200
    assert desk.get(f"/admin/telemetry_app/{table}/{row.pk}/change/").status_code == 200


@pytest.mark.parametrize("table", ["segment", "chunk"])
def test_what_came_in_is_only_read(desk: Client, recorded: LabSession, table: str) -> None:
    row: Any = {"segment": Segment, "chunk": Chunk}[table].objects.get()  # type: ignore[attr-defined]

    assert desk.post(f"/admin/telemetry_app/{table}/{row.pk}/change/", {"count": 1}).status_code == 403
    assert desk.post(f"/admin/telemetry_app/{table}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    row.refresh_from_db()
    assert row.count == 10


def test_who_may_set_a_channel_up() -> None:
    team = make_team()
    lead, observer = make_member(team, Role.LEAD), make_member(team, Role.OBSERVER)

    def add(by: User, name: str, **fields: Any) -> Channel:
        return add_channel(channel=Channel(team=team, name=name, **fields), by=by, at=NINE)

    assert add(lead, "pH").created_by == lead
    with pytest.raises(Forbidden):
        add(observer, "T")
    with pytest.raises(Conflict):
        add(lead, "pH")
    with pytest.raises(Invalid):
        add(lead, "DO", min_value=2, max_value=1)
    assert list(Channel.objects.values_list("name", flat=True)) == ["pH"]


def test_a_channel_keeps_its_name_and_unit_and_saying_the_same_again_writes_nothing() -> None:
    channel = ChannelFactory(name="T", unit="°C")
    lead = make_member(channel.team, Role.LEAD)
    channel.name, channel.unit = "renamed", "K"

    adjust_channel(channel=channel, by=lead, at=NINE)

    channel.refresh_from_db()
    assert (channel.name, channel.unit) == ("T", "°C")
    assert not SecurityEntry.objects.filter(kind="channel.changed").exists()


@pytest.mark.parametrize("table", ["alarm", "original", "withdrawal", "importjob"])
def test_the_other_lists_open_empty(desk: Client, table: str) -> None:
    assert desk.get(f"/admin/telemetry_app/{table}/").status_code == 200
    assert desk.get(f"/admin/telemetry_app/{table}/add/").status_code == 403


def test_an_alarm_is_read_at_the_desk_with_its_channel(desk: Client, crossed: Alarm) -> None:
    shown = desk.get(f"/admin/telemetry_app/alarm/{crossed.pk}/change/").content.decode()

    assert "Above maximum" in shown
    assert (
        desk.get("/admin/telemetry_app/alarm/?acknowledged_at__isempty=1").content.decode().count("Above maximum") == 1
    )
    assert desk.post(f"/admin/telemetry_app/alarm/{crossed.pk}/change/", {"comment": "Seen"}).status_code == 403


def test_a_unit_is_spelled_at_the_desk_and_nonsense_is_told_beside_the_field(desk: Client) -> None:
    team = make_team()
    refused = desk.post("/admin/telemetry_app/channel/add/", form(team=str(team.pk), unit="C")).content.decode()
    assert "is no unit known here. Did you mean “°C”?" in refused
    assert not Channel.objects.exists()

    desk.post("/admin/telemetry_app/channel/add/", form(team=str(team.pk), unit="Celsius"))

    assert Channel.objects.get().unit == "°C"


def test_the_form_suggests_units_and_a_channel_leads_to_its_readings_and_alarms(
    desk: Client, recorded: LabSession
) -> None:
    assert '<option value="mg/L">milligram per litre (mass concentration)</option>' in (
        desk.get("/admin/telemetry_app/channel/add/").content.decode()
    )

    shown = desk.get(f"/admin/telemetry_app/channel/{Channel.objects.get().pk}/change/").content.decode()

    for table in ("chunk", "alarm", "withdrawal"):
        assert f"/admin/telemetry_app/{table}/?channel__id__exact={Channel.objects.get().pk}" in shown


def test_a_body_is_downloaded_as_it_was_received(desk: Client, recorded: LabSession) -> None:
    keep_original(Segment.objects.get().position, Body(b'<script>alert("pH")</script>', "text/html"))
    key = Original.objects.get().pk

    answer = desk.get(f"/admin/telemetry_app/original/{key}/download/")

    assert answer.content == b'<script>alert("pH")</script>'
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert f"/admin/telemetry_app/original/{key}/" in (
        desk.get(f"/admin/telemetry_app/segment/{key}/change/").content.decode()
    )


def test_a_token_made_at_the_desk_comes_once_with_snippets_for_its_session(desk: Client, recorded: LabSession) -> None:
    owner = make_member(recorded.team, Role.OPERATOR)
    fields = {"name": "probe", "owner": str(owner.pk), "scopes": ["telemetry:write"], "session": str(recorded.pk)}

    answer = desk.post("/admin/accounts/servicetoken/add/", fields)

    token = ServiceToken.objects.get()
    assert (token.owner, token.session_ids) == (owner, [recorded.public_id])
    assert "no-store" in answer["Cache-Control"]
    shown = answer.content.decode()
    assert f"http://testserver/api/sessions/{recorded.public_id}/telemetry" in shown
    assert "[[outputs.influxdb_v2]]" in shown
    secret = re.findall(r"bl_[\w-]{40,}", shown)[0]
    assert secret_digest(secret) == token.digest
    assert secret not in desk.get(f"/admin/accounts/servicetoken/{token.pk}/change/").content.decode()


def test_a_token_for_a_session_that_its_owner_does_not_see_is_refused(desk: Client, recorded: LabSession) -> None:
    stranger = make_member(make_team("Another"), Role.OWNER)
    fields = {"name": "probe", "owner": str(stranger.pk), "session": str(recorded.pk)}

    answer = desk.post("/admin/accounts/servicetoken/add/", fields)

    assert "does not see this session" in answer.content.decode()
    assert not ServiceToken.objects.exists()
