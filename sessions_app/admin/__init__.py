"""The bench at the desk."""

from sessions_app.admin.equipment import CalibrationAdmin, EquipmentAdmin
from sessions_app.admin.logs import LogEntryAdmin
from sessions_app.admin.notebook import LabFileAdmin, NotebookEntryAdmin
from sessions_app.admin.notes import NoteAdmin
from sessions_app.admin.protocols import ProtocolAdmin
from sessions_app.admin.sessions import LabSessionAdmin
from sessions_app.admin.timeline import CheckpointAdmin, TimelineEventAdmin
from sessions_app.admin.transcripts import TranscriptAdmin

__all__ = [
    "CalibrationAdmin",
    "CheckpointAdmin",
    "EquipmentAdmin",
    "LabFileAdmin",
    "LabSessionAdmin",
    "LogEntryAdmin",
    "NoteAdmin",
    "NotebookEntryAdmin",
    "ProtocolAdmin",
    "TimelineEventAdmin",
    "TranscriptAdmin",
]
