"""Paths of `/api/sessions`."""

from __future__ import annotations

from typing import Final

from django.urls import path

from sessions_app.api.bench import SessionDoor, SessionsDoor
from sessions_app.api.notes import NoteDoor, NoteHistoryDoor, NotesDoor, NotesExportDoor
from sessions_app.api.speech import (
    SpeechAudioDoor,
    SpeechConfirmDoor,
    SpeechRetryDoor,
    SpeechTaskDoor,
    SpeechTasksDoor,
    SpeechUploadDoor,
)

SPEECH: Final = "api/sessions/<str:sid>/stt"

urlpatterns = [
    path("api/sessions", SessionsDoor.as_view(), name="sessions"),
    path("api/sessions/<str:sid>", SessionDoor.as_view(), name="session"),
    path("api/sessions/<str:sid>/notes", NotesDoor.as_view(), name="notes"),
    path("api/sessions/<str:sid>/notes/export", NotesExportDoor.as_view(), name="notes-export"),
    path("api/sessions/<str:sid>/notes/<str:nid>", NoteDoor.as_view(), name="note"),
    path("api/sessions/<str:sid>/notes/<str:nid>/history", NoteHistoryDoor.as_view(), name="note-history"),
    path(f"{SPEECH}/upload", SpeechUploadDoor.as_view(), name="speech-upload"),
    path(f"{SPEECH}/tasks", SpeechTasksDoor.as_view(), name="speech-tasks"),
    path(f"{SPEECH}/tasks/<str:tid>", SpeechTaskDoor.as_view(), name="speech-task"),
    path(f"{SPEECH}/tasks/<str:tid>/audio", SpeechAudioDoor.as_view(), name="speech-audio"),
    path(f"{SPEECH}/tasks/<str:tid>/retry", SpeechRetryDoor.as_view(), name="speech-retry"),
    path(f"{SPEECH}/tasks/<str:tid>/confirm", SpeechConfirmDoor.as_view(), name="speech-confirm"),
]
