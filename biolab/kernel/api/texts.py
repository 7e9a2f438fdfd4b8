"""Text is text, yes is yes and 1 is no yes: what the schema says is of another kind is refused, not turned into it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from biolab.kernel.errors import Invalid


def refuse_other_than_text(field: Any, value: Any) -> None:
    """Walk a form and the JSON it is to read; the serializer itself refuses whatever else does not fit.

    Raises:
        Invalid: a text field or a boolean one holds a number, or a number field a boolean, named by its pointer.
    """
    errors: list[dict[str, str]] = []
    _walk(field, value, "", errors)
    if errors:
        raise Invalid(f"A value is not valid: {errors[0]['detail']}", errors=errors)


def _walk(field: Any, value: Any, pointer: str, errors: list[dict[str, str]]) -> None:
    if isinstance(field, serializers.CharField):
        if isinstance(value, int | float):
            errors.append({"pointer": pointer, "detail": "Not a valid string."})
    elif isinstance(field, serializers.BooleanField):
        if isinstance(value, int | float) and not isinstance(value, bool):
            errors.append({"pointer": pointer, "detail": "Must be a valid boolean."})
    elif isinstance(field, serializers.FloatField | serializers.IntegerField):
        if isinstance(value, bool):
            errors.append({"pointer": pointer, "detail": "A valid number is required."})
    elif isinstance(field, serializers.Serializer) and isinstance(value, dict):
        for name, child in field.fields.items():
            if name in value and not child.read_only:
                _walk(child, value[name], f"{pointer}/{name}", errors)
    elif isinstance(field, serializers.ListField | serializers.ListSerializer) and isinstance(value, list):
        for place, item in enumerate(value):
            _walk(field.child, item, f"{pointer}/{place}", errors)
