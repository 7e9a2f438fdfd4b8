"""Notes: every version kept, every change on the timeline, late ones marked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from biolab.kernel.errors import Forbidden, Invalid, Missing, Stale
from sessions_app import ports
from sessions_app.errors import SessionEnded
from sessions_app.models import LabSession, Note, NoteVersion, TimelineEvent
from sessions_app.ports import Anomaly, ChannelEnvelope, ChannelSummary, ReadingValue
from sessions_app.services.notes import append_note, correct_note, withdraw_note, write_note
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team

pytestmark = pytest.mark.django_db

LATER = NINE + timedelta(hours=1)


@pytest.fixture
def lead() -> User:
    return make_member(make_team(), Role.LEAD)


@pytest.fixture
def session(lead: User) -> LabSession:
    return SessionFactory(team=lead.teams.get(), by=lead)


def ended(lead: User) -> LabSession:
    return SessionFactory(team=lead.teams.get(), by=lead, completed=True)


def written(session: LabSession, by: User, **changes: Any) -> Note:
    wish = {"at": NINE, "timestamp": NINE, "content": "Motor current rising", "speaker": "Engineer A", **changes}
    return write_note(session=session, by=by, **wish)


def everything() -> list[list[tuple[Any, ...]]]:
    tables = (LabSession, Note, NoteVersion, TimelineEvent)
    return [list(table.objects.order_by("pk").values_list()) for table in tables]


def last_event(session: LabSession) -> TimelineEvent:
    return session.events.order_by("-sequence")[0]


def test_a_note_is_kept_with_its_first_version_and_told_on_the_timeline(session: LabSession, lead: User) -> None:
    note = written(session, lead, tags=["motor", " current ", "motor", ""], telemetry_snapshot={"current": 2.3})

    event = last_event(session)

    assert (note.version, note.late_entry, note.tags) == (1, False, ["motor", "current"])
    assert event.kind == "note.created"
    assert event.payload["note_id"] == note.public_id
    assert event.payload["content"] == "Motor current rising"
    assert event.payload["telemetry_snapshot"] == {"current": 2.3}
    assert event.actor == lead
    first = note.versions.get()
    assert (first.action, first.content, first.by, first.by_name) == ("created", note.content, lead, lead.printed_name)


def test_a_correction_keeps_both_wordings_with_who_when_and_why(session: LabSession, lead: User) -> None:
    other = make_member(session.team, Role.SCIENTIST)
    note = written(session, lead)

    corrected = correct_note(note=note, by=other, at=LATER, content="Motor current falling", reason="Misheard")

    assert (corrected.content, corrected.speaker, corrected.version) == ("Motor current falling", "Engineer A", 2)
    assert corrected.updated_at == LATER
    history = list(note.versions.order_by("version").values_list("version", "action", "content", "by", "reason", "at"))
    assert history == [
        (1, "created", "Motor current rising", lead.pk, "", NINE),
        (2, "corrected", "Motor current falling", other.pk, "Misheard", LATER),
    ]
    assert last_event(session).kind == "note.updated"
    assert last_event(session).payload["version"] == 2


def test_a_correction_that_changes_nothing_makes_no_version(session: LabSession, lead: User) -> None:
    note = written(session, lead)
    before = everything()

    same = correct_note(note=note, by=lead, at=LATER, content=note.content, tags=[])

    assert same.version == 1
    assert everything() == before


def test_a_line_is_appended_with_its_time_in_utc(session: LabSession, lead: User) -> None:
    note = written(session, lead, telemetry_snapshot={"current": 2.3})
    spoken_at = datetime.fromisoformat("2026-03-02T11:15:30+02:00")

    grown = append_note(note=note, by=lead, at=LATER, text="Stable now", timestamp=spoken_at)
    grown = append_note(note=note, by=lead, at=LATER, text="Done", telemetry_snapshot={"current": 1})

    assert grown.content == "Motor current rising\n[09:15:30] Stable now\n[10:00:00] Done"
    assert (grown.version, grown.telemetry_snapshot) == (3, {"current": 1})
    assert [event.kind for event in session.events.order_by("sequence")][-2:] == ["note.appended"] * 2


def test_a_withdrawn_note_leaves_the_lists_and_stays_in_history(session: LabSession, lead: User) -> None:
    note = written(session, lead)

    withdraw_note(note=note, by=lead, at=LATER, reason="Wrong session")

    assert not Note.objects.standing().filter(pk=note.pk).exists()
    assert list(note.versions.order_by("version").values_list("action", flat=True)) == ["created", "withdrawn"]
    assert last_event(session).payload == {"note_id": note.public_id, "version": 2, "reason": "Wrong session"}
    for change in (
        lambda: correct_note(note=note, by=lead, at=LATER, content="Back"),
        lambda: append_note(note=note, by=lead, at=LATER, text="Back"),
        lambda: withdraw_note(note=note, by=lead, at=LATER),
    ):
        with pytest.raises(Missing):
            change()


@pytest.mark.parametrize(("minutes", "late"), [(0, False), (5, False), (5.01, True), (-60, False)])
def test_a_note_more_than_five_minutes_old_is_a_late_entry(
    session: LabSession, lead: User, minutes: float, late: bool
) -> None:
    note = written(session, lead, timestamp=NINE - timedelta(minutes=minutes))

    assert note.late_entry is late
    assert last_event(session).payload["late_entry"] is late


def test_a_note_from_the_day_after_tomorrow_is_refused(session: LabSession, lead: User) -> None:
    before = everything()

    with pytest.raises(Invalid, match="24 hours ahead"):
        written(session, lead, timestamp=NINE + timedelta(hours=24, seconds=1))

    assert everything() == before


def test_annex_11_9_an_ended_session_takes_no_change_to_its_notes_without_a_reason(lead: User) -> None:
    session = SessionFactory(team=lead.teams.get(), by=lead)
    note = written(session, lead)
    over = ended(lead)
    LabSession.objects.filter(pk=session.pk).update(status="completed", ended_at=NINE)
    before = everything()

    for change in (
        lambda: written(over, lead),
        lambda: written(over, lead, reason="   "),
        lambda: correct_note(note=note, by=lead, at=LATER, content="Other"),
        lambda: append_note(note=note, by=lead, at=LATER, text="More"),
        lambda: withdraw_note(note=note, by=lead, at=LATER),
    ):
        with pytest.raises(SessionEnded):
            change()

    assert everything() == before


def test_with_a_reason_an_ended_session_takes_a_late_entry(lead: User) -> None:
    over = ended(lead)

    note = written(over, lead, reason="Found on paper")
    corrected = correct_note(note=note, by=lead, at=LATER, content="Other", reason="Typing error")

    assert note.late_entry
    assert last_event(over).payload["reason"] == "Typing error"
    assert corrected.versions.get(version=1).reason == "Found on paper"


@pytest.mark.parametrize("role", [Role.OBSERVER, None])
def test_who_may_not_run_the_session_writes_and_changes_nothing(
    session: LabSession, lead: User, role: Role | None
) -> None:
    note = written(session, lead)
    other = make_member(session.team if role else None, role or Role.LEAD)
    before = everything()

    for change in (
        lambda: written(session, other),
        lambda: correct_note(note=note, by=other, at=LATER, content="Other"),
        lambda: append_note(note=note, by=other, at=LATER, text="More"),
        lambda: withdraw_note(note=note, by=other, at=LATER),
    ):
        with pytest.raises(Forbidden):
            change()

    assert everything() == before


def test_whoever_read_an_older_version_changes_nothing(session: LabSession, lead: User) -> None:
    note = written(session, lead)
    correct_note(note=note, by=lead, at=LATER, content="Second")
    before = everything()

    for change in (
        lambda: correct_note(note=note, by=lead, at=LATER, content="Third", version=1),
        lambda: append_note(note=note, by=lead, at=LATER, text="Third", version=1),
        lambda: withdraw_note(note=note, by=lead, at=LATER, version=1),
    ):
        with pytest.raises(Stale):
            change()

    assert everything() == before


BAD: Sequence[tuple[dict[str, Any], str]] = [
    ({"content": " \n"}, "/content"),
    ({"content": "x" * 20_001}, "/content"),
    ({"speaker": "x" * 256}, "/speaker"),
    ({"type": "rumour"}, "/type"),
    ({"tags": ["x" * 101]}, "/tags"),
    ({"tags": [str(number) for number in range(51)]}, "/tags"),
    ({"telemetry_snapshot": {"count": 2**53}}, "/telemetry_snapshot"),
    ({"telemetry_snapshot": {"text": "x" * 70_000}}, "/telemetry_snapshot"),
    ({"content": "a\x00b"}, "/content"),
    ({"speaker": "Ada\x00"}, "/speaker"),
    ({"tags": ["a\x00b"]}, "/tags"),
    ({"reason": "x" * 2001}, "/reason"),
]


@pytest.mark.parametrize(("wrong", "pointer"), BAD)
def test_a_wrong_value_is_named_and_nothing_is_written(
    session: LabSession, lead: User, wrong: dict[str, Any], pointer: str
) -> None:
    before = everything()

    with pytest.raises(Invalid) as refused:
        written(session, lead, **wrong)

    assert refused.value.facts["errors"][0]["pointer"] == pointer
    assert everything() == before


def test_a_note_does_not_grow_beyond_its_bound(session: LabSession, lead: User) -> None:
    note = written(session, lead, content="x" * 19_990)
    before = everything()

    with pytest.raises(Invalid):
        append_note(note=note, by=lead, at=LATER, text="more")

    assert everything() == before


def test_a_line_that_comes_late_makes_the_note_a_late_entry(session: LabSession, lead: User) -> None:
    note = written(session, lead)

    in_time = append_note(note=note, by=lead, at=LATER, text="Now", timestamp=LATER - timedelta(minutes=5))
    late = append_note(note=note, by=lead, at=LATER, text="Before", timestamp=LATER - timedelta(minutes=5, seconds=1))
    after = append_note(note=note, by=lead, at=LATER, text="Again")

    assert (in_time.late_entry, late.late_entry, after.late_entry) == (False, True, True)
    told = session.events.filter(kind="note.appended").order_by("sequence")
    assert [event.payload["late_entry"] for event in told] == [False, True, True]


def test_a_line_after_the_end_makes_the_note_a_late_entry(session: LabSession, lead: User) -> None:
    note = written(session, lead)
    move_session(session=session, move=COMPLETE, by=lead, at=NINE)

    grown = append_note(note=note, by=lead, at=NINE, text="Seen on the film", reason="Read off the film")

    assert grown.late_entry
    assert Note.objects.get(pk=note.pk).late_entry


class TwoChannels:
    """Readings of a bench with one pinned channel, which rises by one an hour."""

    def latest(
        self,
        session: LabSession,
        *,
        names: Sequence[str] | None = None,
        at: datetime | None = None,
        pinned: bool = False,
    ) -> dict[str, ReadingValue]:
        at = at or LATER
        found = {"pH": ReadingValue("pH", 7 + (at - NINE) / timedelta(hours=1), "", at)}
        return found if pinned else {**found, "noise": ReadingValue("noise", 1.0, "V", at)}

    def channels(self, session: LabSession) -> list[ChannelSummary]:
        return []

    def anomalies(self, session: LabSession, *, most: int) -> list[Anomaly]:
        return []

    def envelopes(self, session: LabSession, *, origin: datetime, places: int) -> list[ChannelEnvelope]:
        return []


def test_without_a_snapshot_the_pinned_channels_at_that_time_are_kept(
    session: LabSession, lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_readings", TwoChannels())

    taken = written(session, lead, timestamp=NINE + timedelta(minutes=30))
    given = written(session, lead, telemetry_snapshot={"mine": 1})
    none_wanted = written(session, lead, telemetry_snapshot={})

    assert taken.telemetry_snapshot == {"pH": 7.5}
    assert given.telemetry_snapshot == {"mine": 1}
    assert none_wanted.telemetry_snapshot == {}


def test_kept_versions_cannot_be_changed_by_sql(session: LabSession, lead: User) -> None:
    note = written(session, lead)

    for statement in ("UPDATE sessions_app_noteversion SET content = 'x'", "DELETE FROM sessions_app_noteversion"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)

    assert note.versions.get().content == "Motor current rising"
