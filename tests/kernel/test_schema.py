"""The OpenAPI document: complete, served without a network, and true about problems and credentials."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    answer = Client().get("/api/schema?format=json")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }


def test_it_is_openapi_3_1_and_names_every_door_of_accounts(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert {"POST /api/v1/auth/login", "POST /api/token", "GET /api/teams", "DELETE /api/v1/tokens/{token_id}"} <= set(
        operations(document)
    )


def test_every_operation_describes_its_problems(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        for status in ("401", "403", "404", "409", "422", "429", "503"):
            content = operation["responses"][status].get("content", {})
            assert "application/problem+json" in content, f"{name} says nothing about {status}"
    assert document["components"]["schemas"]["Problem"]["required"] == ["type", "title", "status"]


def test_every_operation_says_what_it_is_for_and_nothing_of_the_code(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        assert operation.get("summary"), f"{name} has no summary"
        assert "Where a request comes in" not in operation.get("description", ""), f"{name} shows the base door's words"


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document).values()]

    assert len(names) == len(set(names))


def test_credentials_are_alternatives_and_open_doors_need_none(document: dict[str, Any]) -> None:
    doors = operations(document)

    assert set(document["components"]["securitySchemes"]) == {"accessToken", "serviceToken", "basic", "session"}
    assert doors["GET /api/teams"]["security"] == [
        {"accessToken": []},
        {"serviceToken": []},
        {"basic": []},
        {"session": []},
    ]
    assert doors["POST /api/v1/auth/login"]["security"] == [{}]
    assert doors["GET /health"]["security"] == [{}]


def test_every_reference_points_at_something(document: dict[str, Any]) -> None:
    def references(node: Any) -> Any:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for inner in node.values():
                yield from references(inner)
        elif isinstance(node, list):
            for inner in node:
                yield from references(inner)

    for reference in set(references(document)):
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_every_list_says_how_to_turn_its_pages(document: dict[str, Any]) -> None:
    """A list is what answers an array, or has a cursor or a page size."""
    schemas = document["components"]["schemas"]
    not_paged = {
        "GET /api/notifications/preferences",  # one for each category and way
        "GET /api/query/search",  # the best few
        "GET /api/v1/datapoints/latest",  # one for each channel
        "GET /api/governance/approvals/waiting",  # what waits for one person
    }

    silent = set()
    for name, operation in operations(document).items():
        answer = operation["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        members = schemas.get(answer.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
        is_list = answer.get("type") == "array" or {"next_cursor", "page_size"} & set(members)
        asked = {parameter["name"] for parameter in operation.get("parameters", [])}
        if name.startswith("GET") and is_list and not ({"limit", "cursor"} <= asked or {"page", "page_size"} <= asked):
            silent.add(name)

    assert silent == not_paged


def test_a_query_value_that_may_be_left_out_may_be_empty(document: dict[str, Any]) -> None:
    listed = operations(document)["GET /api/sessions"]["parameters"]

    schema = next(parameter["schema"] for parameter in listed if parameter["name"] == "status")

    assert schema["anyOf"][0]["enum"] == ["active", "ended"]
    assert schema["anyOf"][1] == {"type": "string", "maxLength": 0}
    assert Client().get("/api/sessions?status=").status_code == 401


@pytest.mark.parametrize("path", ["/api/docs", "/docs"])
def test_the_page_for_people_needs_no_network(client: Client, path: str) -> None:
    answer = client.get(path, follow=True)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "/static/drf_spectacular_sidecar/" in page
    assert "https://cdn" not in page
