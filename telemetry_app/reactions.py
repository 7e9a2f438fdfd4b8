"""What the instruments do when something happens at the bench."""

from __future__ import annotations

from sessions_app.facts import SessionAborted, SessionCompleted, SessionMoved
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.timeline import reacts_to
from telemetry_app.models import Alarm
from telemetry_app.services.alarms import close_alarms
from telemetry_app.services.figures import note_figures
from telemetry_app.services.sealing import seal_readings


@reacts_to(SessionCompleted, SessionAborted)
def seal_when_the_session_ends(session: LabSession, event: TimelineEvent, fact: SessionMoved) -> None:
    """Seal the readings in the transaction that ends the session; open batches are in, later ones are refused."""
    seal_readings(session=session, at=event.occurred_at)


@reacts_to(SessionCompleted, SessionAborted)
def close_alarms_when_the_session_ends(session: LabSession, event: TimelineEvent, fact: SessionMoved) -> None:
    """Close what is open: nothing is watched any more."""
    close_alarms(Alarm.objects.filter(session=session), at=event.occurred_at)


@reacts_to(SessionCompleted, SessionAborted)
def take_figures_when_the_session_ends(session: LabSession, event: TimelineEvent, fact: SessionMoved) -> None:
    """Leave the statistics and the quality metrics of the whole session as evidence to attach."""
    note_figures(session=session, at=event.occurred_at)
