"""What the bench does when something happens at it."""

from __future__ import annotations

from typing import Final

from sessions_app.facts import SessionAborted, SessionCompleted, SessionMoved, SessionStarted
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.services.logs import log_session
from sessions_app.timeline import reacts_to

TOLD: Final[dict[type[SessionMoved], str]] = {
    SessionStarted: "started",
    SessionCompleted: "stopped",
    SessionAborted: "was aborted",
}


@reacts_to(SessionStarted, SessionCompleted, SessionAborted)
def log_start_and_stop(session: LabSession, event: TimelineEvent, fact: SessionMoved) -> None:
    """Write a line into the log that controllers read."""
    log_session(session, TOLD[type(fact)], by=event.actor, at=event.occurred_at)
