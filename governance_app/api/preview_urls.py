"""Paths of previews and guardrails."""

from typing import Final

from django.urls import path

from governance_app.api import previews

SIMULATIONS: Final = "api/governance/guardrails/simulations"

urlpatterns = [
    path("api/experiments/<str:execution_id>/preview", previews.PreviewDoor.as_view()),
    path(SIMULATIONS, previews.SimulationsDoor.as_view()),
    path(f"{SIMULATIONS}/<str:simulation_id>", previews.SimulationDoor.as_view()),
    path(f"{SIMULATIONS}/<str:simulation_id>/waive", previews.WaiveDoor.as_view()),
]
