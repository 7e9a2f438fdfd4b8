"""The bench's pages."""

from django.urls import path

from sessions_app.pages import NewSessionPage, SessionsPage

urlpatterns = [
    path("", SessionsPage.as_view(), name="page-sessions"),
    path("sessions/new", NewSessionPage.as_view(), name="page-session-new"),
]
