"""A session's decisions: one list by the API, a page for people, and the buttons at the desk."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from governance_app.models import CoachingNote
from sessions_app.services.notes import write_note
from tests.exports.doors import client_of as api_client_of
from tests.factories.accounts import make_admin
from tests.factories.analytics import record_preview, store_overload
from tests.factories.overrides import OverrideBench, decide, make_coaching_note, make_override_bench
from tests.factories.overrides import reverse as take_back
from tests.factories.sessions import NINE, ProtocolFactory, make_member

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]

TIMELINE = "/api/experiment-console/governance/timeline"


@pytest.fixture
def bench() -> OverrideBench:
    return make_override_bench()


def client_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page_of(bench: OverrideBench, *more: str) -> str:
    return "/".join([f"/sessions/{bench.session.public_id}/decisions", *more])


def test_the_list_merges_what_was_decided_newest_first_and_loses_nothing_between_pages(bench: OverrideBench) -> None:
    override = decide(bench)
    for number in range(5):  # all at the same moment
        make_coaching_note(override, bench.scientist, body=f"Note {number}")
        write_note(session=bench.session, by=bench.runner, at=NINE, timestamp=NINE, content="Not a decision")
    take_back(bench)
    client, seen = api_client_of(bench.scientist), []
    query: dict[str, Any] = {"execution_id": bench.session.public_id, "limit": 2}

    while True:
        page = client.get(TIMELINE, query).json()
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        make_coaching_note(override, bench.scientist, body="Meanwhile")  # newer ones do not move the rest
        query["cursor"] = page["next_cursor"]

    sequences = [entry["sequence"] for entry in seen]
    assert sequences == sorted(set(sequences), reverse=True)
    assert [entry["entry_type"] for entry in seen] == [
        "override_action",
        "baseline_event",
        *["coaching_note"] * 5,
        "override_action",
        "baseline_event",
        "baseline_event",
    ]
    assert seen[0]["summary"] == "The override “reassign” on cadence_overload was reversed."


@pytest.mark.parametrize("query", [{}, {"execution_id": "sess_01h455vb4pex5vsknk084sn02q"}])
def test_the_list_is_of_one_session_that_the_person_sees(bench: OverrideBench, query: dict[str, str]) -> None:
    answer = api_client_of(bench.scientist).get(TIMELINE, query)

    assert answer.status_code == (404 if query else 422)


def test_the_page_shows_overrides_with_their_threads_and_takes_answers(bench: OverrideBench) -> None:
    override = decide(bench, notes="Too much at once")
    root = make_coaching_note(override, bench.scientist, body="<b>Why</b> so late?")
    client = client_of(bench.reviewer)

    sent = client.post(
        page_of(bench, override.public_id, "notes"), {"body": "The pump.", "parent": root.public_id}, follow=True
    )

    shown = sent.content.decode()
    assert "Too much at once" in shown and "&lt;b&gt;Why&lt;/b&gt; so late?" in shown and "The pump." in shown
    assert CoachingNote.objects.get(body="The pump.").thread_root == root
    assert client.get(page_of(bench), {"type": "coaching_note"}).status_code == 200


def test_the_page_tells_a_refusal_where_it_belongs(bench: OverrideBench) -> None:
    override = decide(bench)

    answer = client_of(bench.scientist).post(page_of(bench, override.public_id, "reverse"), {"notes": "No"})

    override.refresh_from_db()
    assert answer.status_code == 403 and "takes more standing" in answer.content.decode()
    assert override.status == "executed"


def test_the_page_moderates_and_takes_back(bench: OverrideBench) -> None:
    override = decide(bench)
    note = make_coaching_note(override, bench.scientist)
    lead = client_of(bench.runner)

    flagged = lead.post(page_of(bench, "notes", note.public_id, "flag"), {"reason": "Rude"})
    taken = lead.post(page_of(bench, override.public_id, "reverse"), {"notes": "Changed"})
    refused = client_of(bench.scientist).post(page_of(bench, "notes", note.public_id, "remove"))

    override.refresh_from_db()
    note.refresh_from_db()
    assert (flagged.status_code, taken.status_code, refused.status_code) == (302, 302, 403)
    assert (override.status, note.moderation_state) == ("reversed", "flagged")


@pytest.fixture
def advised(bench: OverrideBench) -> OverrideBench:
    """Return the bench with a reviewer who has too much to do."""
    cache.clear()
    record_preview(bench.session, (0, None, ()))
    store_overload(bench.session, ProtocolFactory(team=bench.team, by=bench.runner), bench.reviewer)
    return bench


def test_the_page_advises_and_who_may_decides_there(advised: OverrideBench) -> None:
    manager, events = client_of(advised.manager), advised.session.events.count()
    path = page_of(advised, "advice", advised.overload.id)
    choice = {"baseline": advised.baseline.public_id, "target": advised.spare.public_id}

    shown = manager.get(page_of(advised)).content.decode()
    written = advised.session.events.count()
    refused = client_of(advised.scientist).post(path, {**choice, "decision": "execute"})
    unsaid = manager.post(path, {"decision": "execute"})
    decided = manager.post(path, {**choice, "decision": "execute", "notes": "Nine wait"}, follow=True)

    assert "Give it to" in shown and written == events  # to look is not to tell
    assert "Give it to" not in client_of(advised.scientist).get(page_of(advised)).content.decode()
    assert (refused.status_code, unsaid.status_code) == (403, 422)
    assert "Executed by" in decided.content.decode()
    assert [row.notes for row in advised.session.override_actions.all()] == ["Nine wait"]


def test_an_observer_reads_the_page_and_finds_no_form(bench: OverrideBench) -> None:
    make_coaching_note(decide(bench), bench.scientist)

    page = client_of(make_member(bench.team, Role.OBSERVER)).get(page_of(bench)).content.decode()

    assert "Ask sooner next time." in page
    assert "Take back" not in page and 'name="body"' not in page


def test_the_desk_takes_back_and_moderates_by_its_buttons(bench: OverrideBench) -> None:
    override = decide(bench)
    note = make_coaching_note(override, bench.scientist)
    desk = client_of(make_admin())

    desk.post(reverse("admin:governance_app_overrideaction_reverse", args=[override.pk]), {"reason": "Audit finding"})
    desk.post(reverse("admin:governance_app_coachingnote_remove", args=[note.pk]), {"reason": "Off topic"})
    page = desk.get(reverse("admin:governance_app_overrideaction_change", args=[override.pk])).content.decode()

    override.refresh_from_db()
    note.refresh_from_db()
    assert (override.status, override.reversal.notes) == ("reversed", "Audit finding")
    assert note.moderation_state == "removed" and note.moderation.order_by("version").last().reason == "Off topic"
    assert "administrator" in page and "reviewer_ids" in page
