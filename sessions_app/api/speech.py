"""Doors of `/api/sessions/{sid}/stt`."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel import storage
from biolab.kernel.api import Door, sending
from biolab.kernel.api.paging import paged
from biolab.kernel.api.uploads import ANY, UploadDoor
from biolab.kernel.errors import Missing, TooLarge
from biolab.kernel.ids import find
from sessions_app.api.speech_forms import (
    RecordingForm,
    SpeechConfirmation,
    SpeechForm,
    SpeechOut,
    SpeechReport,
    speech_shape,
)
from sessions_app.models import LabSession, Transcript
from sessions_app.services.recordings import MAX_AUDIO_BYTES, keep_recording, register_recording
from sessions_app.services.transcripts import confirm_speech, report_speech, retry_speech, told
from sessions_app.speech_facts import SpeechTask
from sessions_app.stt.containers import SUFFIX

BESIDE = {
    "audio_chunk_id": "What the sender calls it; the same again is the same task. By default a name of its own.",
    "duration_seconds": "How long it is.",
}
RECORDING_IN = {
    "multipart/form-data": {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "format": "binary", "description": "WebM, MP4, Ogg or WAV; at most 25 MiB."},
            **{name: {"type": "string", "description": text} for name, text in BESIDE.items()},
        },
    },
    ANY: OpenApiTypes.BINARY,
}


class _SpeechDoor(Door):
    """A door to the recordings of one session."""

    scope_area = "sessions"

    def session(self, sid: str) -> LabSession:
        return find(LabSession.objects.visible_to(self.person), sid)

    def tasks(self, session: LabSession) -> QuerySet[Transcript]:
        return Transcript.objects.told().filter(session=session)

    def task(self, sid: str, tid: str) -> Transcript:
        """Return a task; its tag must be the one the caller has read, where the caller says so."""
        task = find(self.tasks(self.session(sid)), tid)
        self.must_match(task.etag)
        return task

    def version_read(self, task: Transcript) -> str | None:
        """Return the tag the caller insists on, so that the service compares it under the lock."""
        return task.etag if self.request.headers.get("If-Match", "*").strip() != "*" else None

    def shown(self, task: Transcript, *, status: int = 200) -> Response:
        return self.answer(_shape(task), status=status, etag=task.etag)


class SpeechTasksDoor(_SpeechDoor):
    """The recordings of a session, and expecting a transcript from a module outside."""

    @extend_schema(
        operation_id="speech_list",
        summary="List recordings",
        parameters=paged(),
        responses=SpeechOut(many=True),
        description="Newest first.",
    )
    def get(self, request: Request, sid: str) -> Response:
        tasks = self.tasks(self.session(sid))
        return self.bare(self.page(tasks, order=("-created_at", "-id"), default=100, most=1000), _shape)

    @extend_schema(
        operation_id="speech_register",
        summary="Name a recording that is kept elsewhere",
        request=SpeechForm,
        responses={201: SpeechOut},
        description="For a module that keeps the recording and PUTs what it heard. The same `audio_chunk_id` again is "
        "the same task.",
    )
    def post(self, request: Request, sid: str) -> Response:
        session = self.session(sid)
        form = self.validated(SpeechForm)
        return self.shown(register_recording(session=session, by=self.person, at=self.now, **form), status=201)


class SpeechTaskDoor(_SpeechDoor):
    """One recording and its transcript."""

    @extend_schema(operation_id="speech_read", summary="Show a recording and its transcript", responses=SpeechOut)
    def get(self, request: Request, sid: str, tid: str) -> Response:
        return self.shown(find(self.tasks(self.session(sid)), tid))

    @extend_schema(
        operation_id="speech_report",
        summary="Tell what was heard",
        request=SpeechReport,
        responses=SpeechOut,
        description="`pending` becomes `processing`, `done` or `failed`; `processing` becomes `done` or `failed`. "
        "`done` needs a transcript, `failed` an error. What is left out keeps its value.",
    )
    def put(self, request: Request, sid: str, tid: str) -> Response:
        task = self.task(sid, tid)
        form = self.validated(SpeechReport)
        version = self.version_read(task)
        return self.shown(report_speech(task=task, by=self.person, at=self.now, version=version, **form))


class SpeechRetryDoor(_SpeechDoor):
    """Having a recording that failed transcribed once more."""

    @extend_schema(operation_id="speech_retry", summary="Transcribe once more", request=None, responses=SpeechOut)
    def post(self, request: Request, sid: str, tid: str) -> Response:
        task = self.task(sid, tid)
        return self.shown(retry_speech(task=task, by=self.person, at=self.now, version=self.version_read(task)))


class SpeechConfirmDoor(_SpeechDoor):
    """Saying that a transcript reads as it was spoken."""

    @extend_schema(
        operation_id="speech_confirm",
        summary="Confirm a transcript",
        request=SpeechConfirmation,
        responses=SpeechOut,
        description="It stands as a note, tagged `auto-transcription`, from then on.",
    )
    def post(self, request: Request, sid: str, tid: str) -> Response:
        task = self.task(sid, tid)
        form = self.validated(SpeechConfirmation)
        version = self.version_read(task)
        return self.shown(confirm_speech(task=task, by=self.person, at=self.now, version=version, **form))


class SpeechUploadDoor(_SpeechDoor, UploadDoor):
    """Handing in a recording."""

    @extend_schema(
        operation_id="speech_upload",
        summary="Send a recording",
        description="It is sealed with its SHA-256, kept as received and transcribed in the background; what it is, "
        "its first bytes tell. The same recording under the same `audio_chunk_id` again is the same task.",
        parameters=[OpenApiParameter(name, str, description=text) for name, text in BESIDE.items()],
        request=RECORDING_IN,
        responses={202: SpeechOut},
    )
    def post(self, request: Request, sid: str) -> Response:
        session = self.session(sid)
        task = keep_recording(
            session=session,
            pieces=self.sound(),
            by=self.person,
            at=self.now,
            **self.beside(RecordingForm, BESIDE),
        )
        return self.shown(task, status=202)

    def sound(self) -> Iterator[bytes]:
        """Yield the recording's bytes; one that says it is too large is not read.

        Raises:
            TooLarge: it says that it is larger than 25 MiB.
        """
        stated = str(self.request.META.get("CONTENT_LENGTH") or "")
        if stated.isdecimal() and int(stated) > MAX_AUDIO_BYTES + storage.CHUNK:
            told = "A recording has at most 25 MiB."
            raise TooLarge(told, code="body_too_large", limit_bytes=MAX_AUDIO_BYTES)
        yield from self.pieces()


class SpeechAudioDoor(_SpeechDoor):
    """A recording as it was received."""

    @extend_schema(
        operation_id="speech_audio",
        summary="Listen to a recording",
        description="Checked against its SHA-256 before its first byte leaves; whole, or the range that is asked for.",
        responses={
            **{(status, media_type): OpenApiTypes.BINARY for media_type in SUFFIX for status in (200, 206)},
            304: OpenApiResponse(description="You have it already."),
            416: OpenApiResponse(description="The range lies outside the recording."),
        },
    )
    def get(self, request: Request, sid: str, tid: str) -> HttpResponseBase:
        task = find(self.tasks(self.session(sid)), tid)
        if not task.sha256:
            raise Missing("This recording is kept by the module that registered it.")
        asked = request._request
        if sending.is_known(asked, task.sha256):
            return self.answer(None, status=304, headers={"ETag": sending.etag(task.sha256)})
        file = storage.fetch(task.stored_as, sha256=task.sha256)
        name = f"{task.public_id}.{SUFFIX[task.media_type]}"
        opened = sending.OpenFile(file, task.size, task.sha256, name, task.media_type)
        try:
            span = sending.wanted_range(asked, size=task.size, checksum=task.sha256)
        except ValueError:
            return sending.unsatisfiable(opened)
        return sending.send(asked, opened, span)


def _shape(task: Transcript) -> dict[str, object]:
    return speech_shape(told(SpeechTask, task).payload(), task.words, task.session.public_id)
