"""What the OpenAPI document says beyond the doors themselves: problems, and how to identify oneself."""

from __future__ import annotations

from typing import Any, Final

METHODS: Final = frozenset({"get", "post", "put", "patch", "delete"})
ALWAYS: Final = {
    "400": "The body or the request is malformed.",
    "401": "Nobody we know is asking.",
    "403": "Allowed to see it, not to do it.",
    "404": "It does not exist, or not for this person.",
    "405": "This path does not answer this method.",
    "409": "The state of things does not allow it now.",
    "413": "The body is larger than allowed.",
    "415": "The body's media type is not read here.",
    "422": "Well formed, but a value is not valid; `errors` names each.",
    "429": "Too often; `Retry-After` says when again.",
    "500": "A defect; only the request id is told.",
    "503": "Something it needs is down; `Retry-After` says when to try again.",
}
NARROWS: Final = frozenset({"enum", "format", "minLength", "pattern"})
ONLY_WITH_BODY: Final = frozenset({"413", "415"})

TIME_IN: Final[dict[str, Any]] = {"type": "string", "format": "date-time", "minLength": 1}
"""A time as a door reads it: a generator of requests may take a mere `format` for a hint."""
CLOCK_TIME_IN: Final[dict[str, Any]] = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"}

PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457 problem details. Further members depend on `code`.",
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "A sentence for people."},
        "code": {"type": "string", "description": "Stable; for programs."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "JSON pointer, or `?name` of the query.",
                    },
                    "detail": {"type": "string"},
                },
                "required": ["pointer", "detail"],
            },
        },
        "request_id": {"type": "string"},
    },
    "required": ["type", "title", "status"],
    "additionalProperties": True,
}

SECURITY_SCHEMES: Final[dict[str, Any]] = {
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of `/api/v1/auth/login`, or a service token.",
    },
    "serviceToken": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Token bl_…`: a service token for instruments and scripts.",
    },
    "basic": {"type": "http", "scheme": "basic", "description": "Any user name, a service token as password."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "biolab_session",
        "description": "The pages' session; writes need the `X-CSRFToken` header.",
    },
}


def describe_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Post-processing hook: add the problems to every operation."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    for path in result.get("paths", {}).values():
        for method, operation in path.items():
            if method in METHODS:
                _add_problems(operation, method)
                _require_body(operation)
                operation.setdefault("security", [{}])
    return result


def _add_problems(operation: dict[str, Any], method: str) -> None:
    responses: dict[str, Any] = operation.setdefault("responses", {})
    for status, sentence in ALWAYS.items():
        if status in ONLY_WITH_BODY and method not in ("post", "put", "patch"):
            continue
        responses.setdefault(
            status,
            {
                "description": sentence,
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        )


def _require_body(operation: dict[str, Any]) -> None:
    """Say that a body must be there where one of its kinds has members that must be."""
    body: dict[str, Any] = operation.get("requestBody", {})
    if any(told.get("schema", {}).keys() & {"required", "oneOf"} for told in body.get("content", {}).values()):
        body["required"] = True


def let_empty_be_absent(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Post-processing hook: say that ``?name=`` means the same as no ``name``, where one may be left out."""
    for path in result.get("paths", {}).values():
        for method, operation in path.items():
            for parameter in operation.get("parameters", []) if method in METHODS else []:
                if parameter["in"] == "query" and not parameter.get("required"):
                    parameter["schema"] = _or_empty(parameter["schema"])
    return result


def _or_empty(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = schema.get("type")
    if "$ref" not in schema and (kinds in ("array", "object") or (kinds == "string" and not schema.keys() & NARROWS)):
        return schema
    return {"anyOf": [schema, {"type": "string", "maxLength": 0}], **_kept(schema)}


def _kept(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: schema[name] for name in ("default", "description") if name in schema}


def prepare_paths(endpoints: list[Any], **_: Any) -> list[Any]:
    """Pre-processing hook: only the API belongs into the document."""
    return [
        endpoint for endpoint in endpoints if endpoint[0].startswith(("/api/", "/health", "/ready", "/.well-known"))
    ]
