"""Refusals of the bench."""

from __future__ import annotations

from biolab.kernel.errors import Conflict


class SessionEnded(Conflict):
    """The session is over; what comes late needs another way."""

    default_code = "session_ended"


class SessionNotRunning(Conflict):
    """The session has not started yet, or rests."""

    default_code = "session_not_running"


class SessionImported(Conflict):
    """The session was read from an archive; nothing is ever added to it."""

    default_code = "session_imported"


class StepOutOfOrder(Conflict):
    """The protocol wants its steps in order."""

    default_code = "step_out_of_order"


class StepBlocked(Conflict):
    """Something that the step requires is missing; the facts say what, and which actions free it."""

    default_code = "step_blocked"


class ProtocolRetired(Conflict):
    """The protocol is kept for the record and runs no more."""

    default_code = "protocol_retired"


class EntryLocked(Conflict):
    """A signed notebook entry reads as it was signed, for good."""

    default_code = "entry_locked"


class LeavesByExport(Conflict):
    """What belongs to a session leaves the house through an approved export alone."""

    default_code = "leaves_by_export"
