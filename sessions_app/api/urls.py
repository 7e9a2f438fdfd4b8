"""Paths of the bench."""

from __future__ import annotations

from typing import Final

from django.urls import URLPattern, path

from sessions_app.api import bench_urls, controllers_urls
from sessions_app.api.console import ConsoleSessionDoor, ConsoleSessionsDoor, SessionMoveDoor
from sessions_app.api.console_compare import CompareDoor
from sessions_app.api.console_crew import CrewDoor, CrewMemberDoor
from sessions_app.api.console_holds import LegalHoldDoor
from sessions_app.api.console_remediation import StepRemediateDoor
from sessions_app.api.console_steps import StepAdvanceDoor, StepDoor
from sessions_app.api.console_timeline import TimelineDoor, TimelineVerifyDoor
from sessions_app.api.equipment import CalibrationsDoor, EquipmentDoor, EquipmentListDoor
from sessions_app.api.evidence import DataEvidenceDoor, EntryEvidenceDoor
from sessions_app.api.files import FileDoor, FileDownloadDoor, FilesDoor, FileThumbnailDoor
from sessions_app.api.notebook import EntriesDoor, EntryDoor, EntryExportDoor, EntryVersionsDoor, SignEntryDoor
from sessions_app.api.protocols import ProtocolDoor, ProtocolsDoor, ProtocolVersionsDoor
from sessions_app.states import ENTRY_MACHINE, SESSION_MACHINE

CONSOLE: Final = "api/experiment-console/sessions"
ONE: Final = f"{CONSOLE}/<str:execution_id>"
ENTRIES: Final = "api/notebook/entries"

urlpatterns: list[URLPattern] = [
    path(CONSOLE, ConsoleSessionsDoor.as_view(), name="console-sessions"),
    path(ONE, ConsoleSessionDoor.as_view(), name="console-session"),
    *(
        path(f"{ONE}/{move.name}", SessionMoveDoor.as_view(move=move), name=f"console-session-{move.name}")
        for move in SESSION_MACHINE.moves
    ),
    path(f"{ONE}/crew", CrewDoor.as_view(), name="console-crew"),
    path(f"{ONE}/crew/<str:user_id>", CrewMemberDoor.as_view(), name="console-crew-member"),
    path(f"{ONE}/legal-hold", LegalHoldDoor.as_view(), name="console-legal-hold"),
    path(f"{ONE}/compare", CompareDoor.as_view(), name="console-compare"),
    path(f"{ONE}/steps/<int:index>", StepDoor.as_view(), name="console-step"),
    path(f"{ONE}/steps/<int:index>/advance", StepAdvanceDoor.as_view(), name="console-step-advance"),
    path(f"{ONE}/steps/<int:index>/remediate", StepRemediateDoor.as_view(), name="console-step-remediate"),
    path(f"{ONE}/timeline", TimelineDoor.as_view(), name="console-timeline"),
    path(f"{ONE}/timeline/verify", TimelineVerifyDoor.as_view(), name="console-timeline-verify"),
    path("api/protocols", ProtocolsDoor.as_view(), name="protocols"),
    path("api/protocols/<str:protocol_id>", ProtocolDoor.as_view(), name="protocol"),
    path("api/protocols/<str:protocol_id>/versions", ProtocolVersionsDoor.as_view(), name="protocol-versions"),
    path("api/equipment", EquipmentListDoor.as_view(), name="equipment"),
    path("api/equipment/<str:equipment_id>", EquipmentDoor.as_view(), name="equipment-one"),
    path("api/equipment/<str:equipment_id>/calibrations", CalibrationsDoor.as_view(), name="calibrations"),
    path(ENTRIES, EntriesDoor.as_view(), name="notebook-entries"),
    path(f"{ENTRIES}/evidence", EntryEvidenceDoor.as_view(), name="notebook-evidence"),
    path("api/data/evidence", DataEvidenceDoor.as_view(), name="data-evidence"),
    path(f"{ENTRIES}/<str:entry_id>", EntryDoor.as_view(), name="notebook-entry"),
    path(f"{ENTRIES}/<str:entry_id>/versions", EntryVersionsDoor.as_view(), name="notebook-entry-versions"),
    path(f"{ENTRIES}/<str:entry_id>/export", EntryExportDoor.as_view(), name="notebook-entry-export"),
    *(
        path(f"{ENTRIES}/<str:entry_id>/{move.name}", SignEntryDoor.as_view(move=move), name=f"notebook-{move.name}")
        for move in ENTRY_MACHINE.moves
    ),
    path("api/files", FilesDoor.as_view(), name="files"),
    path("api/files/<str:file_id>", FileDoor.as_view(), name="file"),
    path("api/files/<str:file_id>/download", FileDownloadDoor.as_view(), name="file-download"),
    path("api/files/<str:file_id>/thumbnail", FileThumbnailDoor.as_view(), name="file-thumbnail"),
    *bench_urls.urlpatterns,
    *controllers_urls.urlpatterns,
]
