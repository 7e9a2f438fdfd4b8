"""What the bench does when something happens at it: the controllers' log, and whom remediation tells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from biolab.accounts.models import User
from biolab.accounts.roles import Right
from biolab.accounts.selectors import people_who_may
from biolab.accounts.services.notifications import notify
from biolab.accounts.states import Category, Priority
from biolab.kernel.canonical import sha256
from sessions_app.facts import RemediationExecuted, SessionAborted, SessionCompleted, SessionMoved, SessionStarted
from sessions_app.gates import MAINTAIN, NOTIFY, split_action
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.policies import people_who_approve
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


@reacts_to(RemediationExecuted)
def tell_whom_the_step_waits_for(session: LabSession, event: TimelineEvent, fact: RemediationExecuted) -> None:
    """Tell approvers and those who see to the equipment, each of one thing at most once a day."""
    for result in fact.results:
        verb, subject = split_action(result["action"])
        if result["status"] != "scheduled":
            continue
        people: Iterable[User]
        if verb == NOTIFY:
            people, title = people_who_approve(subject, session.team_id), f"Approval needed: {subject}"
        elif verb == MAINTAIN:
            people = people_who_may(Right.EDIT_PROTOCOLS, session.team_id)
            title = f"Calibration overdue: {subject}"
        else:
            continue
        about = f"{session.pk.hex}:{fact.step_index}:{result['action']}"
        notify(
            people,
            title=title,
            message=f"Step {fact.step_index + 1} of “{session.name}”, “{fact.instruction}”, waits for it.",
            category=Category.COMPLIANCE,
            priority=Priority.HIGH,
            action_url=f"/sessions/{session.public_id}#steps",
            meta={"execution_id": session.public_id, "step_index": fact.step_index, "action": result["action"]},
            key=f"{event.occurred_at:%Y-%m-%d}:{sha256(about.encode())}",
            at=event.occurred_at,
        )
