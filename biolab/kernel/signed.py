"""Rows that people sign: the text that was signed, the instance's seal over it, and whether both still hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.db import models

from biolab.kernel import keys
from biolab.kernel.canonical import SIGNATURE, canonical

R = TypeVar("R", bound="SignedRow")


class SignedRow(models.Model):
    """What a person signed; never changed.

    ``canonical`` is the text that was signed; the columns beside it say the same, for queries and for verification.
    """

    append_only = True

    printed_name = models.CharField(max_length=150)
    typed = models.CharField(max_length=255)
    signed_at = models.DateTimeField()
    zone = models.CharField(max_length=64)
    canonical = models.TextField()
    key_id = models.CharField(max_length=64)
    seal = models.CharField(max_length=128)

    class Meta:
        abstract = True

    @property
    def local_time(self) -> str:
        """When it was signed, on the clock of its zone, with the offset."""
        return self.signed_at.astimezone(ZoneInfo(self.zone)).isoformat()


def seal(row: R, record: Callable[[R], dict[str, Any]]) -> None:
    """Fill in the canonical text and the instance's Ed25519 signature over it; the caller saves.

    Args:
        row: all but ``canonical``, ``key_id`` and ``seal`` is filled in.
        record: puts what is signed together from the row's columns, ``key_id`` among them.
    """
    row.key_id = keys.key_id()
    text = canonical(record(row))
    row.canonical = text.decode()
    row.seal = keys.sign(SIGNATURE + text).hex()


def faults(row: R, record: Callable[[R], dict[str, Any]]) -> list[str]:
    """Return in words how the signed text and its seal do not hold; empty where both do.

    Nothing stored is believed: the signed text is put together again from the columns.
    """
    found = []
    text = row.canonical.encode()
    if canonical(record(row)) != text:
        found.append("The signed text does not belong to this record.")
    try:
        sealed_by_us = keys.verify(SIGNATURE + text, bytes.fromhex(row.seal), row.key_id)
    except ValueError:
        sealed_by_us = False
    if not sealed_by_us:
        found.append("The seal is not this instance's over the signed text.")
    return found
