"""The notebook: versions, the lock behind a signature, witnesses, withdrawal, and what the timeline says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel import security
from biolab.kernel.errors import Conflict, Forbidden, Invalid, Missing, Refusal, Stale, TooMany
from biolab.kernel.machine import MoveRefused
from biolab.kernel.models import SecurityEntry
from sessions_app.errors import EntryLocked, LeavesByExport, SessionEnded
from sessions_app.models import EntrySignature, EntryVersion, LabSession, NotebookEntry, TimelineEvent
from sessions_app.services.notebook import change_entry, give_out_entry, withdraw_entry
from sessions_app.services.sessions import move_session
from sessions_app.signed_entries import holds
from sessions_app.states import COMPLETE, WITNESS_ENTRY
from tests.factories.accounts import make_token
from tests.factories.governance import PASSWORD, make_signer
from tests.factories.notebook import make_entry, sign
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team
from tests.governance.test_races import at_once
from tests.sessions.kit import kinds, triggers_dropped

pytestmark = pytest.mark.django_db


@pytest.fixture
def author() -> User:
    return make_signer(make_team(), Role.SCIENTIST)


@pytest.fixture
def other(author: User) -> User:
    return make_signer(author.teams.get(), Role.REVIEWER)


@pytest.fixture
def session(author: User) -> LabSession:
    return SessionFactory(team=author.teams.get(), by=author)


def written() -> list[list[tuple[Any, ...]]]:
    tables = (NotebookEntry, EntryVersion, EntrySignature, TimelineEvent)
    return [list(table.objects.order_by("pk").values_list()) for table in tables]


def test_every_wording_of_an_entry_is_kept_with_who_and_why(author: User, other: User, session: LabSession) -> None:
    entry = make_entry(author, session, content="Feed at 3 ml/h")

    change_entry(entry=entry, by=other, at=NINE + timedelta(minutes=1), content="Feed at 4 ml/h", reason="Typo")
    same = change_entry(entry=entry, by=other, at=NINE + timedelta(minutes=2), content="Feed at 4 ml/h")

    versions = entry.versions.order_by("version").values_list("version", "content", "by_name", "reason")
    assert list(versions) == [
        (1, "Feed at 3 ml/h", author.printed_name, ""),
        (2, "Feed at 4 ml/h", other.printed_name, "Typo"),
    ]
    assert (same.version, same.digest) == (2, entry.versions.get(version=2).digest)
    assert kinds(session)[-2:] == ["notebook.created", "notebook.updated"]
    assert session.events.get(kind="notebook.updated").payload["digest"] == same.digest


def test_an_entry_of_no_session_leaves_every_timeline_alone(author: User) -> None:
    entry = make_entry(author, content="Ideas")

    change_entry(entry=entry, by=author, at=NINE, title="More ideas")
    withdraw_entry(entry=entry, by=author, at=NINE)

    assert TimelineEvent.objects.count() == 0
    assert list(entry.versions.order_by("version").values_list("action", flat=True)) == [
        "created",
        "changed",
        "withdrawn",
    ]


@pytest.mark.parametrize("bound", [True, False])
def test_of_two_writers_the_second_is_told_and_nothing_is_lost(
    author: User, other: User, session: LabSession, bound: bool
) -> None:
    entry = make_entry(author, session if bound else None)
    read = NotebookEntry.objects.get(pk=entry.pk)
    change_entry(entry=entry, by=author, at=NINE, content="First", version=1)
    before = written()

    with pytest.raises(Stale) as refused:
        change_entry(entry=read, by=other, at=NINE, content="Second", version=read.version)

    assert refused.value.facts["version"] == 2
    assert written() == before


def test_an_entry_reads_for_good_as_its_author_signed_it(author: User, other: User, session: LabSession) -> None:
    entry = make_entry(author, session, content="Done as planned")
    signed = sign(entry, author, zone="Europe/Berlin")
    before = written()

    with pytest.raises(EntryLocked):
        change_entry(entry=entry, by=author, at=NINE, content="Done otherwise")

    assert written() == before
    signature = EntrySignature.objects.select_related("signer").get()
    assert (signed.status, signature.meaning, signature.version) == ("signed", "authorship", 1)
    assert (signature.digest, signature.printed_name) == (signed.digest, author.printed_name)
    assert '"local_time":"2026-03-02T10:00:00+01:00"' in signature.canonical
    assert holds(signature, entry=signed)
    assert kinds(session)[-1] == "notebook.signed"


def test_another_person_witnesses_what_the_author_signed(author: User, other: User, session: LabSession) -> None:
    entry = make_entry(author, session)
    with pytest.raises(MoveRefused):
        sign(entry, other, move=WITNESS_ENTRY)
    sign(entry, author)
    with pytest.raises(Forbidden, match="their own"):
        sign(entry, author, move=WITNESS_ENTRY)

    witnessed = sign(entry, other, move=WITNESS_ENTRY)

    assert witnessed.status == "witnessed"
    assert list(EntrySignature.objects.order_by("signed_at", "id").values_list("meaning", "signer")) == [
        ("authorship", author.pk),
        ("witness", other.pk),
    ]
    assert kinds(session)[-1] == "notebook.witnessed"
    with pytest.raises(MoveRefused):
        sign(entry, make_signer(session.team, Role.QA), move=WITNESS_ENTRY)


@pytest.mark.parametrize(
    ("who", "given", "refusal", "reason"),
    [
        ("other", {}, Forbidden, "not_the_author"),
        ("observer", {}, Forbidden, "forbidden"),
        ("viewer", {}, Forbidden, "forbidden"),
        ("author", {"password": "wrong"}, Forbidden, "wrong_password"),
        ("author", {"password": ""}, Invalid, None),
        ("author", {"signature": " "}, Invalid, None),
        ("author", {"signature": "A\x07da"}, Invalid, None),
        ("author", {"digest": "0" * 64}, Conflict, None),
        ("token", {}, Forbidden, "token_cannot_sign"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_11_200_a_signature_that_is_refused_writes_nothing_but_the_refusal(
    who: str, given: dict[str, Any], refusal: type[Refusal], reason: str | None
) -> None:
    team = make_team()
    author = make_signer(team, Role.SCIENTIST)
    people = {
        "author": author,
        "other": make_signer(team, Role.REVIEWER),
        "observer": make_signer(team, Role.OBSERVER),
        "viewer": make_signer(team, Role.OWNER, role_on_platform=PlatformRole.VIEWER),
    }
    entry = make_entry(author)
    if who == "token":
        author.credential = make_token(author)[0]
        people["token"] = author
    before = written()

    with pytest.raises(refusal):
        sign(entry, people[who], **given)

    assert written() == before
    noted = SecurityEntry.objects.filter(kind="signature.refused").order_by("sequence").last()
    assert (noted.record["detail"]["reason"] if noted is not None else None) == reason


@pytest.mark.django_db(transaction=True)
def test_guesses_at_a_signature_share_the_gate_of_approvals() -> None:
    author = make_signer(make_team(), Role.SCIENTIST)
    entry = make_entry(author)
    for _ in range(security.SIGNING.tries):
        with pytest.raises(Forbidden):
            sign(entry, author, password="wrong")

    with pytest.raises(TooMany):
        sign(entry, author, password=PASSWORD)

    assert EntrySignature.objects.count() == 0


def test_11_70_a_signature_does_not_hold_under_another_entry_or_wording(author: User) -> None:
    entry = sign(make_entry(author, content="As planned"), author)
    twin = sign(make_entry(author, content="As planned"), author)
    signature = EntrySignature.objects.select_related("signer").get(entry=entry)

    assert holds(signature, entry=entry)
    assert not holds(signature, entry=twin)
    with triggers_dropped():
        EntryVersion.objects.filter(entry=entry).update(content="Otherwise")
        assert not holds(signature, entry=entry)
        EntryVersion.objects.filter(entry=entry).update(content="As planned")
        EntrySignature.objects.filter(entry=entry).update(printed_name="Somebody else")
    assert not holds(EntrySignature.objects.select_related("signer").get(entry=entry), entry=entry)


def test_once_a_session_ended_its_entries_want_a_reason(author: User, session: LabSession) -> None:
    entry = make_entry(author, session)
    session = move_session(session=session, move=COMPLETE, by=author, at=NINE)
    before = written()

    for late in (
        lambda: make_entry(author, session),
        lambda: change_entry(entry=entry, by=author, at=NINE, title="Late"),
        lambda: withdraw_entry(entry=entry, by=author, at=NINE),
    ):
        with pytest.raises(SessionEnded):
            late()

    assert written() == before
    assert make_entry(author, session, reason="Found later").late_entry
    assert change_entry(entry=entry, by=author, at=NINE, title="Late", reason="Found later").version == 2
    assert sign(entry, author).status == "signed"


def test_a_withdrawn_entry_is_gone_from_the_lists_and_kept_whole(author: User, session: LabSession) -> None:
    entry = make_entry(author, session, content="Kept")
    sign(entry, author)
    with pytest.raises(Invalid, match="reason"):
        withdraw_entry(entry=entry, by=author, at=NINE)

    withdraw_entry(entry=entry, by=author, at=NINE, reason="Wrong vessel")

    assert not NotebookEntry.objects.standing().exists()
    assert EntrySignature.objects.filter(entry=entry).count() == 1
    assert entry.versions.get(version=2).reason == "Wrong vessel"
    assert session.events.get(kind="notebook.deleted").payload["reason"] == "Wrong vessel"
    with pytest.raises(Missing):
        change_entry(entry=entry, by=author, at=NINE, title="Again")


def test_an_entry_of_a_session_leaves_through_an_export_alone(author: User, session: LabSession) -> None:
    free = make_entry(author)
    assert give_out_entry(entry=free, by=author, at=NINE) == free

    with pytest.raises(LeavesByExport):
        give_out_entry(entry=make_entry(author, session), by=author, at=NINE)

    assert kinds(session)[-1] == "notebook_export.guardrail_blocked"


@pytest.mark.parametrize("wish", [{"title": " "}, {"title": "x" * 256}, {"content": "x" * 200_001}])
def test_values_beyond_their_bounds_begin_no_entry(author: User, wish: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        make_entry(author, **wish)

    assert NotebookEntry.objects.count() == 0


def test_who_sees_entries_and_files_is_who_sees_where_they_belong(author: User, session: LabSession) -> None:
    bound, free = make_entry(author, session), make_entry(author)
    guest = make_member(make_team("Another"))
    session.crew.add(guest)

    def seen(person: User) -> set[Any]:
        return set(NotebookEntry.objects.visible_to(person).values_list("pk", flat=True))

    narrowed = User.objects.get(pk=author.pk)
    narrowed.credential = make_token(author, session_ids=[session.public_id])[0]
    assert seen(author) == {bound.pk, free.pk}
    assert seen(guest) == {bound.pk}
    assert seen(make_member(None)) == set()
    assert seen(narrowed) == {bound.pk}
    with pytest.raises(Forbidden):
        make_entry(guest, session)
    with pytest.raises(Forbidden):
        make_entry(narrowed)


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_a_change_and_a_signature_at_once_leave_what_was_signed_as_it_reads() -> None:
    author = make_signer(make_team(), Role.SCIENTIST)
    for place in (None, SessionFactory(team=author.teams.get(), by=author)):
        entry = make_entry(author, place)
        work = [lambda n=n, e=entry: change_entry(entry=e, by=author, at=NINE, content=str(n)) for n in range(6)]

        ends = at_once(*work, lambda e=entry: sign(e, author), lambda e=entry: sign(e, author))  # type: ignore[misc]

        fresh = NotebookEntry.objects.get(pk=entry.pk)
        signature = EntrySignature.objects.select_related("signer").get(entry=entry)
        assert ends["done"] + ends["conflict"] == 8
        assert (fresh.version, fresh.digest) == (signature.version, signature.digest)
        assert holds(signature, entry=NotebookEntry.objects.told().get(pk=entry.pk))
