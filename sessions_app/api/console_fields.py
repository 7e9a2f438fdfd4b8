"""Values as the bench's doors read them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from biolab.kernel.errors import Invalid
from biolab.kernel.ids import id_pattern, parse_id
from biolab.kernel.schema import TIME_IN
from biolab.kernel.times import parse_utc


@extend_schema_field(TIME_IN)
class UtcTime(serializers.Field[datetime, Any, str, Any]):
    """An ISO 8601 time; without an offset it is refused, or read as UTC."""

    def __init__(self, *, naive: Literal["refuse", "utc"] = "refuse", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.naive: Literal["refuse", "utc"] = naive

    def to_internal_value(self, data: Any) -> datetime:
        try:
            return parse_utc(data, naive=self.naive)
        except Invalid as refusal:
            raise serializers.ValidationError(refusal.sentence) from None

    def to_representation(self, value: Any) -> str:
        raise NotImplementedError


class PublicId(serializers.Field[UUID, Any, str, Any]):
    """A prefixed id, or the bare UUID of the same object."""

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.prefix = prefix

    def to_internal_value(self, data: Any) -> UUID:
        value = parse_id(data, self.prefix)
        if value is None:
            raise serializers.ValidationError(
                f"This is no id; one looks like {self.prefix}_01h455vb4pex5vsknk084sn02q."
            )
        return value

    def to_representation(self, value: Any) -> str:
        raise NotImplementedError


class PublicIdSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes an id of one kind."""

    target_class = PublicId

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": id_pattern(self.target.prefix)}
