"""Doors of `/api/sessions/{sid}/notes`."""

from __future__ import annotations

from urllib.parse import quote

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.api import Door
from biolab.kernel.api.paging import paged
from biolab.kernel.ids import find
from sessions_app.api.bench_forms import (
    ADDITION_IN,
    ExportQuery,
    MessageOut,
    NoteAddition,
    NoteChange,
    NoteFilters,
    NoteForm,
    NoteOut,
    NoteVersionOut,
    NoteWithdrawal,
    WithdrawalQuery,
    given,
    note_shape,
    session_status,
    version_shape,
)
from sessions_app.models import LabSession, Note
from sessions_app.note_export import as_json, as_markdown, speech_of
from sessions_app.selectors import notes_matching
from sessions_app.services.notes import append_note, correct_note, note_etag, withdraw_note, write_note

SUFFIX = {"markdown": "md", "json": "json"}
MEDIA_TYPE = {"markdown": "text/markdown; charset=utf-8", "json": "application/json"}


class _NoteDoor(Door):
    """A door to notes of one session."""

    scope_area = "sessions"

    def session(self, sid: str) -> LabSession:
        return find(LabSession.objects.visible_to(self.person), sid)

    def note(self, session: LabSession, nid: str) -> Note:
        """Return a standing note; its tag must be the one the caller has read, where the caller says so."""
        note = find(Note.objects.standing().filter(session=session), nid)
        self.must_match(note_etag(note))
        return note

    def version_read(self, note: Note) -> int | None:
        """Return the version the caller insists on, so that the service compares it under the lock."""
        return note.version if self.request.headers.get("If-Match", "*").strip() != "*" else None

    def shown(self, note: Note, session: LabSession) -> Response:
        return self.answer(note_shape(note, session), etag=note_etag(note))


class NotesDoor(_NoteDoor):
    """The notes of a session, and writing one."""

    @extend_schema(
        operation_id="notes_list",
        summary="List notes",
        parameters=[NoteFilters, *paged(default=1000)],
        responses=NoteOut(many=True),
        description="By their time, as a bare array. `from` and `to` are inclusive; without an offset they are UTC.",
    )
    def get(self, request: Request, sid: str) -> Response:
        session = self.session(sid)
        notes = notes_matching(Note.objects.standing().filter(session=session), self.asked(NoteFilters))
        page = self.page(notes, order=("timestamp", "id"), default=1000, most=1000)
        return self.bare(page, lambda note: note_shape(note, session))

    @extend_schema(
        operation_id="notes_create",
        summary="Write a note",
        request=NoteForm,
        responses={200: NoteOut},
        description="Without a snapshot the latest values of the pinned channels are kept. `reason` is needed once the "
        "session has ended.",
    )
    def post(self, request: Request, sid: str) -> Response:
        session = self.session(sid)
        form = given(self.validated(NoteForm))
        return self.shown(write_note(session=session, by=self.person, at=self.now, **form), session)


class NoteDoor(_NoteDoor):
    """One note."""

    @extend_schema(operation_id="notes_read", summary="Show a note", responses=NoteOut)
    def get(self, request: Request, sid: str, nid: str) -> Response:
        session = self.session(sid)
        return self.shown(find(Note.objects.standing().filter(session=session), nid), session)

    @extend_schema(
        operation_id="notes_correct",
        summary="Correct a note",
        request=NoteChange,
        responses=NoteOut,
        description="A correction; what the note said before stays in its history.",
    )
    def put(self, request: Request, sid: str, nid: str) -> Response:
        session = self.session(sid)
        note = self.note(session, nid)
        form = given(self.validated(NoteChange))
        version = self.version_read(note)
        return self.shown(correct_note(note=note, by=self.person, at=self.now, version=version, **form), session)

    @extend_schema(
        operation_id="notes_append",
        summary="Add a line to a note",
        request={"application/json": ADDITION_IN},
        responses=NoteOut,
        description="Adds a line `[HH:MM:SS] text`.",
    )
    def patch(self, request: Request, sid: str, nid: str) -> Response:
        session = self.session(sid)
        note = self.note(session, nid)
        form = self.validated(NoteAddition)
        text = form.pop("append_content")
        version = self.version_read(note)
        changed = append_note(note=note, by=self.person, at=self.now, text=text, version=version, **form)
        return self.shown(changed, session)

    @extend_schema(
        operation_id="notes_withdraw",
        summary="Withdraw a note",
        parameters=[WithdrawalQuery],
        request=None,
        responses={200: MessageOut},
        description="Hides the note from the lists; the timeline and its history keep it.",
    )
    def delete(self, request: Request, sid: str, nid: str) -> Response:
        note = self.note(self.session(sid), nid)
        reason = self.asked(WithdrawalQuery).get("reason") or self.validated(NoteWithdrawal).get("reason", "")
        withdraw_note(note=note, by=self.person, at=self.now, reason=reason, version=self.version_read(note))
        return self.answer({"message": f"Note {note.public_id} was withdrawn; its history is kept."})


class NoteHistoryDoor(_NoteDoor):
    """Every version of a note, withdrawn or not."""

    @extend_schema(
        operation_id="notes_history",
        summary="Show a note's versions",
        parameters=paged(default=1000),
        responses=NoteVersionOut(many=True),
        description="Oldest first.",
    )
    def get(self, request: Request, sid: str, nid: str) -> Response:
        note = find(Note.objects.filter(session=self.session(sid)), nid)
        page = self.page(note.versions.select_related("by"), order=("version", "id"), default=1000, most=1000)
        return self.bare(page, version_shape)


class NotesExportDoor(_NoteDoor):
    """The notes as a file."""

    @extend_schema(
        operation_id="notes_export",
        summary="Download the notes",
        parameters=[ExportQuery],
        responses={
            (200, "text/markdown"): OpenApiTypes.STR,
            (200, "application/json"): OpenApiResponse(
                OpenApiTypes.OBJECT, description="{session_id, session_name, exported_at, notes[]}"
            ),
        },
    )
    def get(self, request: Request, sid: str) -> StreamingHttpResponse:
        session = self.session(sid)
        form = self.asked(ExportQuery)["format"]
        notes = _by_time(session).iterator(chunk_size=500)
        if form == "markdown":
            pieces = as_markdown(session, notes, status=session_status(session))
        else:
            shapes = ({**note_shape(note, session), **speech_of(note)} for note in notes)
            pieces = as_json(session, shapes, at=self.now)
        answer = StreamingHttpResponse(pieces, content_type=MEDIA_TYPE[form])
        answer["Content-Disposition"] = attachment(f"{session.name} notes.{SUFFIX[form]}")
        return answer


def _by_time(session: LabSession) -> QuerySet[Note]:
    notes = Note.objects.standing().filter(session=session).select_related("speech").defer("speech__words")
    return notes.order_by("timestamp", "id")


def attachment(name: str) -> str:
    """Return a Content-Disposition that names the file in ASCII for old clients and in full (RFC 5987) for others."""
    safe = "".join(char if char.isprintable() and char not in '/\\:*?"<>|%' else "_" for char in name).strip(". ")
    stem, _, suffix = safe.rpartition(".")
    safe = f"{stem.strip('. ')[:100] or 'notes'}.{suffix}"
    plain = safe.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"
