"""Paths of what controllers know of the bench; a log has two names, for there are two generations of them."""

from __future__ import annotations

from django.urls import path

from sessions_app.api.experiments import ExperimentDoor, ExperimentsDoor, ExperimentStopDoor
from sessions_app.api.logs import LogDoor, LoggingDoor, LogsDoor

EXPERIMENTS = "api/v1/experiments"

urlpatterns = [
    path(EXPERIMENTS, ExperimentsDoor.as_view(), name="experiments"),
    path(f"{EXPERIMENTS}/<str:experiment_id>", ExperimentDoor.as_view(), name="experiment"),
    path(f"{EXPERIMENTS}/<str:experiment_id>/stop", ExperimentStopDoor.as_view(), name="experiment-stop"),
    path("api/v1/logs", LogsDoor.as_view(), name="logs"),
    path("api/v1/logs/<str:log_id>", LogDoor.as_view(), name="log"),
    path("api/v1/logging", LoggingDoor.as_view(), name="logging"),
    path("api/v1/logging/<str:log_id>", LogDoor.as_view(), name="logging-entry"),
]
