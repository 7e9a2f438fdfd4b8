"""The bench's pages."""

from django.urls import path

from sessions_app.comparison_pages import ComparePage
from sessions_app.log_pages import LogMark, LogPage
from sessions_app.pages import NewSessionPage, SessionsPage

urlpatterns = [
    path("", SessionsPage.as_view(), name="page-sessions"),
    path("sessions/<str:sid>/compare", ComparePage.as_view(), name="page-compare"),
    path("sessions/new", NewSessionPage.as_view(), name="page-session-new"),
    path("log", LogPage.as_view(), name="page-log"),
    path("log/<str:log_id>/read", LogMark.as_view(), name="page-log-mark"),
]
