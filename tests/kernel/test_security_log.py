"""The security log is chained, only grows, and a change to it shows."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from biolab.kernel import append_only, security
from biolab.kernel.canonical import SECURITY, digest
from biolab.kernel.errors import Conflict
from biolab.kernel.models import SecurityEntry, SecurityHead
from tests.factories.accounts import NINE, make_person

pytestmark = pytest.mark.django_db


def write(count: int = 4) -> list[SecurityEntry]:
    return [security.note("role.changed", person=None, at=NINE, number=number) for number in range(count)]


def test_each_entry_hashes_its_text_behind_the_entry_before_it() -> None:
    entries = write()

    assert [entry.sequence for entry in entries] == [1, 2, 3, 4]
    assert [entry.prev_hash for entry in entries] == [security.BEGINNING, *(entry.hash for entry in entries[:-1])]
    for entry in entries:
        assert entry.hash == digest(SECURITY, bytes.fromhex(entry.prev_hash), entry.canonical.encode())
    assert security.verify() == security.Verdict(True, 4, entries[-1].hash)


def test_an_entry_names_who_when_and_what() -> None:
    person = make_person(full_name="Anna Bell")

    entry = security.note("token.issued", person=person, at=NINE, name="probe")

    assert entry.record["person"] == {"id": person.public_id, "name": "Anna Bell", "via": ""}
    assert entry.record["at"] == "2026-03-02T09:00:00Z"
    assert entry.record["detail"] == {"name": "probe"}
    assert entry.person_id == person.public_id


@pytest.mark.parametrize(
    "statement", ["UPDATE kernel_securityentry SET kind = 'x'", "DELETE FROM kernel_securityentry"]
)
def test_the_database_refuses_to_change_an_entry(statement: str) -> None:
    write()

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert security.verify().valid


@pytest.mark.parametrize(
    ("statement", "first_bad", "reason"),
    [
        (
            "UPDATE kernel_securityentry SET canonical = replace(canonical, ':2', ':7') WHERE sequence = 3",
            3,
            "its text",
        ),
        ("UPDATE kernel_securityentry SET kind = 'other' WHERE sequence = 2", 2, "its columns"),
        ("UPDATE kernel_securityentry SET person_id = 'user_x' WHERE sequence = 2", 2, "its columns"),
        ("UPDATE kernel_securityentry SET canonical = 'x' WHERE sequence = 2", 2, "its text"),
        ("UPDATE kernel_securityentry SET prev_hash = hash WHERE sequence = 2", 2, "it does not follow"),
        ("DELETE FROM kernel_securityentry WHERE sequence = 2", 2, "an entry is missing"),
        ("DELETE FROM kernel_securityentry WHERE sequence = 4", 4, "the last entries are missing"),
    ],
)
def test_a_change_behind_the_triggers_shows_with_its_place(statement: str, first_bad: int, reason: str) -> None:
    write()

    with append_only.lifted(), connection.cursor() as cursor:
        cursor.execute(statement)

    verdict = security.verify()
    assert (verdict.valid, verdict.first_bad) == (False, first_bad)
    assert verdict.reason.startswith(reason)


def test_an_entry_shares_the_fate_of_its_change() -> None:
    @transaction.atomic
    def change_and_refuse() -> None:
        security.note("role.changed", person=None, at=NINE)
        raise Conflict("No.")

    with pytest.raises(Conflict):
        change_and_refuse()

    assert not SecurityEntry.objects.exists()
    assert not SecurityHead.objects.exclude(sequence=0).exists()


@pytest.mark.django_db(transaction=True)
def test_an_entry_apart_refuses_to_join_a_transaction_that_may_fail() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        security.note_apart("signature.refused", person=None, at=NINE)

    assert not SecurityEntry.objects.exists()
    assert security.note_apart("signature.refused", person=None, at=NINE).sequence == 1
