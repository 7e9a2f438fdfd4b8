"""Coaching notes: who reads, writes and moderates them, and the history they keep."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from biolab.accounts.models import Membership, User
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.errors import Forbidden, Stale
from biolab.kernel.machine import MoveRefused
from governance_app.models import CoachingNote, OverrideAction
from governance_app.selectors.coaching import coaching_notes_for
from governance_app.services.coaching import edit_coaching_note, moderate_coaching_note
from governance_app.states import FLAG_NOTE, REMOVE_NOTE, RESOLVE_NOTE
from sessions_app.verification import verify_session
from tests.exports.doors import client_of
from tests.factories.governance import make_administrator
from tests.factories.overrides import OverrideBench, decide, make_coaching_note, make_override_bench
from tests.factories.sessions import NINE, make_member, make_team

pytestmark = pytest.mark.django_db

LATER = NINE + timedelta(minutes=5)


@pytest.fixture
def bench() -> OverrideBench:
    return make_override_bench()


@pytest.fixture
def override(bench: OverrideBench) -> OverrideAction:
    return decide(bench)


def told(bench: OverrideBench) -> list[str]:
    """Return what became of notes, as the timeline tells it."""
    events = bench.session.events.filter(kind="governance.coaching.note").order_by("sequence")
    return [event.payload["action"] for event in events]


def history(note: CoachingNote) -> list[tuple[str, str, str]]:
    return list(note.moderation.order_by("version").values_list("action", "state", "body"))


def path_of(override: OverrideAction) -> str:
    return f"/api/governance/overrides/{override.public_id}/coaching-notes"


def test_a_note_keeps_every_version_and_the_timeline_hears_of_each(
    bench: OverrideBench, override: OverrideAction
) -> None:
    note = make_coaching_note(override, bench.scientist, body="Ask sooner.")

    edit_coaching_note(note=note, body="Ask sooner, please.", by=bench.scientist, at=LATER, reason="Politer")
    moderate_coaching_note(note=note, move=FLAG_NOTE, by=bench.runner, at=LATER, reason="Is it fair?")
    moderate_coaching_note(note=note, move=RESOLVE_NOTE, by=make_administrator(), at=LATER)
    moderate_coaching_note(note=note, move=REMOVE_NOTE, by=bench.manager, at=LATER)

    assert history(note) == [
        ("written", "published", "Ask sooner."),
        ("edited", "published", "Ask sooner, please."),
        ("flagged", "flagged", "Ask sooner, please."),
        ("resolved", "resolved", "Ask sooner, please."),
        ("removed", "removed", "Ask sooner, please."),
    ]
    assert told(bench) == ["written", "edited", "flagged", "resolved", "removed"]
    assert verify_session(bench.session.pk).valid
    with pytest.raises(MoveRefused):
        moderate_coaching_note(note=note, move=FLAG_NOTE, by=bench.manager, at=LATER)


def test_the_timeline_never_carries_what_a_note_says(bench: OverrideBench, override: OverrideAction) -> None:
    make_coaching_note(override, bench.scientist, body="Confidential-ish")

    event = bench.session.events.get(kind="governance.coaching.note")

    assert "Confidential-ish" not in event.canonical
    assert len(event.payload["body_digest"]) == 64


def test_a_draft_is_its_authors_alone_until_it_is_published(bench: OverrideBench, override: OverrideAction) -> None:
    note = make_coaching_note(override, bench.scientist, draft=True)
    assert told(bench) == []
    assert [bool(coaching_notes_for(who)) for who in (bench.scientist, bench.manager, make_administrator())] == [
        True,
        False,
        False,
    ]

    edit_coaching_note(note=note, publish=True, by=bench.scientist, at=LATER)

    assert told(bench) == ["published"]
    assert coaching_notes_for(bench.manager).get() == note


def test_who_reads_and_who_writes(bench: OverrideBench, override: OverrideAction) -> None:
    note = make_coaching_note(override, bench.runner)
    observer = make_member(bench.team, Role.OBSERVER)
    viewer = make_member(bench.team, Role.OWNER, role_on_platform=PlatformRole.VIEWER)
    stranger = make_member(make_team("Another"), Role.OWNER)
    Membership.objects.filter(user__in=[bench.spare, bench.manager]).delete()  # target and actor, gone from the team

    seen, written = {}, {}
    people = {
        "observer": observer,
        "viewer": viewer,
        "stranger": stranger,
        "target": bench.spare,
        "actor": bench.manager,
    }
    for name, person in people.items():
        seen[name] = client_of(person).get(path_of(override)).status_code
        written[name] = client_of(person).post(path_of(override), {"body": "Well"}, format="json").status_code

    assert seen == {"observer": 200, "viewer": 200, "stranger": 404, "target": 200, "actor": 200}
    assert written == {"observer": 403, "viewer": 403, "stranger": 404, "target": 201, "actor": 201}
    assert CoachingNote.objects.exclude(pk=note.pk).count() == 2


def test_only_its_author_edits_and_only_moderators_moderate(bench: OverrideBench, override: OverrideAction) -> None:
    note = make_coaching_note(override, bench.runner)

    with pytest.raises(Forbidden):
        edit_coaching_note(note=note, body="Mine now", by=bench.manager, at=LATER)
    for move in (FLAG_NOTE, RESOLVE_NOTE, REMOVE_NOTE):
        with pytest.raises(Forbidden):
            moderate_coaching_note(note=note, move=move, by=bench.scientist, at=LATER)

    note.refresh_from_db()
    assert (note.version, note.moderation_state, told(bench)) == (1, "published", ["written"])


def test_authors_remove_their_own_until_somebody_flags_it(bench: OverrideBench, override: OverrideAction) -> None:
    mine, flagged = (make_coaching_note(override, bench.scientist) for _ in range(2))
    moderate_coaching_note(note=flagged, move=FLAG_NOTE, by=bench.runner, at=LATER)

    moderate_coaching_note(note=mine, move=REMOVE_NOTE, by=bench.scientist, at=LATER)
    with pytest.raises(Forbidden):
        moderate_coaching_note(note=flagged, move=REMOVE_NOTE, by=bench.scientist, at=LATER)

    mine.refresh_from_db()
    flagged.refresh_from_db()
    assert (mine.moderation_state, flagged.moderation_state) == ("removed", "flagged")


def test_an_edit_of_what_changed_meanwhile_is_refused(bench: OverrideBench, override: OverrideAction) -> None:
    note = make_coaching_note(override, bench.scientist)
    edit_coaching_note(note=note, body="First", by=bench.scientist, at=LATER, version=1)

    with pytest.raises(Stale):
        edit_coaching_note(note=note, body="Second", by=bench.scientist, at=LATER, version=1)
    same = edit_coaching_note(note=note, body="First", by=bench.scientist, at=LATER, version=2)

    assert (same.version, same.body) == (2, "First")


def test_threads_by_the_doors(bench: OverrideBench, override: OverrideAction) -> None:
    client = client_of(bench.scientist)
    root = client.post(path_of(override), {"body": "Why so late?"}, format="json")
    answer = client_of(bench.runner).post(
        path_of(override), {"body": "The pump.", "parent_id": root.json()["id"]}, format="json"
    )
    deeper = client.post(path_of(override), {"body": "I see.", "parent_id": answer.json()["id"]}, format="json").json()

    listed = client.get(path_of(override)).json()

    assert root.status_code == 201 and root.json()["moderation_state"] == "published"
    assert deeper["thread_root_id"] == answer.json()["thread_root_id"] == root.json()["id"]
    assert [note["reply_count"] for note in listed] == [1, 1, 0]
    assert root.json()["moderation_history"][0]["state"] == "published"


def test_patch_flag_and_remove_by_the_doors(bench: OverrideBench, override: OverrideAction) -> None:
    author, moderator = client_of(bench.scientist), client_of(bench.runner)
    made = author.post(path_of(override), {"body": "Hm", "moderation_state": "draft"}, format="json")
    one = f"/api/governance/coaching-notes/{made.json()['id']}"

    assert moderator.post(f"{one}/flag", {}, format="json").status_code == 404  # a draft of somebody else
    published = author.patch(
        one, {"moderation_state": "published", "body": "Why?"}, format="json", headers={"If-Match": made["ETag"]}
    )
    stale = author.patch(one, {"body": "Why not?"}, format="json", headers={"If-Match": made["ETag"]})
    flagged = moderator.post(f"{one}/flag", {"reason": "Rude"}, format="json").json()
    removed = moderator.post(f"{one}/remove", {}, format="json").json()
    seen = author.get(path_of(override)).json()[0]

    assert published.json()["moderation_state"] == "published" and stale.status_code == 412
    assert flagged["moderation_history"][-1]["reason"] == "Rude"
    assert removed["body"] == "Why?" and seen["body"] == ""
    assert [entry["state"] for entry in seen["moderation_history"]] == ["draft", "published", "flagged", "removed"]
    assert author.patch(one, {"body": "Back"}, format="json").status_code == 409
    assert moderator.post(f"{one}/resolve", {}, format="json").status_code == 409


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"body": "  "}, 422),
        ({}, 422),
        ({"body": "x" * 20_001}, 422),
        ({"body": "x", "moderation_state": "removed"}, 422),
        ({"body": "x", "parent_id": "coach_01h455vb4pex5vsknk084sn02q"}, 404),
    ],
)
def test_a_note_that_cannot_be_kept_is_refused(
    bench: OverrideBench, override: OverrideAction, body: Any, status: int
) -> None:
    answer = client_of(bench.runner).post(path_of(override), body, format="json")

    assert answer.status_code == status
    assert not CoachingNote.objects.exists() and told(bench) == []


def test_a_person_keeps_the_name_under_which_they_moderated(bench: OverrideBench, override: OverrideAction) -> None:
    note = make_coaching_note(override, bench.scientist)
    moderate_coaching_note(note=note, move=FLAG_NOTE, by=bench.runner, at=LATER)
    name = bench.runner.printed_name

    User.objects.filter(pk=bench.runner.pk).update(full_name="Another Name")

    assert [entry.actor_name for entry in note.moderation.order_by("version")][-1] == name
