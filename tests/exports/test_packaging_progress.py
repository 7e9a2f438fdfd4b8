"""How far a packing is reaches whoever watches the session."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from biolab.accounts.services.tokens import issue_token
from exports_app.services.packaging import PROGRESS, pack_export
from sessions_app.live.threads import in_thread
from tests.factories.exports import approve, make_export, make_export_bench
from tests.sessions.socket_kit import socket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite_only]


@in_thread
def scene() -> tuple[Any, Any, str]:
    bench = make_export_bench(readings=20)
    export = approve(make_export(bench), bench)
    token = issue_token(owner=bench.asker, name="probe", by=None, at=timezone.now())[1]
    return bench.session, export, token


async def test_progress_reaches_the_sessions_socket_and_the_end_is_an_event() -> None:
    session, export, token = await scene()

    async with socket(f"/ws/sessions/{session.public_id}?token={token}") as opened:
        await opened.until("connected")
        await in_thread(pack_export)(export_id=export.pk, clock=timezone.now)
        seen: dict[str, Any] = {}
        while "narrative_export.packaging.ready" not in seen or PROGRESS not in seen:
            frame = await opened.frame()
            seen[frame.get("event", "")] = frame

    assert seen[PROGRESS]["data"] == {"export_id": export.public_id, "version": 1, "progress": 1.0}
    assert "sequence" not in seen[PROGRESS] or seen[PROGRESS]["sequence"] is None
    assert seen["narrative_export.packaging.ready"]["data"]["attempt"] == 1
