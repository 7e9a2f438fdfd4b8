"""The crew: who lets whom in, what it changes, and that the timeline says so."""

from __future__ import annotations

import pytest

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from sessions_app.models import LabSession
from tests.factories.sessions import SessionFactory, make_member, make_team
from tests.sessions.kit import CONSOLE, client_of, kinds

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make_member(make_team(), Role.OWNER)


@pytest.fixture
def session(owner: User) -> LabSession:
    session: LabSession = SessionFactory(team=owner.teams.get(), by=owner)
    return session


def crew_of(session: LabSession, *tail: str) -> str:
    return "/".join([CONSOLE, session.public_id, "crew", *tail])


def test_a_guest_reads_from_joining_to_leaving(session: LabSession, owner: User) -> None:
    guest = make_member(make_team("Another"), Role.OWNER, full_name="Ada Guest")
    visitor = client_of(guest)
    assert visitor.get(f"/api/sessions/{session.public_id}").status_code == 404

    joined = client_of(owner).post(crew_of(session), {"email": guest.email.upper()}, format="json")

    assert (joined.status_code, joined.json()) == (201, {"id": guest.public_id, "name": "Ada Guest"})
    assert visitor.get(f"/api/sessions/{session.public_id}").status_code == 200
    assert [row["name"] for row in visitor.get(crew_of(session)).json()["items"]].count("Ada Guest") == 1
    told = session.events.get(kind="session.crew_joined")
    assert (told.payload, told.actor) == ({"person_id": guest.public_id, "name": "Ada Guest"}, owner)

    notice = guest.notifications.get()
    assert (notice.category, notice.action_url) == ("sessions", f"/sessions/{session.public_id}")

    left = visitor.delete(crew_of(session, guest.public_id))

    assert left.status_code == 204
    assert visitor.get(f"/api/sessions/{session.public_id}").status_code == 404
    assert kinds(session)[-1] == "session.crew_left"


def test_only_who_manages_the_team_lets_strangers_in(session: LabSession) -> None:
    scientist, colleague = (make_member(session.team, Role.SCIENTIST) for _ in range(2))
    stranger = make_member(make_team("Another"))
    observer = make_member(session.team, Role.OBSERVER)
    before = kinds(session)

    by_email = client_of(scientist).post(crew_of(session), {"email": stranger.email}, format="json")
    by_id = client_of(scientist).post(crew_of(session), {"user_id": stranger.public_id}, format="json")
    nobody = client_of(scientist).post(crew_of(session), {"email": "nobody@biolab.example"}, format="json")
    unable = client_of(observer).post(crew_of(session), {"user_id": colleague.public_id}, format="json")

    assert [answer.status_code for answer in (by_email, by_id, nobody, unable)] == [404, 404, 404, 403]
    assert by_email.json()["detail"] == nobody.json()["detail"], "an answer must not tell who has an account"
    assert kinds(session) == before
    assert client_of(scientist).post(crew_of(session), {"user_id": colleague.public_id}).status_code == 201


def test_nobody_joins_twice_or_once_the_session_is_over(session: LabSession, owner: User) -> None:
    colleague = make_member(session.team, Role.SCIENTIST)
    over = SessionFactory(team=session.team, by=owner, completed=True)
    client, body = client_of(owner), {"user_id": colleague.public_id}
    assert client.post(crew_of(session), body).status_code == 201
    before = kinds(session), kinds(over)

    twice = client.post(crew_of(session), body)
    late = client.post(crew_of(over), body)
    left = client.delete(crew_of(over, owner.public_id))
    unnamed = client.post(crew_of(session), {})

    assert (twice.status_code, twice.json()["code"]) == (409, "already_in_the_crew")
    assert (late.status_code, left.status_code) == (409, 409)
    assert unnamed.status_code == 422
    assert client.delete(crew_of(session, make_member(session.team).public_id)).status_code == 404
    assert (kinds(session), kinds(over)) == before
