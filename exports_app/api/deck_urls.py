"""Paths of decks."""

from django.urls import path

from exports_app.api import decks

urlpatterns = [
    path("api/v1/chat/generate", decks.OutlineDoor.as_view()),
    path("api/v1/slides/build", decks.BuildDoor.as_view()),
    path("api/v1/slides/jobs/<str:job_id>", decks.DeckJobDoor.as_view()),
    path("api/v1/slides/download", decks.DownloadDoor.as_view()),
    path("api/sessions/<str:sid>/deck", decks.SessionDeckDoor.as_view()),
]
