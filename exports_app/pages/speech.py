"""Speech on the session page: a recording sent as a file, a transcript confirmed, a failed one tried again."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from biolab.accounts.models import User
from biolab.kernel.errors import Invalid
from biolab.kernel.ids import find
from exports_app.pages.session import SessionView
from sessions_app.models import LabSession, Transcript
from sessions_app.services.recordings import keep_recording
from sessions_app.services.transcripts import confirm_speech, retry_speech


class SendRecording(SessionView):
    """A recording that lies on the person's machine."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        file = request.FILES.get("file")

        def keep(session: LabSession, by: User, at: datetime) -> None:
            if not isinstance(file, UploadedFile):
                detail = "Choose a recording."
                raise Invalid(detail, errors=[{"pointer": "/file", "detail": detail}])
            keep_recording(session=session, pieces=file.chunks(), by=by, at=at)

        answer = self.act(sid, "speech", keep)
        if answer.status_code == 302:
            messages.success(request, "The recording is kept, and will be transcribed.")
        return answer


class ConfirmSpeech(SessionView):
    """A person's word that a transcript reads as it was spoken."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, sid: str, tid: str) -> HttpResponseBase:
        task, posted = _task(self, sid, tid), request.POST
        answer = self.act(
            sid,
            "speech",
            lambda session, by, at: confirm_speech(
                task=task,
                transcript=posted.get("transcript", "").replace("\r\n", "\n"),
                reason=posted.get("reason", ""),
                version=posted.get("version", ""),
                by=by,
                at=at,
            ),
            refused_speech=task.public_id,
        )
        if answer.status_code == 302:
            messages.success(request, "The transcript is confirmed and stands as a note.")
        return answer


class RetrySpeech(SessionView):
    """A failed transcription, once more."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, sid: str, tid: str) -> HttpResponseBase:
        task = _task(self, sid, tid)
        return self.act(
            sid,
            "speech",
            lambda session, by, at: retry_speech(task=task, by=by, at=at),
            refused_speech=task.public_id,
        )


def _task(page: SessionView, sid: str, tid: str) -> Transcript:
    return find(Transcript.objects.filter(session=page.session(sid)), tid)
