"""The instruments' pages as documents: who gets them, what their forms write, how many queries they cost."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from biolab.accounts.auth.identity import secret_digest
from biolab.accounts.models import ServiceToken, User
from biolab.accounts.roles import Role
from biolab.kernel.models import SecurityEntry
from sessions_app.models import LabSession
from telemetry_app.instants import SECOND_US
from telemetry_app.models import Alarm, Channel, ImportJob
from telemetry_app.services.ingest import ingest
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team
from tests.factories.telemetry import NINE_US, ChannelFactory, make_batch

pytestmark = pytest.mark.django_db


def browser_of(person: User | None) -> Client:
    """Return a browser in which ``person`` has signed in."""
    client = Client()
    if person is not None:
        client.force_login(person)
    return client


def text_of(answer: Any) -> str:
    """Return the words of a page, tags and spacing aside."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.fixture
def session() -> LabSession:
    """Give a running session with ten readings of temperature from 36 °C on, of which those above 40 °C are too hot."""
    session = SessionFactory()
    ChannelFactory(team=session.team, name="temperature", unit="°C", max_value=40.0)
    rows = [("temperature", NINE_US + i * SECOND_US, 36.0 + i) for i in range(10)]
    person = make_member(session.team, Role.OPERATOR)
    ingest(session=session, batch=make_batch(rows), by=person, at=NINE, body_sha256="0" * 64)
    return session


@pytest.fixture
def lead(session: LabSession) -> Client:
    return browser_of(make_member(session.team, Role.LEAD))


@pytest.fixture
def observer(session: LabSession) -> Client:
    return browser_of(make_member(session.team, Role.OBSERVER))


def addresses(session: LabSession) -> list[str]:
    """Return every page about the session, its channel and its alarm."""
    channel = Channel.objects.get()
    here = f"/sessions/{session.public_id}"
    there = f"{here}/channels/{channel.public_id}"
    return [
        f"/channels/{channel.public_id}",
        there,
        f"{there}/parts/figures",
        f"{there}/parts/alarms",
        f"{here}/import",
        f"{here}/import/jobs",
    ]


def test_pages_lead_strangers_to_the_sign_in_page(session: LabSession) -> None:
    for path in ("/channels", "/channels/new", "/tokens", *addresses(session)):
        answer = browser_of(None).get(path)
        assert (answer.status_code, answer["Location"]) == (302, f"/sign-in?next={path}")


def test_another_teams_channels_are_nowhere_to_be_found(session: LabSession) -> None:
    stranger = browser_of(make_member(make_team("Another"), Role.OWNER))
    here = f"/sessions/{session.public_id}"
    channel, alarm = Channel.objects.get().public_id, Alarm.objects.get().public_id

    assert "temperature" not in text_of(stranger.get("/channels"))
    assert session.name not in text_of(stranger.get("/tokens"))
    for path in addresses(session):
        assert stranger.get(path).status_code == 404, path
    for path in (
        f"/channels/{channel}",
        f"{here}/channels/{channel}/alarms/{alarm}",
        f"{here}/alarms/{alarm}",
        f"{here}/import",
        f"{here}/import/preview",
    ):
        assert stranger.post(path, {"comment": "Mine", "max_value": "1"}).status_code == 404, path
    assert not Alarm.objects.get().is_acknowledged


def test_a_channel_of_another_team_does_not_open_inside_ones_own_session(session: LabSession, lead: Client) -> None:
    foreign = ChannelFactory()

    assert lead.get(f"/sessions/{session.public_id}/channels/{foreign.public_id}").status_code == 404


def test_the_list_shows_unit_limits_and_the_latest_value_of_any_session(session: LabSession, lead: Client) -> None:
    later = SessionFactory(team=session.team, name="The later one")
    rows = [("temperature", NINE_US + 3600 * SECOND_US, 21.25)]
    person, at = make_member(session.team, Role.OPERATOR), NINE + timedelta(hours=1)
    ingest(session=later, batch=make_batch(rows), by=person, at=at, body_sha256="0" * 64)
    ChannelFactory(team=session.team, name="never heard", unit="")

    shown = text_of(lead.get("/channels"))

    assert "temperature 21.25 °C 2026-03-02 10:00 The later one ≤ 40" in shown
    assert "no readings yet" in shown
    assert "never heard" not in text_of(lead.get("/channels?q=temp"))
    assert "No channel matches" in text_of(lead.get("/channels?q=pressure"))


def test_an_empty_list_says_how_channels_come_about() -> None:
    shown = text_of(browser_of(make_member(make_team(), Role.OPERATOR)).get("/channels"))

    assert "No channels yet" in shown


def test_the_list_costs_the_same_however_long_it_is(
    session: LabSession, lead: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    lead.get("/channels")
    with django_assert_num_queries(7):
        lead.get("/channels")

    for number in range(5):
        ChannelFactory(team=session.team, name=f"c{number}")
        rows = [(f"c{number}", NINE_US, 1.0)]
        person = make_member(session.team, Role.OPERATOR)
        ingest(session=session, batch=make_batch(rows), by=person, at=NINE, body_sha256="0" * 64)

    with django_assert_num_queries(7):
        assert lead.get("/channels").status_code == 200


def test_a_channel_is_set_up_with_its_unit_spelled(session: LabSession, lead: Client) -> None:
    fields = {"team": session.team.public_id, "name": "glucose", "unit": "mg/l", "type": "sensor", "max_value": "2,5"}

    answer = lead.post("/channels/new", fields)

    channel = Channel.objects.get(name="glucose")
    assert (channel.unit, channel.min_value, channel.max_value) == ("mg/L", None, 2.5)
    assert (answer.status_code, answer["Location"]) == (302, f"/channels/{channel.public_id}")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"unit": "C"}, "Did you mean “°C”?"),
        ({"min_value": "warm"}, "“warm” is no number."),
        ({"max_value": "inf"}, "“inf” is no number."),
        ({"min_value": "9", "max_value": "8"}, "The minimum lies above the maximum."),
        ({"name": " "}, "A name has 1 to 255 characters."),
        ({"type": "magic"}, "Choose one of the types."),
        ({"name": "temperature"}, "has a channel “temperature” already"),
    ],
)
def test_what_is_wrong_with_a_channel_is_told_and_the_rest_is_kept(
    session: LabSession, lead: Client, wrong: dict[str, str], told: str
) -> None:
    fields = {"team": session.team.public_id, "name": "glucose", "type": "sensor", "max_value": "5", **wrong}

    answer = lead.post("/channels/new", fields)

    assert answer.status_code in (409, 422)
    assert told in text_of(answer)
    assert f'value="{fields["max_value"]}"' in answer.content.decode()
    assert Channel.objects.count() == 1


def test_limits_are_changed_by_those_who_lead_and_read_by_the_others(
    session: LabSession, lead: Client, observer: Client
) -> None:
    path = f"/channels/{Channel.objects.get().public_id}"

    assert observer.post(path, {"type": "sensor", "max_value": "99"}).status_code == 403
    assert "Leads of the team change them" in text_of(observer.get(path))
    assert lead.post(path, {"type": "sensor", "min_value": "0", "max_value": "42", "pinned": "on"}).status_code == 302

    channel = Channel.objects.get()
    assert (channel.min_value, channel.max_value, channel.pinned, channel.unit) == (0, 42, True, "°C")
    assert SecurityEntry.objects.filter(kind="channel.changed").count() == 1
    assert 'value="0"' in lead.get(path).content.decode()


def test_the_channel_page_tells_figures_limits_and_files(session: LabSession, lead: Client) -> None:
    path = addresses(session)[1]

    shown = text_of(lead.get(path))

    for words in ("Last 45 °C", "Minimum 36", "Maximum 45", "Mean 40.5", "Readings 10 one every 1 s", "Upper limit 40"):
        assert words in shown
    assert "Lower limit none" in shown
    files = re.findall(r'href="(/api/sessions/[^"]+)"', lead.get(path).content.decode())
    assert len(files) == 3
    for file in files:
        assert lead.get(file.replace("&amp;", "&")).status_code == 200


def test_figures_are_shown_in_another_unit_and_recorded_in_their_own(session: LabSession, lead: Client) -> None:
    path = addresses(session)[1]

    shown = text_of(lead.get(f"{path}?in=K"))

    assert "shown in K; recorded in °C" in shown
    assert "Minimum 309.15" in shown
    assert "Upper limit 313.15" in shown
    assert 'data-offset="273.15"' in lead.get(f"{path}?in=K").content.decode()
    assert "Minimum 36" in text_of(lead.get(f"{path}?in=bar"))
    assert Channel.objects.get().unit == "°C"


def test_the_channel_page_costs_the_same_however_much_was_read(
    session: LabSession, lead: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(16):
        assert lead.get(addresses(session)[1]).status_code == 200


@pytest.mark.parametrize("place", ["channel", "session"])
def test_an_alarm_is_acknowledged_with_a_comment(session: LabSession, lead: Client, place: str) -> None:
    alarm, here = Alarm.objects.get(), f"/sessions/{session.public_id}"
    page = here if place == "session" else f"{here}/channels/{alarm.channel.public_id}"
    assert "above maximum at 41 °C" in text_of(lead.get(page))

    blank = lead.post(f"{page}/alarms/{alarm.public_id}", {"comment": " "})
    assert blank.status_code == 422
    assert "what you make of it" in text_of(blank)
    answer = lead.post(f"{page}/alarms/{alarm.public_id}", {"comment": "Cooling was off"})

    assert (answer.status_code, answer["Location"]) == (302, page)
    alarm.refresh_from_db()
    assert alarm.comment == "Cooling was off"
    assert "Cooling was off" in text_of(lead.get(page))
    again = lead.post(f"{page}/alarms/{alarm.public_id}", {"comment": "Me too"}, headers={"HX-Request": "true"})
    assert again.status_code == 409


def test_an_observer_sees_the_alarm_and_no_form_for_it(session: LabSession, observer: Client) -> None:
    path = addresses(session)[1]

    assert "Acknowledge" not in text_of(observer.get(path))
    assert observer.post(f"{path}/alarms/{Alarm.objects.get().public_id}", {"comment": "Seen"}).status_code == 403
    assert not Alarm.objects.get().is_acknowledged


def csv_file(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("run 7.csv", text.encode(), content_type="text/csv")


FILE = "time,pH,Temperature [°C]\n2026-03-02T09:00:00Z,7.01,37.0\n2026-03-02T09:00:01Z,7.02,37.1\n"


def test_a_file_is_looked_at_before_it_is_sent(session: LabSession, lead: Client) -> None:
    path = f"/sessions/{session.public_id}/import/preview"

    shown = text_of(lead.post(path, {"file": csv_file(FILE), "shape": "auto"}))

    assert "a column for each channel" in shown
    assert "Temperature (°C)" in shown
    assert "2026-03-02 09:00:01 Temperature 37.1 °C" in shown
    assert not ImportJob.objects.exists()


@pytest.mark.parametrize(
    ("text", "fields", "told"),
    [
        (FILE, {"time_column": "when"}, "The file has no column “when”."),
        (FILE, {"time_zone": "Nowhere"}, "Not a time zone"),
        (FILE, {"shape": "round"}, "Choose one of the shapes."),
        (FILE.replace("Z", ""), {}, "say in which time zone"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_nothing_is_kept(
    session: LabSession, lead: Client, text: str, fields: dict[str, str], told: str
) -> None:
    path = f"/sessions/{session.public_id}/import"

    looked = lead.post(f"{path}/preview", {"file": csv_file(text), **fields})
    sent = lead.post(path, {"file": csv_file(text), **fields})

    assert told in text_of(looked)
    assert (sent.status_code, told in text_of(sent)) == (422, True)
    assert not ImportJob.objects.exists()


def test_rows_that_are_no_readings_are_named_by_their_line(session: LabSession, lead: Client) -> None:
    path = f"/sessions/{session.public_id}/import/preview"

    shown = text_of(lead.post(path, {"file": csv_file(FILE.replace("7.02", "seven"))}))

    assert "Line 3" in shown


def test_a_file_is_sent_and_listed_with_its_progress(session: LabSession, lead: Client, observer: Client) -> None:
    path = f"/sessions/{session.public_id}/import"

    answer = lead.post(path, {"file": csv_file(FILE), "shape": "auto"})

    assert (answer.status_code, answer["Location"]) == (302, path)
    assert "run 7.csv" in text_of(lead.get(path))
    assert "every 1s" in lead.get(f"{path}/jobs").content.decode()
    assert "Not yours to add to" in text_of(observer.get(path))
    assert observer.post(path, {"file": csv_file(FILE)}).status_code == 403
    assert ImportJob.objects.count() == 1


def test_the_page_gives_an_imported_file_back(session: LabSession, lead: Client, observer: Client) -> None:
    path = f"/sessions/{session.public_id}/import"
    lead.post(path, {"file": csv_file(FILE)})

    page = observer.get(path).content.decode()
    found = re.search(r'href="(/api/[^"]+/file)"', page)

    assert found is not None
    assert b"".join(observer.get(found[1]).streaming_content) == FILE.encode()


def test_an_import_that_failed_is_tried_again_from_the_page(session: LabSession, lead: Client) -> None:
    path = f"/sessions/{session.public_id}/import"
    lead.post(path, {"file": csv_file(FILE)})
    ImportJob.objects.update(status="failed", error="Line 3: no number.", finished_at=NINE)
    assert "Line 3: no number." in text_of(lead.get(path))

    answer = lead.post(f"{path}/{ImportJob.objects.get().public_id}/retry")

    assert answer.status_code == 302
    assert (ImportJob.objects.get().status, ImportJob.objects.get().error) == ("queued", "")


def test_nothing_is_imported_into_a_session_that_has_ended(lead: Client, session: LabSession) -> None:
    ended = SessionFactory(team=session.team, completed=True)
    path = f"/sessions/{ended.public_id}/import"

    assert "The session has ended" in text_of(lead.get(path))
    assert lead.post(path, {"file": csv_file(FILE)}).status_code == 409
    assert not ImportJob.objects.exists()


def test_a_token_is_made_shown_once_and_revoked(session: LabSession, lead: Client) -> None:
    fields = {"name": "pH probe", "into": session.public_id, "rights": "write", "days": "30"}

    made = lead.post("/tokens", fields)

    token = ServiceToken.objects.get()
    secret = re.findall(r"bl_[\w-]{40,}", made.content.decode())[0]
    assert made["Cache-Control"] == "no-store"
    assert secret_digest(secret) == token.digest
    assert (token.scopes, token.session_ids) == (["telemetry:write"], [session.public_id])
    assert token.expires_at is not None
    assert f"http://testserver/api/sessions/{session.public_id}/telemetry" in made.content.decode()
    listed = lead.get("/tokens")
    assert secret not in listed.content.decode()
    assert f"Send readings · {session.name}" in text_of(listed)
    lead.post(f"/tokens/{token.public_id}/revoke")
    assert "Revoked" in text_of(lead.get("/tokens"))
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_a_token_for_whichever_session_runs_is_bound_to_its_team(session: LabSession, lead: Client) -> None:
    fields = {"name": "probe", "into": session.team.public_id, "rights": "write", "days": ""}

    made = lead.post("/tokens", fields).content.decode()

    token = ServiceToken.objects.get()
    assert (token.team, token.session_ids, token.expires_at) == (session.team, [], None)
    assert re.search(r"http://testserver/api/v1/bl_[\w-]+/telemetry", made)
    assert f"whichever runs in {session.team.name}" in text_of(lead.get("/tokens"))


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": "x" * 101}, {"rights": "all"}, {"days": "36500"}, {"into": "sess_none"}, {"into": ""}],
)
def test_a_token_that_makes_no_sense_is_not_made(session: LabSession, lead: Client, wrong: dict[str, str]) -> None:
    fields = {"name": "probe", "into": session.public_id, "rights": "write", "days": "", **wrong}

    assert lead.post("/tokens", fields).status_code == 422
    assert not ServiceToken.objects.exists()


def test_nobody_revokes_or_binds_what_belongs_to_others(session: LabSession, lead: Client) -> None:
    lead.post("/tokens", {"name": "probe", "into": session.team.public_id, "rights": "both", "days": ""})
    stranger = browser_of(make_member(make_team("Another"), Role.OWNER))

    assert stranger.post(f"/tokens/{ServiceToken.objects.get().public_id}/revoke").status_code == 404
    fields = {"name": "mine", "into": session.public_id, "rights": "write", "days": ""}
    assert stranger.post("/tokens", fields).status_code == 422
    assert ServiceToken.objects.count() == 1
    assert ServiceToken.objects.get().revoked_at is None


def test_the_list_of_tokens_costs_the_same_however_long_it_is(
    session: LabSession, lead: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        fields = {"name": f"probe {number}", "into": session.public_id, "rights": "write", "days": ""}
        lead.post("/tokens", fields)

    with django_assert_max_num_queries(9):
        assert lead.get("/tokens").status_code == 200
