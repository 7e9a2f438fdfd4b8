"""What the tests of the exports' doors share."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from biolab.accounts.models import User
from exports_app.models import NarrativeExport
from sessions_app.models import LabSession
from tests.factories.governance import PASSWORD


def client_of(person: User | None) -> APIClient:
    """Return a client that speaks for the person; for nobody with None."""
    client = APIClient()
    if person is not None:
        client.force_authenticate(person)
    return client


def path_of(session: LabSession, export: NarrativeExport | str | None = None, *more: str) -> str:
    """Return the path of a session's exports, or of one of them and what is below it."""
    parts = ["/api/experiment-console/sessions", session.public_id, "exports/narrative"]
    if export is not None:
        parts.append(export if isinstance(export, str) else export.public_id)
    return "/".join([*parts, *more])


def signature(person: User, **changes: Any) -> dict[str, Any]:
    """Return the body of an approval by the person."""
    return {"status": "approved", "signature": person.printed_name, "password": PASSWORD, **changes}


def count_of(session: LabSession) -> tuple[int, int]:
    """Return how many events and exports the session has: what a refusal must leave alone."""
    return session.events.count(), session.narrative_exports.count()
