"""The bench's own pages: finding sessions, planning one, and two of them side by side."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from sessions_app.comparison import ChannelPair
from sessions_app.models import LabSession, Protocol
from sessions_app.pages.comparison import HEIGHT, WIDTH, drawn
from sessions_app.ports import ChannelEnvelope
from sessions_app.services.notes import write_note
from sessions_app.services.steps import move_step
from sessions_app.templatetags.spans import signed_span, span
from telemetry_app import stores
from telemetry_app.instants import SECOND_US, to_us
from tests.factories.sessions import NINE, ProtocolFactory, SessionFactory, make_member, make_team
from tests.factories.telemetry import make_batch, make_channels, make_intake
from tests.sessions.kit import kinds


@pytest.fixture
def lead() -> User:
    return make_member(make_team(), Role.LEAD)


@pytest.fixture
def browser(lead: User) -> Client:
    client = Client()
    client.force_login(lead)
    return client


@pytest.fixture
def protocol(lead: User) -> Protocol:
    made: Protocol = ProtocolFactory(team=lead.teams.get(), by=lead, content="Fill <slowly>\nInoculate")
    return made


def of(protocol: Protocol, lead: User, **wish: Any) -> LabSession:
    session: LabSession = SessionFactory(team=protocol.team, by=lead, protocol=protocol, **wish)
    return session


@pytest.mark.django_db
def test_who_runs_no_sessions_is_told_so_instead_of_given_an_empty_form(client: Client) -> None:
    client.force_login(make_member(make_team(), Role.OBSERVER))

    page = client.get("/sessions/new").content.decode()

    assert "Ask a manager" in page and 'name="team"' not in page


@pytest.mark.django_db
def test_ones_account_tells_what_one_is_in_each_team(browser: Client, lead: User) -> None:
    page = browser.get("/account").content.decode()

    assert f"Lead in {lead.teams.get().name}" in page


@pytest.mark.django_db
def test_the_list_is_searched_by_names_notes_and_protocol(browser: Client, lead: User, protocol: Protocol) -> None:
    named = of(protocol, lead, name="Foam trial")
    noted = SessionFactory(team=protocol.team, by=lead, name="Noted")
    write_note(session=noted, by=lead, at=NINE, timestamp=NINE, content="It foams")
    planned = of(protocol, lead, name="Later", planned=True)

    def listed(query: str) -> set[str]:
        page = browser.get(f"/?{query}").content.decode()
        return {session.name for session in (named, noted, planned) if f"/sessions/{session.public_id}" in page}

    assert listed("q=foam") == {"Foam trial", "Noted"}
    assert listed(f"protocol={protocol.public_id}") == {"Foam trial", "Later"}
    assert listed(f"protocol={protocol.public_id}&q=foam&status=running") == {"Foam trial"}
    assert listed("status=planned") == {"Later"}
    assert listed("protocol=nonsense&q=%00") == {"Foam trial", "Noted", "Later"}
    assert "2026-03-03 09:00" in browser.get("/?status=planned").content.decode()


@pytest.mark.django_db
def test_a_session_is_planned_on_its_page_and_started_from_there(
    browser: Client, lead: User, protocol: Protocol
) -> None:
    wish = {"protocol": protocol.public_id, "name": "Night run", "planned_for": "2031-05-04T22:30"}

    answer = browser.post("/sessions/new", wish)
    refused = browser.post("/sessions/new", {**wish, "planned_for": "tonight"})

    session = LabSession.objects.get()
    assert answer.status_code == 302
    assert (session.status, f"{session.planned_for:%Y-%m-%d %H:%M}") == ("planned", "2031-05-04 22:30")
    assert refused.status_code == 422
    assert 'value="tonight"' in refused.content.decode()
    assert "2031-05-04 22:30" in browser.get(f"/sessions/{session.public_id}").content.decode()
    assert browser.post(f"/sessions/{session.public_id}/moves/start").status_code == 302
    assert kinds(session) == ["session.created", "session.started"]


@pytest.mark.django_db
def test_the_crew_is_changed_on_the_page(browser: Client, lead: User, protocol: Protocol) -> None:
    session = of(protocol, lead)
    colleague = make_member(protocol.team, Role.SCIENTIST, full_name="Ada Colleague")
    path = f"/sessions/{session.public_id}/crew"

    unknown = browser.post(path, {"email": "nobody@biolab.example"}, headers={"hx-request": "true"})
    joined = browser.post(path, {"email": colleague.email}, headers={"hx-request": "true"})

    assert (unknown.status_code, joined.status_code) == (422, 200)
    assert "Ada Colleague" in joined.content.decode()
    assert (
        "Ada Colleague"
        not in browser.post(path, {"leave": colleague.public_id}, follow=True)
        .content.decode()
        .split('id="timeline"')[0]
        .split('id="steps"')[0]
    )
    assert kinds(session)[-2:] == ["session.crew_joined", "session.crew_left"]


@pytest.mark.django_db
def test_two_sessions_stand_side_by_side_on_a_page(
    browser: Client, lead: User, protocol: Protocol, django_assert_max_num_queries: Any
) -> None:
    first, second = of(protocol, lead, name="First run"), of(protocol, lead, name="Second run")
    known = make_channels(first, "pH", "stirrer")
    for session in (first, second):
        begun, over = NINE, NINE + timedelta(minutes=10 if session is first else 12)
        move_step(session=session, index=0, to="completed", by=lead, at=over, started_at=begun)
        rows = [(name, to_us(NINE) + place * SECOND_US, float(place)) for name in known for place in range(9)]
        stores.current().append(make_intake(session, known, make_batch(rows)))

    with django_assert_max_num_queries(18):
        page = browser.get(f"/sessions/{first.public_id}/compare?with={second.public_id}").content.decode()

    assert "Fill &lt;slowly&gt;" in page
    assert "10 min" in page
    assert "+2 min" in page
    assert page.count("<polygon") == 4
    assert "pH between 0 and 8 over 8 s" in page


@pytest.mark.django_db
def test_what_cannot_be_compared_says_why(browser: Client, lead: User, protocol: Protocol) -> None:
    first, other = of(protocol, lead), SessionFactory(team=protocol.team, by=lead)
    foreign = SessionFactory(with_steps=True)
    path = f"/sessions/{first.public_id}/compare"

    refused = browser.get(f"{path}?with={other.public_id}")

    assert (refused.status_code, "Only sessions of one protocol" in refused.content.decode()) == (422, True)
    assert "Nothing to compare with yet" in browser.get(path).content.decode()
    assert browser.get(f"{path}?with={foreign.public_id}").status_code == 404
    assert browser.get(f"/sessions/{foreign.public_id}/compare").status_code == 404


@pytest.mark.django_db
def test_the_list_and_the_choice_cost_the_same_however_many_sessions_there_are(
    browser: Client, lead: User, protocol: Protocol, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = of(protocol, lead)
    of(protocol, lead)
    for _ in range(2):
        with django_assert_num_queries(6):
            browser.get("/?q=run")
        with django_assert_num_queries(4):
            browser.get(f"/sessions/{first.public_id}/compare")
        for _ in range(4):
            of(protocol, lead)


def envelope(*readings: tuple[float, float]) -> ChannelEnvelope:
    times, values = [time for time, _ in readings], [value for _, value in readings]
    return ChannelEnvelope("pH", "", len(readings), min(values), max(values), None, times, values, values)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (envelope((0.0, 1.0), (5.0, 2.0)), envelope((0.0, -1.0), (10.0, 3.0))),
        (envelope((0.0, 7.0)), None),
        (None, envelope((3.0, 7.0))),
        (envelope((0.0, 7.0), (1.0, 7.0)), envelope((0.0, 7.0))),
        (envelope((0.0, -1.7e308), (1.0, 1.7e308)), None),
        (envelope((-4.0, 1.0), (-2.0, 2.0)), None),
        (envelope((-4.0, 1.0), (9.0, 2.0)), envelope((1.0, 1.0))),
    ],
)
def test_every_point_of_a_chart_lies_within_it(first: ChannelEnvelope | None, second: ChannelEnvelope | None) -> None:
    shapes = drawn(ChannelPair("pH", first, second))["shapes"]

    points = [tuple(map(float, point.split(","))) for shape in shapes for point in shape.split()]
    assert points
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)


@pytest.mark.parametrize(
    ("seconds", "told", "signed"),
    [
        (None, "—", "—"),
        (0.2, "0 s", "0 s"),
        (45, "45 s", "+45 s"),
        (600, "10 min", "+10 min"),
        (5400, "1 h 30 min", "+1 h 30 min"),
        (187200, "2 d 4 h", "+2 d 4 h"),
        (-61, "−1 min 1 s", "−1 min 1 s"),
    ],
)
def test_lengths_of_time_are_told_in_two_units(seconds: float | None, told: str, signed: str) -> None:
    assert (span(seconds), signed_span(seconds)) == (told, signed)


NOTES = (
    ("Foam rises", {"type": "anomaly", "tags": ["foam"], "speaker": "Ines"}, 0),
    ("Foam settles", {"tags": ["foam", "calm"], "speaker": "Ines Carvalho"}, 5),
    ("Sample taken", {"type": "detail"}, 10),
)


@pytest.mark.django_db
@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({}, {"Foam rises", "Foam settles", "Sample taken"}),
        ({"q": "foam"}, {"Foam rises", "Foam settles"}),
        ({"type": "anomaly"}, {"Foam rises"}),
        ({"type": "nonsense"}, {"Foam rises", "Foam settles", "Sample taken"}),
        ({"tag": "calm"}, {"Foam settles"}),
        ({"speaker": "Ines"}, {"Foam rises"}),
        ({"from": "2026-03-02T09:05"}, {"Foam settles", "Sample taken"}),
        ({"from": "2026-03-02T09:01", "to": "2026-03-02T09:05"}, {"Foam settles"}),
        ({"to": "2026-03-02T09:00:30Z"}, {"Foam rises"}),
        ({"q": "foam", "tag": "calm", "type": "anomaly"}, set()),
    ],
)
def test_notes_are_filtered(browser: Client, lead: User, asked: dict[str, str], shown: set[str]) -> None:
    session = SessionFactory(team=lead.memberships.get().team, by=lead)
    for text, more, minutes in NOTES:
        at = NINE + timedelta(minutes=minutes)
        write_note(session=session, by=lead, at=at, timestamp=at, content=text, **more)

    answer = browser.get(f"/sessions/{session.public_id}/all-notes", asked)

    assert answer.status_code == 200
    assert {text for text, _, _ in NOTES if text in answer.content.decode()} == shown


@pytest.mark.django_db
@pytest.mark.sqlite_only
def test_a_time_that_is_none_is_told_and_filters_nothing(browser: Client, lead: User) -> None:
    session = SessionFactory(team=lead.memberships.get().team, by=lead)
    write_note(session=session, by=lead, at=NINE, timestamp=NINE, content="Foam rises")

    answer = browser.get(f"/sessions/{session.public_id}/all-notes", {"from": "yesterday"})

    assert answer.status_code == 422
    assert "From: Not an ISO 8601 time" in answer.content.decode()
    assert "Foam rises" in answer.content.decode()
