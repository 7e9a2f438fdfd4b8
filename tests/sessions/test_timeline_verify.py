"""Whoever changes what is stored is found, even with the triggers gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from biolab.kernel import keys
from biolab.kernel.canonical import CHECKPOINT, canonical
from sessions_app import timeline
from sessions_app.chain import link
from sessions_app.facts import SessionChanged
from sessions_app.models import Checkpoint, LabSession, ProtocolVersion, TimelineEvent
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from sessions_app.verification import verify_session
from tests.factories.sessions import NINE, SessionFactory, make_member
from tests.sessions.kit import triggers_dropped

pytestmark = pytest.mark.django_db


def ended_session() -> LabSession:
    """Return a session of eight events that has ended and is signed."""
    session = SessionFactory(with_steps=True)
    for number in range(5):
        fact = SessionChanged(before={"name": "a"}, after={"name": "b"}, reason=f"Change {number}")
        timeline.record(session, fact, by=session.created_by, at=NINE)
    return move_session(session=session, move=COMPLETE, by=session.created_by, at=NINE)


def rebuild(session: LabSession, sequence: int, **changes: Any) -> None:
    """Rewrite an event and everything after it, hashes, head and all, as the owner of the database could."""
    events = list(session.events.order_by("sequence"))
    previous = session.genesis
    for event in events:
        record = json.loads(event.canonical) | {"prev_hash": previous}
        if event.sequence == sequence:
            record |= changes
        content = canonical(record).decode()
        own = link(previous, content)
        TimelineEvent.objects.filter(pk=event.pk).update(canonical=content, hash=own, prev_hash=previous)
        previous = own
    LabSession.objects.filter(pk=session.pk).update(head_hash=previous)


def forge_checkpoint(session: LabSession) -> None:
    """Let the checkpoint say what the chain says now, without the key."""
    head = LabSession.objects.get(pk=session.pk)
    (checkpoint,) = Checkpoint.objects.filter(session=session)
    record = json.loads(checkpoint.canonical) | {"head": head.head_hash}
    Checkpoint.objects.filter(pk=checkpoint.pk).update(canonical=canonical(record).decode())


def cut(session: LabSession) -> None:
    """Cut the last two events off and put the head back."""
    TimelineEvent.objects.filter(session=session, sequence__gt=6).delete()
    last = TimelineEvent.objects.get(session=session, sequence=6)
    LabSession.objects.filter(pk=session.pk).update(head_sequence=6, head_hash=last.hash)


def one(session: LabSession, number: int, /, **values: Any) -> None:
    """Change columns of one event."""
    assert TimelineEvent.objects.filter(session=session, sequence=number).update(**values) == 1


def text_of(session: LabSession, sequence: int) -> str:
    """Return an event's text."""
    return TimelineEvent.objects.get(session=session, sequence=sequence).canonical


TAMPERING: dict[str, tuple[Callable[[LabSession], Any], int, str]] = {
    "text": (
        lambda s: one(s, 4, canonical=text_of(s, 4).replace("Change 1", "Change 9")),
        4,
        "its hash does not match its content",
    ),
    "kind": (lambda s: one(s, 4, kind="note.created"), 4, "its column event_type does not match"),
    "actor": (lambda s: one(s, 4, actor=make_member(s.team)), 4, "its column actor_id does not match"),
    "no actor": (lambda s: one(s, 4, actor=None), 4, "its column actor_id does not match"),
    "occurred": (lambda s: one(s, 4, occurred_at="2026-03-01T00:00:00Z"), 4, "its column occurred_at does not match"),
    "created": (lambda s: one(s, 4, created_at="2026-03-01T00:00:00Z"), 4, "its column created_at does not match"),
    "hash": (lambda s: one(s, 4, hash="ab" * 32), 4, "its hash does not match its content"),
    "link": (lambda s: one(s, 4, prev_hash="ab" * 32), 4, "it is not chained to the event before it"),
    "deleted": (lambda s: s.events.filter(sequence=4).delete(), 4, "event 4 is missing"),
    "renumbered": (lambda s: one(s, 4, sequence=99), 4, "event 4 is missing"),
    "cut": (cut, 7, "event 8 was signed for and is missing"),
    "head back": (
        lambda s: LabSession.objects.filter(pk=s.pk).update(head_sequence=6, head_hash=s.events.get(sequence=6).hash),
        7,
        "stands behind the session's head",
    ),
    "head": (lambda s: LabSession.objects.filter(pk=s.pk).update(head_hash="ab" * 32), 8, "the session's head is not"),
    "rebuilt": (lambda s: rebuild(s, 4, payload={}), 8, "the chain up to event 8 is not the one that was signed"),
    "rebuilt and checkpoint forged": (
        lambda s: (rebuild(s, 4, payload={}), forge_checkpoint(s)),
        8,
        "the checkpoint at event 8 is not signed by this instance",
    ),
    "checkpoint moved": (lambda s: s.checkpoints.update(sequence=5), 5, "the checkpoint at event 5 does not match"),
    "checkpoint unreadable": (lambda s: s.checkpoints.update(signature="zz"), 8, "cannot be read"),
    "wording": (
        lambda s: ProtocolVersion.objects.filter(pk=s.protocol_version_id).update(content="Nothing"),
        0,
        "the wording of its protocol is not the one that was digested",
    ),
    "created session": (
        lambda s: LabSession.objects.filter(pk=s.pk).update(created_at="2026-03-01T00:00:00Z"),
        0,
        "time of creation is not the one its chain starts from",
    ),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_is_found_and_named(how: str) -> None:
    session, other = ended_session(), ended_session()
    assert verify_session(session.pk).valid
    tamper, first_bad, reason = TAMPERING[how]

    with triggers_dropped():
        tamper(session)

    report = verify_session(session.pk)
    assert (report.valid, report.first_bad) == (False, first_bad)
    assert reason in report.reason
    assert verify_session(other.pk).valid


def test_an_event_of_another_session_does_not_pass() -> None:
    session, other = ended_session(), ended_session()

    with triggers_dropped():
        session.events.all().delete()
        other.events.update(session=session)
        stolen = LabSession.objects.get(pk=other.pk)
        LabSession.objects.filter(pk=session.pk).update(head_hash=stolen.head_hash, genesis=stolen.genesis)

    report = verify_session(session.pk)
    assert not report.valid
    assert report.first_bad == 0


def test_a_checkpoint_of_another_session_does_not_pass() -> None:
    session, other = ended_session(), ended_session()

    with triggers_dropped():
        session.checkpoints.all().delete()
        other.checkpoints.update(session=session)

    assert "the checkpoint at event 8 does not match the text" in verify_session(session.pk).reason


def test_a_checkpoint_signed_by_a_retired_key_still_holds() -> None:
    session = ended_session()

    keys.rotate()

    assert verify_session(session.pk).valid


def test_a_checkpoint_signs_what_it_says() -> None:
    session = ended_session()
    (checkpoint,) = session.checkpoints.all()

    assert json.loads(checkpoint.canonical) == {
        "session_id": session.public_id,
        "sequence": 8,
        "head": session.head_hash,
        "counts": {"events": 8},
        "at": "2026-03-02T09:00:00Z",
        "key_id": checkpoint.key_id,
    }
    signed = CHECKPOINT + checkpoint.canonical.encode()
    assert keys.verify(signed, bytes.fromhex(checkpoint.signature), checkpoint.key_id)


def run(*arguments: str) -> tuple[int, str]:
    """Run the command and return its exit status and what it printed."""
    out = StringIO()
    try:
        call_command("verify_timeline", *arguments, stdout=out)
    except SystemExit as ending:
        return int(str(ending.code)), out.getvalue()
    return 0, out.getvalue()


def test_the_command_passes_over_what_holds() -> None:
    ended_session()
    SessionFactory()

    assert run() == (0, "2 sessions, 10 events that hold, 0 sessions that do not.\n")


def test_the_command_names_the_session_the_event_and_why() -> None:
    session, other = ended_session(), ended_session()
    with triggers_dropped():
        one(session, 4, kind="note.created")

    status, told = run()
    assert status == 1
    assert f"{session.public_id}: first bad event 4: its column event_type does not match" in told
    assert other.public_id not in told

    status, told = run("--json", "--session", session.public_id)
    answer = json.loads(told)
    assert (status, answer["valid"], answer["sessions"], answer["events"]) == (1, False, 1, 3)
    assert answer["problems"][0]["session_id"] == session.public_id
    assert answer["problems"][0]["first_bad"] == 4

    assert run("--session", str(other.pk))[0] == 0


@pytest.mark.parametrize("wrong", ["sess_nothing", "sess_01h455vb4pex5vsknk084sn02q"])
def test_the_command_says_when_there_is_no_such_session(wrong: str) -> None:
    with pytest.raises(CommandError, match=wrong):
        run("--session", wrong)


def test_verification_writes_nothing_and_costs_the_same_however_long(django_assert_num_queries: Any) -> None:
    short, long = SessionFactory(with_steps=True), ended_session()

    for session in (short, long):
        with django_assert_num_queries(5):
            verify_session(session.pk)
