"""Pages of a session whole."""

from django.urls import path

from exports_app.pages.archives import CheckArchive, Evidence, Requeue
from exports_app.pages.crew import ChangeCrew
from exports_app.pages.decks import MakeDeck
from exports_app.pages.exports import AskExport, Dossier, Sign, Waiting
from exports_app.pages.files import SendFile
from exports_app.pages.guardrails import MakePreview, RunGuardrails
from exports_app.pages.notes import NotePage
from exports_app.pages.session import (
    AcknowledgeAlarm,
    MoveSession,
    MoveStep,
    Panel,
    RemediateStep,
    SessionPage,
    WriteNote,
)
from exports_app.pages.speech import ConfirmSpeech, RetrySpeech, SendRecording
from exports_app.pages.verify import VerifyPage

urlpatterns = [
    path("sessions/<str:sid>", SessionPage.as_view(), name="page-session"),
    path("sessions/<str:sid>/panels/<str:name>", Panel.as_view(), name="page-panel"),
    path("sessions/<str:sid>/moves/<str:name>", MoveSession.as_view(), name="page-move"),
    path("sessions/<str:sid>/steps/<int:index>", MoveStep.as_view(), name="page-step"),
    path("sessions/<str:sid>/steps/<int:index>/remediate", RemediateStep.as_view(), name="page-remediate"),
    path("sessions/<str:sid>/crew", ChangeCrew.as_view(), name="page-crew"),
    path("sessions/<str:sid>/notes", WriteNote.as_view(), name="page-note"),
    path("sessions/<str:sid>/notes/<str:nid>", NotePage.as_view(), name="page-note-one"),
    path("sessions/<str:sid>/files", SendFile.as_view(), name="page-files"),
    path("sessions/<str:sid>/speech", SendRecording.as_view(), name="page-speech"),
    path("sessions/<str:sid>/speech/<str:tid>/confirm", ConfirmSpeech.as_view(), name="page-speech-confirm"),
    path("sessions/<str:sid>/speech/<str:tid>/retry", RetrySpeech.as_view(), name="page-speech-retry"),
    path("sessions/<str:sid>/alarms/<str:alarm_id>", AcknowledgeAlarm.as_view(), name="page-alarm"),
    path("sessions/<str:sid>/exports", AskExport.as_view(), name="page-exports"),
    path("sessions/<str:sid>/exports/<str:eid>", Dossier.as_view(), name="page-dossier"),
    path("sessions/<str:sid>/exports/<str:eid>/sign", Sign.as_view(), name="page-sign"),
    path("sessions/<str:sid>/exports/<str:eid>/checks", CheckArchive.as_view(), name="page-archive-checks"),
    path("sessions/<str:sid>/exports/<str:eid>/requeue", Requeue.as_view(), name="page-requeue"),
    path("sessions/<str:sid>/evidence", Evidence.as_view(), name="page-evidence"),
    path("sessions/<str:sid>/deck", MakeDeck.as_view(), name="page-deck"),
    path("sessions/<str:sid>/preview", MakePreview.as_view(), name="page-preview"),
    path("sessions/<str:sid>/guardrails", RunGuardrails.as_view(), name="page-guardrails"),
    path("verify", VerifyPage.as_view(), name="page-verify"),
    path("waiting", Waiting.as_view(), name="page-waiting"),
]
