"""Notebook entries in any state, and files, made by the services."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from biolab.accounts.models import User
from sessions_app.models import LabFile, LabSession, NotebookEntry
from sessions_app.services.entry_signing import sign_entry
from sessions_app.services.files import keep_file
from sessions_app.services.notebook import write_entry
from sessions_app.states import SIGN_ENTRY
from tests.factories.governance import PASSWORD
from tests.factories.sessions import NINE

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00" + b"\x00" * 32


def make_entry(by: User, session: LabSession | None = None, **wish: Any) -> NotebookEntry:
    """Return a draft by the person in their first team, or of the session."""
    team = session.team if session is not None else by.teams.order_by("name").first()
    return write_entry(**{"team": team, "session": session, "by": by, "at": NINE, "title": "Feed plan", **wish})


def sign(entry: NotebookEntry, by: User, *, move: Any = SIGN_ENTRY, at: datetime = NINE, **changes: Any) -> Any:
    """Sign or witness the entry as the person; returns it."""
    given = {"signature": by.printed_name, "password": PASSWORD, **changes}
    return sign_entry(move=move, entry=entry, by=by, at=at, **given)


def make_file(by: User, session: LabSession | None = None, data: bytes = b"a,b\n1,2\n", **wish: Any) -> LabFile:
    """Return a file of the person's first team, or of the session."""
    team = session.team if session is not None else by.teams.order_by("name").first()
    asked = {"team": team, "session": session, "by": by, "at": NINE, "filename": "table.csv", **wish}
    return keep_file(pieces=[data], **asked)
