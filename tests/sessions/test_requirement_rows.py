"""The new session's form says what steps require, and tells each mistake at its row."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from sessions_app.gates import read_requirements
from sessions_app.models import LabSession
from sessions_app.requirement_rows import as_parameters, read_rows, tell
from tests.factories.sessions import ProtocolFactory, make_member, make_team

pytestmark = pytest.mark.sqlite_only


def posted(*rows: dict[str, str]) -> dict[str, str]:
    return {f"req-{number}-{name}": text for number, row in enumerate(rows) for name, text in row.items()}


ROWS = posted(
    {"step": "", "kind": "required_approvals", "name": "qa"},
    {"step": "", "kind": "required_approvals", "name": " "},
    {"step": "1", "kind": "required_channels", "name": "pO2", "min": "20", "max": "", "within_s": "60"},
    {"step": "1", "kind": "gate_keys", "name": "release"},
    {"step": "1", "kind": "required_equipment_ids", "name": "PH-1"},
    {"step": "1", "kind": "required_equipment_ids", "name": "DO-1"},
)


def test_rows_become_the_parameters_that_gates_read() -> None:
    rows = read_rows(ROWS)

    parameters, _ = as_parameters(rows)

    assert [row.number for row in rows] == [0, 1, 2, 3, 4]  # the blank one is none
    assert parameters == {
        "required_approvals": ["qa"],
        "step_requirements": {
            "1": {
                "required_channels": [{"channel": "pO2", "min": 20.0, "within_s": 60.0}],
                "gate_keys": ["release"],
                "required_equipment_ids": ["PH-1", "DO-1"],
            }
        },
    }
    assert read_requirements(parameters, steps=2)[1] == []


@pytest.mark.parametrize(
    ("row", "field", "said"),
    [
        ({"kind": "required_channels", "name": "pO2"}, "within_s", "Give the seconds"),
        ({"kind": "required_channels", "name": "pO2", "within_s": "soon"}, "within_s", "Give the seconds"),
        ({"kind": "required_channels", "name": "", "within_s": "9"}, "name", "printable characters"),
        ({"kind": "required_channels", "name": "x", "within_s": "9", "min": "low"}, "min", "Give a number."),
        ({"kind": "required_channels", "name": "x", "within_s": "9", "min": "3", "max": "2"}, "max", "below min"),
        ({"kind": "required_channels", "name": "x", "within_s": "9", "min": "nan"}, "min", "Give a number."),
        ({"kind": "gate_keys", "name": "release", "min": "1"}, "name", "Only a channel"),
        ({"kind": "wishes", "name": "coffee"}, "kind", "Choose what"),
        ({"step": "7", "kind": "gate_keys", "name": "release"}, "step", "no such step"),
        ({"step": "x", "kind": "gate_keys", "name": "release"}, "step", "no such step"),
    ],
)
def test_a_mistake_is_told_at_its_row(row: dict[str, str], field: str, said: str) -> None:
    right, wrong = read_rows(posted({"kind": "required_approvals", "name": "qa"}, row))

    parameters, sources = as_parameters([right, wrong])
    others = tell(sources, read_requirements(parameters, steps=2)[1])

    assert others == []
    assert right.errors == {}
    assert said in wrong.errors[field]


@pytest.fixture
def page() -> tuple[Client, dict[str, Any]]:
    """Give a scientist's browser and what it posts for a protocol of two steps."""
    team = make_team("Bench")
    scientist = make_member(team)
    protocol = ProtocolFactory(team=team, content="Fill\nStir")
    client = Client()
    client.force_login(scientist)
    return client, {"protocol": protocol.public_id, "name": "Guarded"}


@pytest.mark.django_db
def test_a_session_starts_with_what_was_typed(page: tuple[Client, dict[str, Any]]) -> None:
    client, form = page

    answer = client.post("/sessions/new", {**form, **ROWS})

    assert answer.status_code == 302
    session = LabSession.objects.get(name="Guarded")
    assert session.parameters["required_approvals"] == ["qa"]
    assert set(session.parameters["step_requirements"]) == {"1"}


@pytest.mark.django_db
def test_another_row_and_a_mistake_keep_what_was_typed_and_start_nothing(page: tuple[Client, dict[str, Any]]) -> None:
    client, form = page

    more = client.post("/sessions/new", {**form, **ROWS, "add_row": "1"})
    wrong = client.post(
        "/sessions/new", {**form, **posted({"kind": "required_channels", "name": "pO2", "min": "20", "max": "10"})}
    )

    assert (more.status_code, wrong.status_code) == (200, 422)
    assert 'name="req-5-name"' in more.content.decode()
    assert 'value="pO2"' in more.content.decode()
    told = wrong.content.decode()
    assert "This lies below min." in told
    assert "Give the seconds within which it must have been heard." in told
    assert not LabSession.objects.exists()
