"""Facts: what happened, as frozen values with a stable name and their own sentence."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from biolab.kernel.times import iso

_KINDS: dict[str, type[Fact]] = {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that happened.

    A subclass is a frozen dataclass of plain values. ``kind`` is the event type on the wire; ``sentence`` tells the
    fact to a person with ``str.format`` over the payload. A fact told for several subjects writes ``kind`` with a
    ``{subject}`` in front, names the prefix in a field ``subject`` and leaves it out of the payload.
    """

    kind: ClassVar[str]
    sentence: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        kind = cls.__dict__.get("kind")
        if kind:
            if kind in _KINDS and _KINDS[kind].__qualname__ != cls.__qualname__:
                raise TypeError(f"two facts are called {kind}")
            _KINDS[kind] = cls

    @property
    def event_kind(self) -> str:
        """The event type on the wire."""
        return self.kind.format(subject=getattr(self, "subject", ""))

    def payload(self) -> dict[str, Any]:
        """Return the fields as JSON values, without ``subject`` and without private fields."""
        return {
            field.name: _plain(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if field.name != "subject" and not field.name.startswith("_")
        }


def tell(kind: str, payload: Mapping[str, Any]) -> str:
    """Return the sentence of an event; the bare kind where no fact of this name is known."""
    fact = _KINDS.get(kind) or _KINDS.get("{subject}." + kind.partition(".")[2])
    if fact is None:
        return kind
    return fact.sentence.format_map(_Blank(payload))


class _Blank(dict[str, Any]):
    """A payload that older rows may hold without a newer field."""

    def __missing__(self, key: str) -> str:
        return "—"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
