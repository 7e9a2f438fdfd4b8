"""Equipment and its calibrations: services, doors, and the database's own word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from pytest_django import DjangoAssertNumQueries

from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.errors import Forbidden, Invalid, Stale
from biolab.kernel.models import SecurityEntry
from sessions_app.models import Calibration, Equipment
from sessions_app.services.equipment import (
    CodeTaken,
    change_equipment,
    record_calibration,
    register_equipment,
)
from tests.conftest import Clock
from tests.factories.accounts import client_of as token_client_of
from tests.factories.equipment import make_equipment
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team
from tests.sessions.kit import client_of

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
SHAPE = {
    "id",
    "team_id",
    "code",
    "name",
    "description",
    "calibrated_at",
    "calibration_due_at",
    "calibration_overdue",
    "version",
    "created_by",
    "created_at",
    "updated_at",
}


def standing(equipment: Equipment, **known: Any) -> tuple[Any, Any]:
    """Return when it was calibrated and when it is due."""
    row = Equipment.objects.with_calibration(**known).get(pk=equipment.pk)
    return row.calibrated_at, row.due_at


def last_entry() -> dict[str, Any]:
    """Return the newest entry of the security log."""
    entry = SecurityEntry.objects.latest("sequence")
    return {"kind": entry.kind, "by": entry.record["person"]["name"], **entry.record["detail"]}


def all_there_is() -> list[Any]:
    """Return every row that these services write."""
    return [list(table.objects.order_by("pk").values_list()) for table in (Equipment, Calibration, SecurityEntry)]


def test_what_is_registered_and_changed_leaves_who_and_what(clock: Clock) -> None:
    lead = make_member(make_team(), full_name="Ada Lovelace")
    team = lead.teams.get()

    equipment = register_equipment(team=team, by=lead, at=clock(), name=" Reactor ", code=" BR-1 ")
    assert (equipment.name, equipment.code, equipment.version) == ("Reactor", "BR-1", 1)
    assert last_entry() == {
        "kind": "equipment.registered",
        "by": "Ada Lovelace",
        "equipment_id": equipment.public_id,
        "team_id": team.public_id,
        "code": "BR-1",
        "name": "Reactor",
        "description": "",
        "calibration_due_at": None,
    }

    changed = change_equipment(equipment=equipment, by=lead, at=clock.forward(hours=1), name="Bioreactor", code="BR-1")
    assert (changed.name, changed.version, changed.updated_at) == ("Bioreactor", 2, clock())
    told = last_entry()
    assert (told["kind"], told["before"], told["after"]) == (
        "equipment.changed",
        {"name": "Reactor"},
        {"name": "Bioreactor"},
    )

    before = all_there_is()
    change_equipment(equipment=equipment, by=lead, at=clock.forward(hours=1), name="Bioreactor", description="")
    assert all_there_is() == before


def test_a_calibration_says_when_the_next_is_due(clock: Clock) -> None:
    equipment = make_equipment(calibration_due_at=NINE - DAY)
    lead = equipment.created_by
    assert standing(equipment) == (None, NINE - DAY)

    record_calibration(equipment=equipment, by=lead, at=clock(), due_at=NINE + 90 * DAY, reference=" DKD 7 ")
    assert standing(equipment) == (NINE, NINE + 90 * DAY)
    assert Calibration.objects.get().reference == "DKD 7"
    assert last_entry()["kind"] == "equipment.calibrated"

    again = record_calibration(equipment=equipment, by=lead, at=clock.forward(days=90), due_at=None)
    assert again.due_at == clock() + 90 * DAY  # the interval of the last time

    late = record_calibration(
        equipment=equipment, by=lead, at=clock.forward(days=1), performed_at=NINE - 9 * DAY, due_at=NINE
    )
    assert standing(equipment) == (again.performed_at, again.due_at)  # one that was done earlier supersedes nothing
    assert standing(equipment, as_of=NINE) == (NINE, NINE + 90 * DAY)
    assert late.recorded_at == clock()


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"due_at": None}, "/due_at"),
        ({"due_at": NINE}, "/due_at"),
        ({"due_at": NINE + DAY, "performed_at": NINE + timedelta(minutes=6)}, "/performed_at"),
        ({"due_at": NINE + DAY, "reference": "x" * 256}, "/reference"),
        ({"due_at": NINE + DAY, "notes": "x" * 20_001}, "/notes"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(said: dict[str, Any], pointer: str) -> None:
    equipment = make_equipment()
    before = all_there_is()

    with pytest.raises(Invalid) as refusal:
        record_calibration(equipment=equipment, by=equipment.created_by, at=NINE, **said)

    assert refusal.value.facts["errors"][0]["pointer"] == pointer
    assert all_there_is() == before


def test_an_interval_beyond_the_calendar_is_asked_for() -> None:
    equipment = make_equipment(calibrated=(NINE - 90 * DAY, datetime.max.replace(tzinfo=UTC)))

    with pytest.raises(Invalid) as refusal:
        record_calibration(equipment=equipment, by=equipment.created_by, at=NINE, due_at=None)

    assert refusal.value.facts["errors"][0]["pointer"] == "/due_at"


@pytest.mark.parametrize("field", ["name", "code", "description"])
def test_overlong_words_are_refused(field: str) -> None:
    equipment = make_equipment()
    before = all_there_is()

    with pytest.raises(Invalid) as refusal:
        change_equipment(equipment=equipment, by=equipment.created_by, at=NINE, **{field: "x" * 20_001})

    assert refusal.value.facts["errors"][0]["pointer"] == f"/{field}"
    assert all_there_is() == before


def test_a_code_names_one_thing_in_a_team_and_none_is_no_name() -> None:
    one = make_equipment(code="BR-1")
    lead, team = one.created_by, one.team
    other = make_equipment(team, by=lead, code="")
    make_equipment(team, by=lead, code="")
    make_equipment(code="BR-1")  # another team's
    before = all_there_is()

    with pytest.raises(CodeTaken):
        register_equipment(team=team, by=lead, at=NINE, name="Second", code="BR-1")
    with pytest.raises(CodeTaken):
        change_equipment(equipment=other, by=lead, at=NINE, code="BR-1")

    assert all_there_is() == before


@pytest.mark.parametrize(
    ("role", "platform"),
    [(Role.OBSERVER, PlatformRole.OPERATOR), (Role.OWNER, PlatformRole.VIEWER), (None, PlatformRole.ADMIN)],
)
def test_who_runs_nothing_writes_nothing(role: Role | None, platform: PlatformRole) -> None:
    equipment = make_equipment()
    team = equipment.team
    person = make_member(team if role else None, role or Role.LEAD, role_on_platform=platform)
    before = all_there_is()

    with pytest.raises(Forbidden):
        register_equipment(team=team, by=person, at=NINE, name="Mine")
    with pytest.raises(Forbidden):
        change_equipment(equipment=equipment, by=person, at=NINE, name="Mine")
    with pytest.raises(Forbidden):
        record_calibration(equipment=equipment, by=person, at=NINE, due_at=NINE + DAY)

    assert all_there_is() == before


def test_a_change_of_what_somebody_else_changed_is_refused() -> None:
    equipment = Equipment.objects.with_calibration().get(pk=make_equipment().pk)
    lead, read = equipment.created_by, equipment.etag
    record_calibration(equipment=equipment, by=lead, at=NINE, due_at=NINE + DAY)
    before = all_there_is()

    with pytest.raises(Stale):
        change_equipment(equipment=equipment, by=lead, at=NINE, name="Mine", if_match=read)

    assert all_there_is() == before


def test_the_database_refuses_to_change_a_calibration() -> None:
    make_equipment(calibrated=(NINE - DAY, NINE))
    before = all_there_is()

    for change in (lambda rows: rows.update(due_at=NINE + DAY), lambda rows: rows.delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change(Calibration.objects.all())

    assert all_there_is() == before


def test_equipment_through_its_doors() -> None:
    team = make_team()
    client = client_of(make_member(team, Role.OPERATOR))
    body = {"name": "Reactor", "code": "BR-1", "calibration_due_at": "2026-01-31T12:00:00+01:00"}

    made = client.post("/api/equipment", body)
    assert (made.status_code, set(made.json())) == (201, SHAPE)
    shown, one = made.json(), f"/api/equipment/{made.json()['id']}"
    assert (shown["calibration_due_at"], shown["calibrated_at"]) == ("2026-01-31T11:00:00Z", None)
    assert client.get(one).json() == shown
    assert client.get(one)["ETag"] == made["ETag"]
    assert client.get(one, headers={"If-None-Match": made["ETag"]}).status_code == 304

    said = {"performed_at": "2026-01-30T08:00:00Z", "due_at": "2066-01-30T08:00:00Z", "reference": "DKD 7"}
    recorded = client.post(f"{one}/calibrations", said)
    assert recorded.status_code == 201
    assert said.items() <= recorded.json().items()
    assert recorded.json()["equipment_id"] == shown["id"]
    listed = client.get(f"{one}/calibrations").json()
    assert listed == {"items": [recorded.json()], "next_cursor": None}
    now = client.get(one).json()
    assert (now["calibrated_at"], now["calibration_due_at"], now["calibration_overdue"]) == (
        said["performed_at"],
        said["due_at"],
        False,
    )

    stale = client.patch(one, {"name": "Mine"}, headers={"If-Match": made["ETag"]})
    assert (stale.status_code, stale["ETag"]) == (412, client.get(one)["ETag"])
    renamed = client.patch(one, {"name": "Bioreactor"}, headers={"If-Match": stale["ETag"]})
    assert (renamed.status_code, renamed.json()["name"], renamed.json()["version"]) == (200, "Bioreactor", 2)
    assert client.post("/api/equipment", body).json()["code"] == "equipment_code_taken"


def test_a_repeated_request_registers_once() -> None:
    client = client_of(make_member(make_team(), Role.OPERATOR))
    headers = {"Idempotency-Key": "once"}

    answers = [client.post("/api/equipment", {"name": "Reactor"}, headers=headers) for _ in range(2)]

    assert answers[0].json() == answers[1].json()
    assert Equipment.objects.count() == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "pointer"),
    [
        ("post", "/api/equipment", {}, "/name"),
        ("post", "/api/equipment", {"name": " "}, "/name"),
        ("post", "/api/equipment", {"name": "R", "code": 7}, "/code"),
        ("post", "/api/equipment", {"name": "R", "calibration_due_at": "2026-01-31"}, "/calibration_due_at"),
        ("patch", "/api/equipment/{id}", {"name": None}, "/name"),
        ("post", "/api/equipment/{id}/calibrations", {}, "/due_at"),
        ("post", "/api/equipment/{id}/calibrations", {"due_at": "soon"}, "/due_at"),
    ],
)
def test_wrong_bodies_are_pointed_at(method: str, path: str, body: dict[str, Any], pointer: str) -> None:
    equipment = make_equipment()
    before = all_there_is()

    answer = getattr(client_of(equipment.created_by), method)(path.format(id=equipment.public_id), body)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert all_there_is() == before


def test_lists_are_paged_filtered_and_cost_the_same(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    team = make_team()
    lead = make_member(team)
    due = make_equipment(team, by=lead, name="B", calibrated=(NINE - 90 * DAY, NINE - DAY))
    make_equipment(team, by=lead, name="A", calibrated=(NINE - 90 * DAY, NINE + 20_000 * DAY))
    make_equipment(team, by=lead, name="C", code="pump-1")
    make_equipment(name="Another team's")
    client = client_of(lead)

    def names(**query: Any) -> list[str]:
        return [item["name"] for item in client.get("/api/equipment", query).json()["items"]]

    with django_assert_num_queries(1):
        assert names() == ["A", "B", "C"]
    assert names(overdue="true") == ["B"]
    assert names(overdue="false") == ["A", "C"]
    assert names(q="PUMP") == ["C"]
    first = client.get("/api/equipment", {"limit": 2}).json()
    second = client.get("/api/equipment", {"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["name"] for item in first["items"] + second["items"]] == ["A", "B", "C"]
    assert second["next_cursor"] is None
    for day in range(3):
        performed_at = NINE + timedelta(days=day)
        record_calibration(equipment=due, by=lead, at=performed_at, performed_at=performed_at, due_at=NINE + 9 * DAY)
    one = f"/api/equipment/{due.public_id}/calibrations"
    with django_assert_num_queries(2):
        newest = client.get(one, {"limit": 3}).json()
    rest = client.get(one, {"limit": 3, "cursor": newest["next_cursor"]}).json()
    assert [len(newest["items"]), len(rest["items"]), rest["next_cursor"]] == [3, 1, None]


def test_a_token_of_certain_sessions_sees_no_equipment() -> None:
    session = SessionFactory()
    equipment = make_equipment(session.team, by=session.created_by)
    narrowed = token_client_of(session.created_by, session_ids=[session.public_id])

    assert narrowed.get("/api/equipment").json()["items"] == []
    assert narrowed.get(f"/api/equipment/{equipment.public_id}").status_code == 404
    assert narrowed.post("/api/equipment", {"name": "Mine"}).status_code == 403
