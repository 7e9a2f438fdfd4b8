"""Tells the OpenAPI document which credential each authenticator reads, and how a person is named."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension

from biolab.kernel.schema import SECURITY_SCHEMES


class OneOfTwo(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A person is named by e-mail or by id, not by both."""

    target_class = "biolab.accounts.api.forms.PersonForm"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**schema, "oneOf": [{"required": ["email"]}, {"required": ["user_id"]}]}


class _Schemes(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The schemes that one authenticator reads; any of them will do."""

    name: list[str]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return [SECURITY_SCHEMES[name] for name in self.name]


class AccessTokens(_Schemes):  # type: ignore[no-untyped-call]
    target_class = "biolab.accounts.auth.rest.JWTAuth"
    name = ["accessToken"]


class ServiceTokens(_Schemes):  # type: ignore[no-untyped-call]
    target_class = "biolab.accounts.auth.rest.ServiceTokenAuth"
    name = ["serviceToken", "basic"]


class Sessions(_Schemes):  # type: ignore[no-untyped-call]
    target_class = "biolab.accounts.auth.rest.SessionAuth"
    name = ["session"]


class OpenBench(_Schemes):  # type: ignore[no-untyped-call]
    """An open bench shows nothing, which is no scheme."""

    target_class = "biolab.accounts.auth.rest.OpenBenchAuth"
    name = []
