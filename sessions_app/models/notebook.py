"""Notebook entries, every version they ever had, and the signatures under them."""

from __future__ import annotations

from typing import Any, Final, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Substr

from biolab.kernel.ids import Identified
from biolab.kernel.signed import SignedRow
from sessions_app.models.bound import BoundQuerySet, BoundRecord
from sessions_app.states import EntryMeaning, EntryStatus

PREVIEW: Final = 500
"""Characters of an entry that lists show."""


class NotebookEntryQuerySet(BoundQuerySet["NotebookEntry"]):
    """Entries, narrowed; and the lock of one that belongs to no session."""

    def standing(self) -> Self:
        """Those that nobody has withdrawn."""
        return self.filter(withdrawn_at__isnull=True)

    def with_signatures(self) -> Self:
        """With everything their doors and pages show, signatures included, at hand."""
        signatures = EntrySignature.objects.select_related("signer").order_by("signed_at", "id")
        return self.told().prefetch_related(models.Prefetch("signatures", signatures))

    def in_short(self) -> Self:
        """With the beginning of their text, as ``beginning``, in place of the whole."""
        return self.defer("content").annotate(beginning=Substr("content", 1, PREVIEW))

    def matching(self, text: str) -> Self:
        """Those with ``text`` in their title or their text."""
        return self.filter(models.Q(title__icontains=text) | models.Q(content__icontains=text))

    def hold(self, pk: Any) -> NotebookEntry:
        """Return the row, locked until the transaction ends; one of a session is held by the session instead."""
        return self.select_for_update(of=("self",), no_key=True).get(pk=pk)


NotebookEntryManager = models.Manager.from_queryset(NotebookEntryQuerySet)


class NotebookEntry(BoundRecord):
    """A page of the lab's notebook as it reads now, in Markdown; ``created_by`` is its author."""

    id_prefix = "nb"

    title = models.CharField(max_length=255)
    content = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=1)
    digest = models.CharField(max_length=64, editable=False)
    status = models.CharField(max_length=16, choices=EntryStatus.choices, default=EntryStatus.DRAFT)
    updated_at = models.DateTimeField(editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = NotebookEntryManager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "notebook entry"
        verbose_name_plural = "notebook entries"
        indexes = [
            models.Index(fields=["team", "-created_at", "-id"], name="entries_of_a_team"),
            models.Index(fields=["session", "-created_at", "-id"], name="entries_of_a_session"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=EntryStatus.values), name="entry_status_is_known"),
        ]

    def __str__(self) -> str:
        return self.title


class EntryVersion(Identified):
    """A notebook entry as it read at one version, never changed."""

    append_only = True
    id_prefix = "nbv"

    entry = models.ForeignKey(NotebookEntry, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    action = models.CharField(max_length=16)
    title = models.CharField(max_length=255)
    content = models.TextField(blank=True)
    digest = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        ordering = ["entry", "version"]
        verbose_name = "version of a notebook entry"
        verbose_name_plural = "versions of notebook entries"
        constraints = [models.UniqueConstraint(fields=["entry", "version"], name="entry_versions_are_unique")]

    def __str__(self) -> str:
        return f"{self.title} v{self.version}"


class EntrySignature(SignedRow, Identified):
    """A person's signature under one version of an entry, with all it is bound to."""

    id_prefix = "nbsig"

    entry = models.ForeignKey(NotebookEntry, on_delete=models.PROTECT, related_name="signatures")
    version = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    meaning = models.CharField(max_length=16, choices=EntryMeaning.choices)
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=16)

    class Meta:
        ordering = ["entry", "signed_at", "id"]
        verbose_name = "signature under a notebook entry"
        verbose_name_plural = "signatures under notebook entries"
        constraints = [
            models.UniqueConstraint(fields=["entry", "meaning"], name="an_entry_is_signed_and_witnessed_once"),
            models.UniqueConstraint(fields=["entry", "signer"], name="nobody_witnesses_their_own_entry"),
        ]

    def __str__(self) -> str:
        return f"{self.get_meaning_display()}: {self.printed_name}"
