"""The bench's pages."""

from django.urls import path

from sessions_app.pages.comparison import ComparePage
from sessions_app.pages.log import LogMark, LogPage
from sessions_app.pages.notebook import EditEntryPage, EntryPage, NewEntryPage, NotebookPage
from sessions_app.pages.notes import NotesPage
from sessions_app.pages.sessions import NewSessionPage, SessionsPage

urlpatterns = [
    path("", SessionsPage.as_view(), name="page-sessions"),
    path("sessions/<str:sid>/compare", ComparePage.as_view(), name="page-compare"),
    path("sessions/<str:sid>/all-notes", NotesPage.as_view(), name="page-notes"),
    path("sessions/new", NewSessionPage.as_view(), name="page-session-new"),
    path("notebook", NotebookPage.as_view(), name="page-notebook"),
    path("notebook/new", NewEntryPage.as_view(), name="page-entry-new"),
    path("notebook/<str:entry_id>", EntryPage.as_view(), name="page-entry"),
    path("notebook/<str:entry_id>/edit", EditEntryPage.as_view(), name="page-entry-edit"),
    path("log", LogPage.as_view(), name="page-log"),
    path("log/<str:log_id>/read", LogMark.as_view(), name="page-log-mark"),
]
