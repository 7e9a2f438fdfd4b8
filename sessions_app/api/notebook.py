"""Doors of `/api/notebook/entries`."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.auth.periods import period_of
from biolab.kernel.ids import find
from biolab.kernel.machine import Move
from sessions_app.api.bench_forms import MessageOut
from sessions_app.api.bound import BoundDoor
from sessions_app.api.console_forms import PageQuery
from sessions_app.api.notebook_forms import (
    EntriesSchema,
    EntryChange,
    EntryFilters,
    EntryForm,
    EntrySchema,
    EntrySignForm,
    EntryVersionsSchema,
    EntryWithdrawal,
    entry_shape,
    entry_version_shape,
    listed_entry_shape,
    whole_entry_shape,
)
from sessions_app.api.notes import attachment
from sessions_app.models import NotebookEntry
from sessions_app.models.notebook import NotebookEntryQuerySet
from sessions_app.notebook_export import entry_filename, entry_markdown
from sessions_app.services.entry_signing import sign_entry
from sessions_app.services.notebook import change_entry, entry_etag, give_out_entry, withdraw_entry, write_entry
from sessions_app.states import SIGN_ENTRY
from sessions_app.wording import invalid


class _NotebookDoor(BoundDoor):
    """A door to the notebook."""

    def entries(self) -> NotebookEntryQuerySet:
        """Return the entries this person sees, withdrawn ones included."""
        return NotebookEntry.objects.visible_to(self.person)

    def entry(self, entry_id: str) -> NotebookEntry:
        """Return a standing entry; its tag must be the one the caller has read, where the caller says so."""
        entry = find(self.entries().standing(), entry_id)
        if self.request.method != "GET":
            self.must_match(entry_etag(entry))
        return entry

    def version_read(self, entry: NotebookEntry) -> int | None:
        """Return the version the caller insists on, so that the service compares it under the lock."""
        return entry.version if self.request.headers.get("If-Match", "*").strip() != "*" else None

    def shown(self, entry: NotebookEntry, status: int = 200) -> Response:
        entry = NotebookEntry.objects.with_signatures().get(pk=entry.pk)
        return self.answer(entry_shape(entry), status=status, etag=entry_etag(entry))


class EntriesDoor(_NotebookDoor):
    """The notebook, and beginning an entry."""

    @extend_schema(
        operation_id="notebook_entries_list",
        tags=["notebook"],
        summary="List notebook entries",
        description="Newest first, without withdrawn ones.",
        parameters=[EntryFilters, PageQuery],
        responses=EntriesSchema,
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(EntryFilters)
        entries = self.entries().standing().told()
        if "execution_id" in asked:
            entries = entries.filter(session=asked["execution_id"])
        if "status" in asked:
            entries = entries.filter(status=asked["status"])
        if "q" in asked:
            entries = entries.matching(asked["q"])
        whole = "include" in asked
        page = self.page(entries if whole else entries.in_short(), order=("-created_at", "-id"), default=50)
        return self.items(page, whole_entry_shape if whole else listed_entry_shape)

    @extend_schema(
        operation_id="notebook_entries_create",
        tags=["notebook"],
        summary="Begin a notebook entry",
        request=EntryForm,
        responses={201: EntrySchema},
    )
    def post(self, request: Request) -> Response:
        form = self.validated(EntryForm)
        entry = write_entry(
            **self.place(form),
            by=self.person,
            at=self.now,
            title=form["title"],
            content=form["content"],
            reason=form["reason"],
        )
        return self.shown(entry, status=201)


class EntryDoor(_NotebookDoor):
    """One entry."""

    @extend_schema(
        operation_id="notebook_entries_retrieve",
        tags=["notebook"],
        summary="Show a notebook entry",
        responses=EntrySchema,
    )
    def get(self, request: Request, entry_id: str) -> Response:
        return self.shown(self.entry(entry_id))

    @extend_schema(
        operation_id="notebook_entries_update",
        tags=["notebook"],
        summary="Change a notebook entry",
        description="Another wording becomes the next version; what it said before stays. A signed entry is locked: "
        "409 `entry_locked`. `If-Match` with the `ETag` that was read guards against overwriting.",
        request=EntryChange,
        responses=EntrySchema,
    )
    def put(self, request: Request, entry_id: str) -> Response:
        entry = self.entry(entry_id)
        form = self.validated(EntryChange)
        if form.pop("execution_id", entry.session_id) != entry.session_id:
            raise invalid("/execution_id", "An entry stays where it was begun.")
        changed = change_entry(entry=entry, by=self.person, at=self.now, version=self.version_read(entry), **form)
        return self.shown(changed)

    @extend_schema(
        operation_id="notebook_entries_withdraw",
        tags=["notebook"],
        summary="Withdraw a notebook entry",
        description="Hides it from the lists; its versions, its signatures and what exports froze of it stay.",
        parameters=[EntryWithdrawal],
        request=None,
        responses={200: MessageOut},
    )
    def delete(self, request: Request, entry_id: str) -> Response:
        entry = self.entry(entry_id)
        reason = self.asked(EntryWithdrawal).get("reason") or self.validated(EntryWithdrawal).get("reason", "")
        withdraw_entry(entry=entry, by=self.person, at=self.now, reason=reason, version=self.version_read(entry))
        return self.answer({"message": f"Entry {entry.public_id} was withdrawn; its versions are kept."})


class EntryVersionsDoor(_NotebookDoor):
    """Every version of an entry, withdrawn or not."""

    @extend_schema(
        operation_id="notebook_entries_versions",
        tags=["notebook"],
        summary="List the versions of a notebook entry",
        description="Newest first.",
        parameters=[PageQuery],
        responses=EntryVersionsSchema,
    )
    def get(self, request: Request, entry_id: str) -> Response:
        versions = find(self.entries(), entry_id).versions.select_related("by")
        return self.items(self.page(versions, order=("-version",), default=50), entry_version_shape)


class SignEntryDoor(_NotebookDoor):
    """The author's signature, or the witness's; which, the path says."""

    one_transaction = False
    move: ClassVar[Move] = SIGN_ENTRY

    @extend_schema(
        tags=["notebook"],
        summary="Sign a notebook entry, or witness it",
        description="The author signs, and the entry is locked; then another person of the team may witness it. "
        "Both give their password once more.",
        request=EntrySignForm,
        responses=EntrySchema,
    )
    def post(self, request: Request, entry_id: str) -> Response:
        entry = self.entry(entry_id)
        period = period_of(self.request)
        values = self.validated(EntrySignForm)
        signed = sign_entry(move=self.move, entry=entry, period=period, by=self.person, at=self.now, **values)
        return self.shown(signed)


class EntryExportDoor(_NotebookDoor):
    """An entry as a file of its own; one of a session leaves through an export of the session alone."""

    @extend_schema(
        operation_id="notebook_entries_export",
        tags=["notebook"],
        summary="Download a notebook entry as Markdown",
        description="An entry of a session answers 409 `leaves_by_export`, and the session's timeline says who asked: "
        "attach it to a narrative export instead.",
        responses={(200, "text/markdown"): OpenApiTypes.STR},
    )
    def get(self, request: Request, entry_id: str) -> HttpResponse:
        entry = give_out_entry(
            entry=find(self.entries().standing().with_signatures(), entry_id), by=self.person, at=self.now
        )
        headers = {"Content-Disposition": attachment(entry_filename(entry)), "X-Content-Type-Options": "nosniff"}
        text = entry_markdown(entry, list(entry.signatures.all()))
        return HttpResponse(text, content_type="text/markdown; charset=utf-8", headers=headers)
