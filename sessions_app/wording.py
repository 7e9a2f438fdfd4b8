"""What may be written at the bench: bounds on text and on values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from biolab.kernel.canonical import canonical
from biolab.kernel.errors import Invalid

MAX_NAME: Final = 255
MAX_REASON: Final = 2000
MAX_DESCRIPTION: Final = 20_000
MAX_VALUES_BYTES: Final = 64 * 1024


def invalid(pointer: str, detail: str) -> Invalid:
    """Return the refusal of one value; ``pointer`` says where it stands in the request."""
    return Invalid(detail, errors=[{"pointer": pointer, "detail": detail}])


def storable(text: str, *, pointer: str) -> str:
    """Return ``text``, which a database can hold; doors that read JSON ask for the same before.

    Raises:
        Invalid: it holds a NUL.
    """
    if "\x00" in text:
        raise invalid(pointer, "Text must not hold NUL characters.")
    return text


def named(text: str, *, pointer: str = "/name") -> str:
    """Return ``text`` as a name: trimmed, 1 to 255 characters.

    Raises:
        Invalid: blank or too long.
    """
    text = text.strip()
    if not 1 <= len(text) <= MAX_NAME:
        raise invalid(pointer, f"This has 1 to {MAX_NAME} characters.")
    return storable(text, pointer=pointer)


def described(text: str) -> str:
    """Return ``text`` as a description.

    Raises:
        Invalid: too long.
    """
    if len(text) > MAX_DESCRIPTION:
        raise invalid("/description", f"A description has at most {MAX_DESCRIPTION} characters.")
    return storable(text, pointer="/description")


def reasoned(text: str, *, needed_for: str = "") -> str:
    """Return ``text`` as a reason, trimmed.

    Args:
        needed_for: what cannot be done without one; empty where a reason is optional.

    Raises:
        Invalid: too long, or missing where it is needed.
    """
    text = text.strip()
    if needed_for and not text:
        raise invalid("/reason", f"{needed_for} needs a reason.")
    if len(text) > MAX_REASON:
        raise invalid("/reason", f"A reason has at most {MAX_REASON} characters.")
    return storable(text, pointer="/reason")


def exact(values: Mapping[str, Any], *, pointer: str) -> dict[str, Any]:
    """Return ``values`` as they can be written down for good: bounded, and every number exact in JSON.

    Raises:
        Invalid: larger than 64 KiB, or with a number that another reader of the JSON would round.
    """
    try:
        size = len(canonical(dict(values)))
    except (ValueError, TypeError, RecursionError):
        raise invalid(pointer, "A number is beyond ±(2^53 − 1), or a value is none that JSON can carry.") from None
    if size > MAX_VALUES_BYTES:
        raise invalid(pointer, f"This takes more than {MAX_VALUES_BYTES} bytes.")
    return dict(values)
