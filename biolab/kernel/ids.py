"""Ids: UUIDv7 in the database, TypeIDs (``sess_01h…``) on the wire."""

from __future__ import annotations

import uuid
from typing import ClassVar, TypeVar

import uuid_utils
import uuid_utils.compat
from django.db import models
from typeid import TypeID

from biolab.kernel.errors import Missing


def new_uuid() -> uuid.UUID:
    """Return a fresh UUIDv7: unique and ordered by creation time."""
    return uuid_utils.compat.uuid7()


def typeid(prefix: str, value: uuid.UUID) -> str:
    """Return ``value`` as the wire shows it: the prefix, an underscore and 26 characters."""
    return str(TypeID.from_uuid(suffix=uuid_utils.UUID(int=value.int), prefix=prefix))


def id_pattern(prefix: str) -> str:
    """Return a regular expression for what ``parse_id`` reads, as the OpenAPI document gives it."""
    bare = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    return f"^({prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}|{bare}|[0-9a-fA-F]{{32}})$"


def parse_id(text: object, prefix: str) -> uuid.UUID | None:
    """Return the UUID named by a TypeID with ``prefix`` or by a bare UUID; None when it is neither."""
    if isinstance(text, uuid.UUID):
        return text
    if not isinstance(text, str) or len(text) > 64:
        return None
    if text.startswith(f"{prefix}_"):
        try:
            parsed = uuid.UUID(str(TypeID.from_string(text).uuid))
        except Exception:  # the library raises several unrelated classes for hostile text
            return None
        return parsed if typeid(prefix, parsed) == text else None
    try:
        return uuid.UUID(text) if len(text) in (32, 36) else None
    except ValueError:
        return None


class Identified(models.Model):
    """A row with a UUIDv7 key that the wire names by a prefixed id."""

    id_prefix: ClassVar[str]

    id = models.UUIDField(primary_key=True, default=new_uuid, editable=False)

    class Meta:
        abstract = True

    @property
    def public_id(self) -> str:
        return typeid(self.id_prefix, self.pk)


M = TypeVar("M", bound=Identified)


def find(queryset: models.QuerySet[M], text: object) -> M:
    """Return the row of ``queryset`` that ``text`` names.

    Raises:
        Missing: malformed, unknown, or outside the queryset; the three are told alike.
    """
    value = parse_id(text, queryset.model.id_prefix)
    row = queryset.filter(pk=value).first() if value is not None else None
    if row is None:
        raise Missing(f"There is no {queryset.model._meta.verbose_name} with this id.")
    return row
