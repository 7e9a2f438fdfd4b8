"""The tables of the bench."""

from sessions_app.models.equipment import Calibration, Equipment
from sessions_app.models.file import LabFile
from sessions_app.models.imported import ImportedSession
from sessions_app.models.log import LogEntry
from sessions_app.models.note import Note, NoteVersion
from sessions_app.models.notebook import EntrySignature, EntryVersion, NotebookEntry
from sessions_app.models.protocol import Protocol, ProtocolVersion
from sessions_app.models.session import LabSession
from sessions_app.models.step import Step, StepApproval
from sessions_app.models.timeline import Checkpoint, TimelineEvent
from sessions_app.models.transcript import Transcript

__all__ = [
    "Calibration",
    "Checkpoint",
    "EntrySignature",
    "EntryVersion",
    "Equipment",
    "ImportedSession",
    "LabFile",
    "LabSession",
    "LogEntry",
    "Note",
    "NoteVersion",
    "NotebookEntry",
    "Protocol",
    "ProtocolVersion",
    "Step",
    "StepApproval",
    "TimelineEvent",
    "Transcript",
]
