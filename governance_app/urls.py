"""Governance's pages at the bench."""

from django.urls import path

from governance_app.pages.baselines import CompareBaseline, DecideBaseline, OneBaseline, SessionBaseline
from governance_app.pages.decisions import (
    DecideAdvice,
    Decisions,
    ModerateCoachingNote,
    TakeBackOverride,
    WriteCoachingNote,
)

DECISIONS = "sessions/<str:sid>/decisions"

urlpatterns = [
    path(DECISIONS, Decisions.as_view(), name="page-decisions"),
    path(f"{DECISIONS}/advice/<str:recommendation_id>", DecideAdvice.as_view(), name="page-advice"),
    path(f"{DECISIONS}/<str:override_id>/notes", WriteCoachingNote.as_view(), name="page-coaching-note"),
    path(f"{DECISIONS}/<str:override_id>/reverse", TakeBackOverride.as_view(), name="page-take-back"),
    path(f"{DECISIONS}/notes/<str:note_id>/<str:name>", ModerateCoachingNote.as_view(), name="page-moderate-note"),
    path("sessions/<str:sid>/baseline", SessionBaseline.as_view(), name="page-session-baseline"),
    path("baselines/<str:bid>", OneBaseline.as_view(), name="page-baseline"),
    path("baselines/<str:bid>/compare", CompareBaseline.as_view(), name="page-baseline-compare"),
    path("baselines/<str:bid>/moves/<str:name>", DecideBaseline.as_view(), name="page-baseline-move"),
]
