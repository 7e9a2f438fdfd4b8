"""The console answers what the OpenAPI document says, member by member."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from drf_spectacular.generators import SchemaGenerator

from sessions_app.models import LabSession
from tests.factories.sessions import SessionFactory
from tests.sessions.kit import CONSOLE, client_of

pytestmark = pytest.mark.django_db

ONE = f"{CONSOLE}/{{execution_id}}"
ANSWERS = (
    ("get", CONSOLE),
    ("get", ONE),
    ("post", f"{ONE}/steps/{{index}}/advance"),
    ("post", f"{ONE}/pause"),
    ("get", f"{ONE}/timeline"),
    ("get", f"{ONE}/timeline/verify"),
    ("get", "/api/protocols"),
    ("get", "/api/protocols/{protocol_id}"),
    ("patch", "/api/protocols/{protocol_id}"),
    ("get", "/api/protocols/{protocol_id}/versions"),
    ("post", f"{ONE}/complete"),
    ("post", f"{ONE}/abort"),
)


def closed(part: Any) -> Any:
    """Return a schema that allows no member it does not name."""
    if isinstance(part, list):
        return [closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    inner = {name: closed(value) for name, value in part.items()}
    return {"additionalProperties": False, **inner} if "properties" in inner else inner


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Give the OpenAPI document, every object closed but the problems, which grow members by their code."""
    drawn: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return closed(drawn)  # type: ignore[no-any-return]


def test_every_answer_is_as_described(document: dict[str, Any]) -> None:
    session: LabSession = SessionFactory(with_steps=True)
    SessionFactory(team=session.team, by=session.created_by, planned=True)
    assert session.protocol_version is not None
    client = client_of(session.created_by)
    ids = {"execution_id": session.public_id, "protocol_id": session.protocol_version.protocol.public_id, "index": 0}

    statuses = []
    for method, path in ANSWERS:
        answer = getattr(client, method)(path.format(**ids), {} if method != "get" else None)
        described = document["paths"][path][method]["responses"][str(answer.status_code)]["content"]
        schema = described[answer["Content-Type"]]["schema"]
        jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json())
        statuses.append(answer.status_code)

    assert statuses == [200] * (len(ANSWERS) - 1) + [409]
