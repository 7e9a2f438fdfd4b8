"""The kernel's plumbing: first answers of repeated requests, gates, and the security log."""

from __future__ import annotations

from typing import Any, ClassVar

import orjson
from django.db import models
from django.utils import timezone

from biolab.kernel.ids import Identified


class IdempotencyKey(models.Model):
    """One ``Idempotency-Key`` of one caller: in flight while ``status`` is empty, afterwards with its first answer."""

    scope = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField()
    holder = models.CharField(max_length=32)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.BinaryField(default=b"")
    headers = models.JSONField(default=dict)
    secret = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="one_use_of_an_idempotency_key")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return self.key


class Gate(models.Model):
    """How often something was tried in the running window; changed by one atomic statement only."""

    name = models.CharField(max_length=64, primary_key=True)
    tries = models.PositiveIntegerField()
    until_ms = models.BigIntegerField()

    def __str__(self) -> str:
        return self.name


class SecurityHead(models.Model):
    """The one row every writer of the security log locks: the number and hash of the last entry."""

    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.sequence}"


class SecurityEntry(Identified):
    """One thing that happened to people, roles, credentials or settings; chained like the timeline.

    ``canonical`` is the text that was hashed and holds the details; the other columns repeat parts of it for lists.
    """

    id_prefix = "sec"
    append_only: ClassVar[bool] = True

    sequence = models.PositiveBigIntegerField(unique=True)
    kind = models.CharField(max_length=64, db_index=True)
    person_id = models.CharField(max_length=64, blank=True, db_index=True)
    at = models.DateTimeField(db_index=True)
    canonical = models.TextField()
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-sequence"]
        verbose_name = "security entry"
        verbose_name_plural = "security entries"

    def __str__(self) -> str:
        return f"{self.sequence} {self.kind}"

    @property
    def record(self) -> dict[str, Any]:
        """The entry as it was hashed."""
        record: dict[str, Any] = orjson.loads(self.canonical)
        return record


class Heartbeat(models.Model):
    """When a clockwork process last said that it lives."""

    name = models.CharField(max_length=32, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at:%Y-%m-%d %H:%M:%S}"
