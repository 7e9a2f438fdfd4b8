"""Recordings and their transcripts: kept once, moved by a closed table, verified by people."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from biolab.kernel import storage
from biolab.kernel.canonical import canonical
from biolab.kernel.errors import Conflict, Forbidden, Invalid, Refusal, Stale, TooLarge, Unsupported
from biolab.kernel.machine import MoveRefused
from sessions_app.errors import SessionEnded
from sessions_app.models import LabSession, Note, TimelineEvent, Transcript
from sessions_app.services import recordings
from sessions_app.services.notes import correct_note, withdraw_note
from sessions_app.services.recordings import keep_recording, register_recording, sweep_recordings
from sessions_app.services.sessions import move_session
from sessions_app.services.transcripts import TAG, confirm_speech, report_speech, retry_speech
from sessions_app.states import COMPLETE, SpeechStatus
from sessions_app.stt.containers import media_type_of
from sessions_app.stt.engine import hotwords
from tests.conftest import Clock
from tests.factories.sessions import NINE, SessionFactory, make_member
from tests.factories.speech import WORDS, make_recording, make_task, silence
from tests.sessions.kit import kinds

WEBM_HEAD = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm"
MP4_HEAD = b"\x00\x00\x00\x1cftypisom\x00\x00\x02\x00"
HEADS = [
    (WEBM_HEAD, "audio/webm"),
    (MP4_HEAD, "audio/mp4"),
    (b"OggS\x00\x02", "audio/ogg"),
    (silence(), "audio/wav"),
    (b"\x1aE\xdf\xa3\x9fB\x82\x88matroska", None),
    (b"RIFF\x24\x00\x00\x00AVI LIST", None),
    (b"<svg onload=alert(1)>", None),
    (b"#EXTM3U\nfile:///etc/passwd", None),
    (b"", None),
]


@pytest.mark.parametrize(("head", "expected"), HEADS)
def test_a_recording_is_what_its_first_bytes_say(head: bytes, expected: str | None) -> None:
    assert media_type_of(head) == expected


def test_hotwords_are_the_channels_the_glossary_and_long_words_of_the_protocol() -> None:
    found = hotwords(
        channels=["motor_current", "pH"],
        glossary=["Antifoam 204"],
        text="Open the feed valve\nStir, VALVE, pre-culture",
    )
    many = hotwords(channels=[], glossary=[], text=" ".join(f"word{'x' * n}" for n in range(1, 100)))

    assert found == ["motor current", "pH", "Antifoam 204", "valve", "pre-culture"]
    assert len(many) == 60
    assert hotwords(channels=["___", "42"], glossary=[], text="") == ["42"]


pytestmark = pytest.mark.django_db


@pytest.fixture
def session() -> LabSession:
    return SessionFactory()


@pytest.fixture
def person(session: LabSession) -> User:
    return session.created_by


def everything() -> list[list[tuple[Any, ...]]]:
    tables = (Transcript, Note, TimelineEvent)
    return [list(table.objects.order_by("pk").values_list()) for table in tables]


def end(session: LabSession) -> LabSession:
    return move_session(session=session, move=COMPLETE, by=session.created_by, at=NINE)


# -- keeping -------------------------------------------------------------------------------------------------


def test_a_recording_is_sealed_and_kept_byte_for_byte(session: LabSession, person: User) -> None:
    sound = silence(0.5)

    task = keep_recording(
        session=session, pieces=[sound[:10], sound[10:]], audio_chunk_id=" chunk 1 ", by=person, at=NINE
    )

    assert (task.status, task.media_type, task.size, task.sha256, task.audio_chunk_id) == (
        "pending",
        "audio/wav",
        len(sound),
        hashlib.sha256(sound).hexdigest(),
        "chunk 1",
    )
    with storage.fetch(task.stored_as, sha256=task.sha256) as file:
        assert file.read() == sound
    event = TimelineEvent.objects.get(kind="stt.task.created")
    assert event.payload["sha256"] == task.sha256
    assert event.actor == person


def test_the_timeline_seals_the_words_and_their_times(session: LabSession, person: User) -> None:
    task = make_task(session, by=person, status="done")

    payload = TimelineEvent.objects.get(kind="stt.task.done").payload

    assert payload["words_sha256"] == hashlib.sha256(canonical(WORDS)).hexdigest() == task.words_sha256
    assert "words" not in payload
    assert TimelineEvent.objects.get(kind="stt.task.created").payload["words_sha256"] == ""


def test_the_same_recording_again_is_the_same_task(session: LabSession, person: User) -> None:
    first = make_recording(session, by=person)

    again = make_recording(session, by=person)

    assert again == first
    assert Transcript.objects.count() == 1
    assert kinds(session).count("stt.task.created") == 1


def test_another_recording_cannot_take_its_name(session: LabSession, person: User) -> None:
    make_recording(session, by=person)
    before = everything()

    with pytest.raises(Conflict) as caught:
        keep_recording(session=session, pieces=[silence(0.7)], audio_chunk_id="chunk_001", by=person, at=NINE)

    assert caught.value.code == "audio_chunk_id_taken"
    assert everything() == before


def test_a_recording_without_a_name_gets_one_of_its_own(session: LabSession, person: User) -> None:
    names = {keep_recording(session=session, pieces=[silence()], by=person, at=NINE).audio_chunk_id for _ in range(2)}

    assert len(names) == 2


@pytest.mark.parametrize(
    ("piece", "refusal"),
    [(b"<html>", Unsupported), (b"", Unsupported), (silence() + b"\0" * (25 << 20), TooLarge)],
    ids=["HTML", "empty", "too large"],
)
def test_what_is_no_recording_or_too_large_is_refused(
    session: LabSession, person: User, piece: bytes, refusal: type[Refusal]
) -> None:
    before = everything()

    with pytest.raises(refusal):
        keep_recording(session=session, pieces=[piece], by=person, at=NINE)

    assert everything() == before


def test_who_may_not_run_the_session_hands_nothing_in_and_nothing_is_read(session: LabSession) -> None:
    observer = make_member(session.team, Role.OBSERVER)
    pieces = iter([silence()])

    with pytest.raises(Forbidden):
        keep_recording(session=session, pieces=pieces, by=observer, at=NINE)
    with pytest.raises(Forbidden):
        register_recording(session=session, audio_chunk_id="chunk_001", by=observer, at=NINE)

    assert next(pieces) == silence()
    assert not Transcript.objects.exists()


def test_an_ended_session_takes_no_more_recordings_but_the_results_of_earlier_ones(
    session: LabSession, person: User
) -> None:
    task = make_task(session, by=person)
    end(session)

    with pytest.raises(SessionEnded):
        make_recording(session, by=person, name="late")
    with pytest.raises(SessionEnded):
        register_recording(session=session, audio_chunk_id="late", by=person, at=NINE)
    done = report_speech(task=task, status="done", transcript="Foam rises.", by=person, at=NINE)

    assert done.status == "done"
    assert Transcript.objects.get() == task


@pytest.mark.parametrize("name", ["", "   ", "x" * 256])
def test_a_registered_recording_needs_a_proper_name(session: LabSession, person: User, name: str) -> None:
    with pytest.raises(Invalid):
        register_recording(session=session, audio_chunk_id=name, by=person, at=NINE)

    assert not Transcript.objects.exists()


def test_files_that_no_task_names_go_after_a_day(session: LabSession, person: User, clock: Clock) -> None:
    kept = make_recording(session, by=person)
    with storage.workbench() as folder:
        storage.put(storage.measure([b"x"], folder=folder, media_type="audio/wav").path, "speech/nobody/knows")
    written = storage.stored_at("speech/nobody/knows")
    assert written is not None

    sweep_recordings(at=written + timedelta(hours=1))
    assert storage.stored_at("speech/nobody/knows") is not None
    sweep_recordings(at=written + timedelta(days=2))

    assert storage.stored_at("speech/nobody/knows") is None
    assert storage.stored_at(kept.stored_as) is not None


# -- the table -----------------------------------------------------------------------------------------------

ALLOWED = {
    ("pending", "processing"),
    ("pending", "done"),
    ("pending", "failed"),
    ("processing", "done"),
    ("processing", "failed"),
}


@pytest.mark.parametrize("target", SpeechStatus.values)
@pytest.mark.parametrize("source", SpeechStatus.values)
def test_a_report_makes_the_moves_of_the_table_and_no_others(
    session: LabSession, person: User, source: str, target: str
) -> None:
    task = make_task(session, by=person, status=source)
    before = everything()

    def report() -> Transcript:
        return report_speech(task=task, status=target, transcript="New", error="New", by=person, at=NINE)

    if (source, target) in ALLOWED:
        assert report().status == target
        return
    with pytest.raises(MoveRefused):
        report()
    assert everything() == before


@pytest.mark.parametrize("status", SpeechStatus.values)
def test_only_what_failed_is_tried_again(session: LabSession, person: User, status: str) -> None:
    task = make_task(session, by=person, status=status)

    if status == "failed":
        again = retry_speech(task=task, by=person, at=NINE)
        assert (again.status, again.error, again.engine) == ("pending", "", "external")
        assert kinds(session)[-1] == "stt.task.retried"
    else:
        with pytest.raises(MoveRefused):
            retry_speech(task=task, by=person, at=NINE)


def test_a_retry_takes_the_engine_that_is_set_now(session: LabSession, person: User, settings: Any) -> None:
    settings.STT_ENGINE = "external"
    task = make_recording(session, by=person)
    task = report_speech(task=task, status="failed", error="Off.", by=person, at=NINE)

    settings.STT_ENGINE = "remote"
    again = retry_speech(task=task, by=person, at=NINE)

    assert again.engine == "remote"
    assert recordings.due_speech(at=NINE) == [task.pk]


@pytest.mark.parametrize(
    ("status", "said", "pointer"),
    [
        ("done", {}, "/transcript"),
        ("done", {"transcript": "   "}, "/transcript"),
        ("done", {"transcript": "x" * 20_001}, "/transcript"),
        ("failed", {}, "/error"),
        ("failed", {"error": " "}, "/error"),
        ("failed", {"error": "x" * 2_001}, "/error"),
        ("done", {"transcript": "x", "words": WORDS * 5_001}, "/words"),
    ],
)
def test_done_needs_a_transcript_and_failed_an_error(
    session: LabSession, person: User, status: str, said: dict[str, Any], pointer: str
) -> None:
    task = make_task(session, by=person)
    before = everything()

    with pytest.raises(Invalid) as caught:
        report_speech(task=task, status=status, by=person, at=NINE, **said)

    assert caught.value.facts["errors"][0]["pointer"] == pointer
    assert everything() == before


def test_a_report_on_another_version_than_was_read_changes_nothing(session: LabSession, person: User) -> None:
    task = make_task(session, by=person)
    read = task.etag
    report_speech(task=task, status="processing", by=person, at=NINE + timedelta(seconds=1))
    before = everything()

    with pytest.raises(Stale):
        report_speech(task=task, status="done", transcript="x", by=person, at=NINE, version=read)

    assert everything() == before


# -- confirming ----------------------------------------------------------------------------------------------


def test_11_10_speech_stays_unverified_until_a_person_confirms_it(session: LabSession, person: User) -> None:
    reader = make_member(session.team, Role.SCIENTIST)
    task = make_task(session, by=person, status="done")
    assert task.is_unverified
    assert list(Transcript.objects.unverified()) == [task]
    assert not Note.objects.exists()

    confirmed = confirm_speech(task=task, by=reader, at=NINE)

    note = Note.objects.get()
    assert not confirmed.is_unverified
    assert (confirmed.note, confirmed.reviewed_by) == (note, reader)
    assert (note.content, note.tags, note.speaker) == ("Foam rises.", [TAG], person.printed_name)
    assert note.timestamp == NINE - timedelta(seconds=8.4)
    assert kinds(session)[-2:] == ["note.created", "stt.task.confirmed"]


def test_a_correction_keeps_what_the_engine_had_heard(session: LabSession, person: User) -> None:
    task = make_task(session, by=person, status="done")

    confirmed = confirm_speech(task=task, transcript=" Foam rises fast. ", by=person, at=NINE)

    assert (confirmed.transcript, Note.objects.get().content) == ("Foam rises fast.", "Foam rises fast.")
    assert TimelineEvent.objects.get(kind="stt.task.done").payload["transcript"] == "Foam rises."


def test_confirming_again_says_the_same_or_is_refused(session: LabSession, person: User) -> None:
    task = confirm_speech(task=make_task(session, by=person, status="done"), by=person, at=NINE)
    before = everything()

    again = confirm_speech(task=task, transcript="Foam rises.", by=person, at=NINE)
    with pytest.raises(Conflict) as caught:
        confirm_speech(task=task, transcript="Foam falls.", by=person, at=NINE)

    assert again.note == task.note
    assert caught.value.code == "speech_confirmed"
    assert everything() == before


@pytest.mark.parametrize("status", ["pending", "processing", "failed"])
def test_only_a_finished_transcript_can_be_confirmed(session: LabSession, person: User, status: str) -> None:
    task = make_task(session, by=person, status=status)
    before = everything()

    with pytest.raises(Conflict):
        confirm_speech(task=task, transcript="Guessed", by=person, at=NINE)

    assert everything() == before


def test_annex_11_9_confirming_after_the_end_needs_a_reason(session: LabSession, person: User) -> None:
    task = make_task(session, by=person, status="done")
    end(session)
    before = everything()

    with pytest.raises(SessionEnded):
        confirm_speech(task=task, by=person, at=NINE)
    assert everything() == before
    confirm_speech(task=task, by=person, at=NINE, reason="Heard once more")

    note = Note.objects.get()
    assert note.late_entry
    assert note.versions.get().reason == "Heard once more"


def test_an_observer_confirms_and_retries_nothing(session: LabSession, person: User) -> None:
    observer = make_member(session.team, Role.OBSERVER)
    done, failed = (
        make_task(session, by=person, status="done"),
        make_task(session, by=person, name="2", status="failed"),
    )
    before = everything()

    with pytest.raises(Forbidden):
        confirm_speech(task=done, by=observer, at=NINE)
    with pytest.raises(Forbidden):
        retry_speech(task=failed, by=observer, at=NINE)
    with pytest.raises(Forbidden):
        report_speech(task=failed, status="done", transcript="x", by=observer, at=NINE)

    assert everything() == before


# -- the rule ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("confidence", "transcript", "becomes_a_note"),
    [(0.9, "Foam rises.", True), (0.8, "Ok", True), (0.8, "O", False), (0.79, "Foam", False), (None, "Foam", False)],
)
def test_a_sure_engine_makes_a_note_that_stays_unverified(
    session: LabSession, person: User, confidence: float | None, transcript: str, becomes_a_note: bool
) -> None:
    task = make_task(session, by=person, status="done", confidence=confidence, transcript=transcript)

    assert Note.objects.exists() is becomes_a_note
    assert (task.note is not None) is becomes_a_note
    assert task.is_unverified


def test_the_rule_can_be_turned_off(session: LabSession, person: User, settings: Any) -> None:
    settings.STT_NOTE_CONFIDENCE = 1.5

    make_task(session, by=person, status="done", confidence=1.0)

    assert not Note.objects.exists()


def test_confirming_what_is_a_note_already_writes_no_second_one(session: LabSession, person: User) -> None:
    task = make_task(session, by=person, status="done", confidence=0.95)

    confirm_speech(task=task, transcript="Foam rises fast.", by=person, at=NINE)

    note = Note.objects.get()
    assert (note.content, note.version) == ("Foam rises fast.", 2)


def test_confirming_without_words_keeps_what_a_person_made_of_the_note(session: LabSession, person: User) -> None:
    task = make_task(session, by=person, status="done", confidence=0.95)
    correct_note(note=Note.objects.get(), content="Foam rose.", by=person, at=NINE)

    confirmed = confirm_speech(task=task, by=person, at=NINE)

    assert confirmed.transcript == "Foam rose."
    assert Note.objects.get().version == 2


def test_a_note_that_was_withdrawn_is_written_anew_when_a_person_confirms(session: LabSession, person: User) -> None:
    task = make_task(session, by=person, status="done", confidence=0.95)
    withdraw_note(note=Note.objects.get(), by=person, at=NINE)

    confirmed = confirm_speech(task=task, by=person, at=NINE)

    assert confirmed.note == Note.objects.standing().get()
    assert Note.objects.count() == 2


def test_the_rule_writes_nothing_for_somebody_who_has_left(session: LabSession) -> None:
    leaver = make_member(session.team, Role.SCIENTIST)
    task = make_task(session, by=leaver)
    session.team.memberships.filter(user=leaver).delete()

    done = report_speech(task=task, status="done", transcript="Foam", confidence=1.0, by=session.created_by, at=NINE)

    assert (done.status, done.note) == ("done", None)
    assert not Note.objects.exists()
