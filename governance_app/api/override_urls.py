"""Paths of overrides, coaching notes and decisions."""

from django.urls import path

from governance_app.api.coaching import CoachingNoteDoor, CoachingNotesDoor, ModerateDoor
from governance_app.api.overrides import DecideDoor, DecisionsDoor, ReverseDoor
from governance_app.states import FLAG_NOTE, REMOVE_NOTE, RESOLVE_NOTE, OverrideStatus

ONE = "api/governance/recommendations/override/<str:recommendation_id>"
NOTE = "api/governance/coaching-notes/<str:note_id>"
DECISIONS = {
    "accept": OverrideStatus.ACCEPTED,
    "decline": OverrideStatus.DECLINED,
    "execute": OverrideStatus.EXECUTED,
}

urlpatterns = [
    *(path(f"{ONE}/{verb}", DecideDoor.as_view(decision=decision)) for verb, decision in DECISIONS.items()),
    path(f"{ONE}/reverse", ReverseDoor.as_view()),
    path("api/governance/overrides/<str:override_id>/coaching-notes", CoachingNotesDoor.as_view()),
    path(NOTE, CoachingNoteDoor.as_view()),
    *(path(f"{NOTE}/{move.name}", ModerateDoor.as_view(move=move)) for move in (FLAG_NOTE, RESOLVE_NOTE, REMOVE_NOTE)),
    path("api/experiment-console/governance/timeline", DecisionsDoor.as_view()),
]
