"""The bench at the desk."""

from sessions_app.admin.logs import LogEntryAdmin
from sessions_app.admin.protocols import ProtocolAdmin
from sessions_app.admin.sessions import LabSessionAdmin
from sessions_app.admin.timeline import CheckpointAdmin, TimelineEventAdmin

__all__ = ["CheckpointAdmin", "LabSessionAdmin", "LogEntryAdmin", "ProtocolAdmin", "TimelineEventAdmin"]
