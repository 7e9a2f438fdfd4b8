"""The tables of the bench."""

from sessions_app.models.log import LogEntry
from sessions_app.models.note import Note, NoteVersion
from sessions_app.models.protocol import Protocol, ProtocolVersion
from sessions_app.models.session import LabSession
from sessions_app.models.step import Step
from sessions_app.models.timeline import Checkpoint, TimelineEvent

__all__ = [
    "Checkpoint",
    "LabSession",
    "LogEntry",
    "Note",
    "NoteVersion",
    "Protocol",
    "ProtocolVersion",
    "Step",
    "TimelineEvent",
]
