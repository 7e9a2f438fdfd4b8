"""Paths of the bench."""

from __future__ import annotations

from typing import Final

from django.urls import URLPattern, path

from sessions_app.api import bench_urls, controllers_urls
from sessions_app.api.console import ConsoleSessionDoor, ConsoleSessionsDoor, SessionMoveDoor
from sessions_app.api.console_steps import StepAdvanceDoor, StepDoor
from sessions_app.api.console_timeline import TimelineDoor, TimelineVerifyDoor
from sessions_app.api.protocols import ProtocolDoor, ProtocolsDoor, ProtocolVersionsDoor
from sessions_app.states import SESSION_MACHINE

CONSOLE: Final = "api/experiment-console/sessions"
ONE: Final = f"{CONSOLE}/<str:execution_id>"

urlpatterns: list[URLPattern] = [
    path(CONSOLE, ConsoleSessionsDoor.as_view(), name="console-sessions"),
    path(ONE, ConsoleSessionDoor.as_view(), name="console-session"),
    *(
        path(f"{ONE}/{move.name}", SessionMoveDoor.as_view(move=move), name=f"console-session-{move.name}")
        for move in SESSION_MACHINE.moves
    ),
    path(f"{ONE}/steps/<int:index>", StepDoor.as_view(), name="console-step"),
    path(f"{ONE}/steps/<int:index>/advance", StepAdvanceDoor.as_view(), name="console-step-advance"),
    path(f"{ONE}/timeline", TimelineDoor.as_view(), name="console-timeline"),
    path(f"{ONE}/timeline/verify", TimelineVerifyDoor.as_view(), name="console-timeline-verify"),
    path("api/protocols", ProtocolsDoor.as_view(), name="protocols"),
    path("api/protocols/<str:protocol_id>", ProtocolDoor.as_view(), name="protocol"),
    path("api/protocols/<str:protocol_id>/versions", ProtocolVersionsDoor.as_view(), name="protocol-versions"),
    *bench_urls.urlpatterns,
    *controllers_urls.urlpatterns,
]
