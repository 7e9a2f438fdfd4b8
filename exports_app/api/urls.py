"""Paths of exports."""

from typing import Final

from django.urls import path

from exports_app.api import artifacts, deck_urls, dossiers, exports, guardrails, ladders

SESSION: Final = "api/experiment-console/sessions/<str:sid>/exports/narrative"
DESK: Final = "api/governance/exports/<str:eid>"

urlpatterns = [
    *deck_urls.urlpatterns,
    path(SESSION, exports.ExportsDoor.as_view()),
    path(f"{SESSION}/<str:eid>", exports.ExportDoor.as_view()),
    path(f"{SESSION}/<str:eid>/diff", exports.DiffDoor.as_view()),
    path(f"{SESSION}/<str:eid>/dossier.html", dossiers.DossierPageDoor.as_view()),
    path(f"{SESSION}/<str:eid>/dossier.pdf", dossiers.DossierPdfDoor.as_view()),
    path(f"{SESSION}/<str:eid>/artifact", artifacts.ArtifactDoor.as_view()),
    path(f"{SESSION}/<str:eid>/artifact.tsr", artifacts.TimeStampDoor.as_view()),
    path(f"{SESSION}/<str:eid>/approve", ladders.SignDoor.as_view()),
    path(f"{SESSION}/<str:eid>/withdraw", ladders.WithdrawDoor.as_view()),
    path(f"{SESSION}/<str:eid>/stages/<str:stage_id>/delegate", ladders.DelegateDoor.as_view()),
    path(f"{SESSION}/<str:eid>/stages/<str:stage_id>/reset", ladders.ResetDoor.as_view()),
    path(f"{SESSION}/<str:eid>/stages/<str:stage_id>/comment", ladders.CommentDoor.as_view()),
    path("api/experiment-console/exports/narrative/jobs", exports.JobsDoor.as_view()),
    path("api/experiment-console/exports/narrative/signed/<str:link>", artifacts.SignedArtifactDoor.as_view()),
    path("api/governance/guardrails/health", guardrails.GuardrailHealthDoor.as_view()),
    path(DESK, ladders.DeskDoor.as_view()),
    path(f"{DESK}/approve", ladders.SignDoor.as_view()),
    path(f"{DESK}/stages/<str:stage_id>/delegate", ladders.DelegateDoor.as_view()),
    path(f"{DESK}/stages/<str:stage_id>/reset", ladders.ResetDoor.as_view()),
    path(f"{DESK}/stages/<str:stage_id>/comment", ladders.CommentDoor.as_view()),
    path("api/verify", artifacts.VerifyDoor.as_view()),
]
