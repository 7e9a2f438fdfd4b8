"""Paths of `/api/sessions`."""

from __future__ import annotations

from django.urls import path

from sessions_app.api.bench import SessionDoor, SessionsDoor
from sessions_app.api.notes import NoteDoor, NoteHistoryDoor, NotesDoor, NotesExportDoor

urlpatterns = [
    path("api/sessions", SessionsDoor.as_view(), name="sessions"),
    path("api/sessions/<str:sid>", SessionDoor.as_view(), name="session"),
    path("api/sessions/<str:sid>/notes", NotesDoor.as_view(), name="notes"),
    path("api/sessions/<str:sid>/notes/export", NotesExportDoor.as_view(), name="notes-export"),
    path("api/sessions/<str:sid>/notes/<str:nid>", NoteDoor.as_view(), name="note"),
    path("api/sessions/<str:sid>/notes/<str:nid>/history", NoteHistoryDoor.as_view(), name="note-history"),
]
