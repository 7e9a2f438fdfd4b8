"""The console's words for the statuses of a session."""

from __future__ import annotations

from typing import Final

from sessions_app.states import SessionStatus

WORD_OF: Final[dict[str, str]] = {
    SessionStatus.PLANNED: "pending",
    SessionStatus.RUNNING: "in_progress",
    SessionStatus.PAUSED: "paused",
    SessionStatus.COMPLETED: "completed",
    SessionStatus.ABORTED: "aborted",
}
STATUS_OF: Final[dict[str, str]] = {word: str(status) for status, word in WORD_OF.items()}
