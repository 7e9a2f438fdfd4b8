"""What the panels of the session page show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.db.models import OuterRef, Subquery

from biolab.accounts.models import User
from biolab.accounts.policies import role_in
from biolab.accounts.roles import RIGHTS, PlatformRole, Right
from exports_app.pages.blocks import shown_block
from exports_app.pages.foresight import preview
from exports_app.pages.shelf import exports
from sessions_app import ports
from sessions_app.gates import PARAMETERS
from sessions_app.models import LabFile, LabSession, NoteVersion
from sessions_app.selectors import notebook_of
from sessions_app.states import DONE_STEPS, SESSION_MACHINE, NoteType
from sessions_app.step_gates import blocks_of
from telemetry_app.alarms import alarms_of

NOTES_SHOWN: Final = 100
EVENTS_SHOWN: Final = 60
ALARMS_SHOWN: Final = 20
FILES_SHOWN: Final = 50
SPEECH_SHOWN: Final = 50

PanelContext = Callable[[LabSession, User, datetime], dict[str, Any]]


def rights_in(session: LabSession, person: User) -> frozenset[Right]:
    """Return what the person may do in the session's team."""
    role = role_in(person, session.team_id)
    if role is None or person.role == PlatformRole.VIEWER:
        return frozenset({Right.READ})
    return RIGHTS[role]


def head(session: LabSession, person: User, at: datetime) -> dict[str, Any]:
    """The title and the moves that are open to this person."""
    rights = rights_in(session, person)
    moves = [
        move
        for move in SESSION_MACHINE.open_moves(session)
        if (Right.ABORT if move.name == "abort" else Right.RUN) in rights
    ]
    told = {name: value for name, value in session.parameters.items() if name not in PARAMETERS}
    return {
        "moves": moves,
        "parameters": told,
        "crew": list(session.crew.order_by("pk")),
        "may_crew": Right.RUN in rights and not session.is_ended,
    }


def steps(session: LabSession, person: User, at: datetime) -> dict[str, Any]:
    """The steps, each with what blocks it and would free it, and how many are done."""
    rows = list(session.steps.select_related("completed_by").order_by("index"))
    blocks, role = blocks_of(session, rows, at=at), role_in(person, session.team_id)
    shown = {index: shown_block(block, role) for index, block in blocks.items()}
    return {
        "steps": [(step, shown.get(step.index)) for step in rows],
        "done_count": sum(step.status in DONE_STEPS for step in rows),
        "may_run": Right.RUN in rights_in(session, person),
    }


def notes(session: LabSession, person: User, at: datetime) -> dict[str, Any]:
    """The newest notes that stand."""
    last = NoteVersion.objects.filter(note=OuterRef("pk")).order_by("-version")
    newest = session.notes.standing().annotate(why=Subquery(last.values("reason")[:1])).order_by("-timestamp", "-id")
    rows = list(newest.select_related("speech").defer("speech__words")[: NOTES_SHOWN + 1])
    return {
        "notes": rows[:NOTES_SHOWN],
        "more_notes": len(rows) > NOTES_SHOWN,
        "may_run": Right.RUN in rights_in(session, person),
    }


def speech(session: LabSession, person: User, at: datetime) -> dict[str, Any]:
    """The newest recordings and what was heard in them."""
    newest = session.transcripts.select_related("asked_by", "reviewed_by").defer("words").order_by("-created_at", "-id")
    rows = list(newest[: SPEECH_SHOWN + 1])
    return {
        "recordings": rows[:SPEECH_SHOWN],
        "more_recordings": len(rows) > SPEECH_SHOWN,
        "may_run": Right.RUN in rights_in(session, person),
    }


def notebook(session: LabSession, person: User, at: datetime) -> dict[str, Any]:
    """The session's notebook entries."""
    return {"entries": list(notebook_of(session)), "may_run": Right.RUN in rights_in(session, person)}


def files(session: LabSession, person: User, at: datetime) -> dict[str, Any]:
    """The newest files of the session."""
    newest = LabFile.objects.filter(session=session).select_related("created_by").order_by("-created_at", "-id")
    rows = list(newest[: FILES_SHOWN + 1])
    return {
        "files": rows[:FILES_SHOWN],
        "more_files": len(rows) > FILES_SHOWN,
        "may_run": Right.RUN in rights_in(session, person),
    }


def alarms(session: LabSession, person: User, at: datetime) -> dict[str, Any]:
    """The alarms, those first that wait for somebody's word."""
    return {
        "alarms": list(alarms_of(session)[:ALARMS_SHOWN]),
        "may_run": Right.RUN in rights_in(session, person),
    }


def timeline(session: LabSession, person: User, at: datetime) -> dict[str, Any]:
    """The newest events."""
    rows = list(session.events.order_by("-sequence")[:EVENTS_SHOWN])
    return {"events": rows, "more_events": session.head_sequence > len(rows)}


PANELS: Final[dict[str, tuple[str, PanelContext]]] = {
    "head": ("sessions/panels/head.html", head),
    "steps": ("sessions/panels/steps.html", steps),
    "notes": ("sessions/panels/notes.html", notes),
    "speech": ("sessions/panels/speech.html", speech),
    "notebook": ("sessions/panels/notebook.html", notebook),
    "files": ("sessions/panels/files.html", files),
    "alarms": ("telemetry/alarms_panel.html", alarms),
    "timeline": ("sessions/panels/timeline.html", timeline),
    "exports": ("exports/panel.html", exports),
    "preview": ("exports/preview.html", preview),
}


def whole(session: LabSession, person: User, at: datetime) -> dict[str, Any]:
    """Everything of the page."""
    context: dict[str, Any] = {"note_types": NoteType.choices, "channels": ports.readings().channels(session)}
    for _, build in PANELS.values():
        context |= build(session, person, at)
    return context
