"""The bench's pages."""

from django.urls import path

from sessions_app.comparison_pages import ComparePage
from sessions_app.pages import NewSessionPage, SessionsPage

urlpatterns = [
    path("", SessionsPage.as_view(), name="page-sessions"),
    path("sessions/<str:sid>/compare", ComparePage.as_view(), name="page-compare"),
    path("sessions/new", NewSessionPage.as_view(), name="page-session-new"),
]
