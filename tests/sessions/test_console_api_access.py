"""Who may pass the console's doors: every path, every kind of caller."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from biolab.accounts.models import ServiceToken
from biolab.accounts.roles import PlatformRole, Role, Scope
from sessions_app.models import LabSession
from tests.factories.sessions import SessionFactory, make_member, make_team
from tests.sessions.kit import CONSOLE, all_that_is_written, client_of

pytestmark = pytest.mark.django_db

READS = (
    f"{CONSOLE}/{{session}}",
    f"{CONSOLE}/{{session}}/timeline",
    f"{CONSOLE}/{{session}}/timeline/verify",
    "/api/protocols/{protocol}",
    "/api/protocols/{protocol}/versions",
)
WRITES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("post", f"{CONSOLE}/{{session}}/pause", {}),
    ("post", f"{CONSOLE}/{{session}}/complete", {}),
    ("post", f"{CONSOLE}/{{session}}/abort", {}),
    ("post", f"{CONSOLE}/{{session}}/start", {}),
    ("post", f"{CONSOLE}/{{session}}/resume", {}),
    ("post", f"{CONSOLE}/{{session}}/steps/0", {"status": "completed"}),
    ("post", f"{CONSOLE}/{{session}}/steps/0/advance", {}),
    ("patch", "/api/protocols/{protocol}", {"title": "Mine"}),
    ("post", CONSOLE, {"template_id": "{protocol}"}),
)


def sent(client: APIClient, method: str, path: str, session: LabSession, body: dict[str, Any] | None = None) -> int:
    """Send one request about ``session`` and its protocol; return the status."""
    assert session.protocol_version is not None
    ids = {"session": session.public_id, "protocol": session.protocol_version.protocol.public_id}
    filled = {name: value.format(**ids) for name, value in (body or {}).items()}
    return int(getattr(client, method)(path.format(**ids), filled or None).status_code)


@pytest.fixture
def session() -> LabSession:
    """Give a running session with steps."""
    return SessionFactory(with_steps=True)


def test_nobody_passes_without_a_name(session: LabSession) -> None:
    before = all_that_is_written()

    for path in (*READS, CONSOLE, "/api/protocols"):
        assert sent(APIClient(), "get", path, session) == 401
    for method, path, body in WRITES:
        assert sent(APIClient(), method, path, session, body) == 401

    assert all_that_is_written() == before


def test_a_stranger_finds_nothing(session: LabSession) -> None:
    stranger = client_of(make_member(make_team("Another"), Role.OWNER))
    before = all_that_is_written()

    for path in READS:
        assert sent(stranger, "get", path, session) == 404, path
    for method, path, body in WRITES:
        assert sent(stranger, method, path, session, body) == 404, path
    assert stranger.get(CONSOLE).json()["items"] == []
    assert stranger.get("/api/protocols").json()["items"] == []

    assert all_that_is_written() == before


def test_an_observer_reads_and_writes_nothing(session: LabSession) -> None:
    observer = client_of(make_member(session.team, Role.OBSERVER))
    before = all_that_is_written()

    for path in READS:
        assert sent(observer, "get", path, session) == 200, path
    for method, path, body in WRITES:
        assert sent(observer, method, path, session, body) == 403, path
    assert observer.post("/api/protocols", {"title": "Mine", "content": "Fill"}).status_code == 403
    assert len(observer.get(CONSOLE).json()["items"]) == 1

    assert all_that_is_written() == before


@pytest.mark.parametrize("platform", [PlatformRole.VIEWER, PlatformRole.ADMIN])
def test_neither_viewer_nor_foreign_administrator_writes(session: LabSession, platform: PlatformRole) -> None:
    team = session.team if platform == PlatformRole.VIEWER else None
    caller = client_of(make_member(team, Role.OWNER, role_on_platform=platform))
    before = all_that_is_written()

    for path in READS:
        assert sent(caller, "get", path, session) == 200, path
    for method, path, body in WRITES:
        assert sent(caller, method, path, session, body) == 403, path

    assert all_that_is_written() == before


def test_crew_from_another_team_reads(session: LabSession) -> None:
    guest = make_member(make_team("Another"))
    session.crew.add(guest)

    assert client_of(guest).get(f"{CONSOLE}/{session.public_id}").status_code == 200
    assert client_of(guest).post(f"{CONSOLE}/{session.public_id}/pause").status_code == 403
    assert len(client_of(guest).get(CONSOLE).json()["items"]) == 1


@pytest.mark.parametrize(
    ("scopes", "reading", "writing"),
    [
        ([], 200, 200),
        ([Scope.SESSIONS_READ], 200, 403),
        ([Scope.SESSIONS_READ, Scope.SESSIONS_WRITE], 200, 200),
        ([Scope.TELEMETRY_WRITE], 403, 403),
    ],
)
def test_a_token_passes_as_far_as_its_scopes(
    session: LabSession, scopes: list[str], reading: int, writing: int
) -> None:
    lead = session.created_by
    lead.credential = ServiceToken(name="Pump", owner=lead, scopes=scopes)
    client = client_of(lead)

    assert client.get(f"{CONSOLE}/{session.public_id}").status_code == reading
    assert client.post(f"{CONSOLE}/{session.public_id}/pause").status_code == writing


def test_a_token_of_certain_sessions_sees_those_alone(session: LabSession) -> None:
    lead = session.created_by
    other = SessionFactory(team=session.team, by=lead)
    lead.credential = ServiceToken(name="Pump", owner=lead, session_ids=[session.public_id])
    client = client_of(lead)

    assert client.get(f"{CONSOLE}/{session.public_id}").status_code == 200
    assert client.get(f"{CONSOLE}/{other.public_id}").status_code == 404
    assert [item["execution"]["id"] for item in client.get(CONSOLE).json()["items"]] == [session.public_id]


@pytest.mark.parametrize(
    "text", ["sess_", "nonsense", "proto_01h455vb4pex5vsknk084sn02q", "0" * 500, "%00", "sess_%F0"]
)
def test_a_malformed_id_is_not_found(session: LabSession, text: str) -> None:
    client = client_of(session.created_by)

    assert client.get(f"{CONSOLE}/{text}").status_code == 404
    assert client.get(f"/api/protocols/{text}").status_code == 404
