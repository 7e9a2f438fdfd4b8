"""Packed archives are stamped by an authority that the operator names, and its answers believed only when they fit."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from biolab.accounts.models import Notification
from biolab.kernel.leases import LEASE
from exports_app.authority import LARGEST, StampRefused, ask_authority, make_query, read_answer, read_certificates
from exports_app.models import ArchiveStamp, NarrativeExport
from exports_app.services.stamps import RING_AGAIN, TOLD_AFTER, due_stamps, stamp_archive
from governance_app.services.approvals import reset_stage
from tests.exports.authority import Authority, listening
from tests.exports.doors import client_of, path_of
from tests.factories.exports import TEN, fresh, kinds, make_archive, make_export_bench
from tests.factories.governance import Bench, make_administrator

pytestmark = pytest.mark.sqlite_only
needs_database = pytest.mark.django_db
LATER = TEN + timedelta(minutes=10)
DIGEST = hashlib.sha256(b"an archive").hexdigest()


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with listening(Authority(tmp_path_factory.mktemp("tsa") / "trusted")) as authority:
        yield authority


@pytest.fixture
def authority(trusted: Authority, settings: Any) -> Authority:
    """The one that the settings name and that has done nothing yet."""
    settings.TIMESTAMP_URL, settings.TIMESTAMP_CERTIFICATES = trusted.url, str(trusted.certificates)
    trusted.spoil, trusted.misread, trusted.status, trusted.asked = (lambda answer: answer), (lambda ask: ask), 200, 0
    return trusted


@pytest.fixture
def bench() -> Bench:
    return make_export_bench()


def ask(*, at: datetime = LATER) -> list[bool]:
    """Ring as the sweep does, and do what it rings for."""
    return [stamp_archive(stamp_id=pk, clock=lambda: at) for pk in due_stamps(at=at)]


def told(export: NarrativeExport, bench: Bench) -> Any:
    return client_of(bench.asker).get(path_of(bench.session, export)).json()["artifact_timestamp"]


@needs_database
def test_a_ready_archive_is_stamped_once_and_openssl_agrees(bench: Bench, authority: Authority) -> None:
    export = make_archive(bench)
    before = fresh(export).artifact_status, fresh(export).stamp
    client = client_of(bench.asker)

    first, again = ask(), ask(at=LATER + timedelta(hours=1))

    assert (before, first, again, authority.asked) == (("ready", None), [True], [], 1)
    shown = told(export, bench)
    assert (shown["status"], shown["authority"], shown["authority_checked"]) == ("stamped", "Test Authority", True)
    assert (shown["checksum"], shown["error"]) == (export.artifact_checksum, None)
    archive = b"".join(client.get(path_of(bench.session, export, "artifact")).streaming_content)
    answer = client.get(shown["download_path"])
    stamp = b"".join(answer.streaming_content)
    assert answer.headers["Content-Type"] == "application/timestamp-reply"
    assert answer.headers["Content-Disposition"].endswith('-v1.tsr"')
    assert authority.verifies(stamp, archive)
    assert not authority.verifies(stamp, archive + b".")
    assert kinds(bench.session).count("packaging.timestamped") == 1
    reader = Client()
    reader.force_login(bench.asker)
    page = reader.get(f"/sessions/{bench.session.public_id}")
    assert "Time stamp by Test Authority" in page.content.decode()


@needs_database
def test_without_a_setting_nobody_is_asked_and_what_was_packed_before_is_stamped_later(
    bench: Bench, authority: Authority, settings: Any
) -> None:
    settings.TIMESTAMP_URL = ""
    export = make_archive(bench)

    off = ask(), told(export, bench), ArchiveStamp.objects.count()
    missing = client_of(bench.asker).get(path_of(bench.session, export, "artifact.tsr"))
    settings.TIMESTAMP_URL = authority.url

    assert (off, authority.asked) == (([], None, 0), 0)
    assert (missing.status_code, missing.json()["code"]) == (404, "timestamp_missing")
    assert ask() == [True]


@needs_database
def test_an_authority_that_is_down_is_asked_again_and_the_archive_is_given_out_meanwhile(
    bench: Bench, authority: Authority, settings: Any
) -> None:
    export, administrator = make_archive(bench), make_administrator()
    settings.TIMESTAMP_URL = "http://127.0.0.1:9/"

    at, pauses = LATER, []
    for _ in range(TOLD_AFTER):
        assert ask(at=at) == [False]
        row = ArchiveStamp.objects.get()
        assert row.next_retry_at is not None
        pauses.append(row.next_retry_at - at)
        assert ask(at=at + timedelta(seconds=1)) == []
        at = max(row.next_retry_at, at + RING_AGAIN)

    shown = told(export, bench)
    assert (shown["status"], shown["attempts"], shown["download_path"]) == ("pending", TOLD_AFTER, None)
    assert shown["error"] == "The authority does not answer (ConnectError)."
    assert pauses[-1] > pauses[0]
    assert Notification.objects.filter(person=administrator).count() == 1
    archive = client_of(bench.asker).get(path_of(bench.session, export, "artifact"))
    assert len(b"".join(archive.streaming_content)) == export.artifact_size
    assert "packaging.timestamped" not in kinds(bench.session)
    settings.TIMESTAMP_URL = authority.url
    assert (ask(at=at), told(export, bench)["error"]) == ([True], None)


@needs_database
def test_only_who_holds_the_lease_keeps_the_answer_and_a_dead_worker_is_followed(
    bench: Bench, authority: Authority
) -> None:
    make_archive(bench)
    (pk,) = due_stamps(at=LATER)
    ArchiveStamp.objects.update(lease="00000000-0000-4000-8000-000000000001", lease_until=LATER + LEASE)

    busy = stamp_archive(stamp_id=pk, clock=lambda: LATER)
    followed = stamp_archive(stamp_id=pk, clock=lambda: LATER + LEASE)

    assert (busy, followed, authority.asked) == (False, True, 1)


@needs_database
def test_an_archive_that_was_taken_back_is_not_stamped(bench: Bench, authority: Authority) -> None:
    export = make_archive(bench)
    (pk,) = due_stamps(at=LATER)
    reset_stage(stage=export.approval.stages.get(sequence_index=2), notes="Wait.", by=bench.lead, at=LATER)

    assert (stamp_archive(stamp_id=pk, clock=lambda: LATER), authority.asked) == (False, 0)


def _nonce(request: bytes) -> bytes:
    return request[:-6] + bytes([request[-6] ^ 1]) + request[-5:]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"misread": _nonce}, "The time stamp answers another request"),
        ({"misread": lambda ask: make_query("ab" * 32)[0]}, "The time stamp is of another digest"),
        ({"misread": lambda ask: b"no request"}, "The authority granted no time stamp (status 2"),
        ({"spoil": lambda answer: answer[:-3] + bytes([answer[-3] ^ 1]) + answer[-2:]}, "The time stamp's signature"),
        ({"spoil": lambda answer: b"<html>Sign in</html>"}, "What the authority answered is no time stamp."),
        ({"spoil": lambda answer: answer + bytes(LARGEST)}, "The authority's answer is larger than any"),
        ({"status": 503}, "The authority answered with the status 503."),
    ],
    ids=["nonce", "digest", "rejection", "signature", "page", "size", "status"],
)
def test_an_answer_that_does_not_fit_is_refused_and_said_so(
    change: dict[str, Any], words: str, authority: Authority
) -> None:
    for name, value in change.items():
        setattr(authority, name, value)

    with pytest.raises(StampRefused) as refused:
        ask_authority(authority.url, DIGEST, trusted=read_certificates(str(authority.certificates)))

    assert str(refused.value).startswith(words)


@needs_database
def test_what_was_refused_is_not_kept_and_not_given_out(bench: Bench, authority: Authority) -> None:
    export = make_archive(bench)
    authority.misread = _nonce

    assert ask() == [False]

    row, shown = ArchiveStamp.objects.get(), told(export, bench)
    assert (row.stamped_at, row.answer, row.lease) == (None, None, None)
    assert (shown["status"], shown["error"]) == ("pending", row.error)
    assert row.error == "The time stamp answers another request: its nonce is not ours."
    assert "packaging.timestamped" not in kinds(bench.session)
    assert client_of(bench.asker).get(path_of(bench.session, export, "artifact.tsr")).status_code == 404


def test_a_strangers_signature_is_taken_only_where_no_certificate_was_given(
    tmp_path: Path, authority: Authority
) -> None:
    stranger = Authority(tmp_path / "stranger")
    query, nonce = make_query(DIGEST)
    answer = stranger.answer(query)

    unchecked = read_answer(answer, sha256=DIGEST, nonce=nonce, trusted=())
    with pytest.raises(StampRefused, match="does not lead to a certificate of TIMESTAMP_CERTIFICATES"):
        read_answer(answer, sha256=DIGEST, nonce=nonce, trusted=read_certificates(str(authority.certificates)))

    assert not unchecked.authority_checked
    assert dataclasses.replace(unchecked, answer=b"").authority == "Test Authority"
    for path in (tmp_path / "none.pem", tmp_path / "stranger" / "key.pem"):
        with pytest.raises(StampRefused, match="cannot be read"):
            read_certificates(str(path))


@pytest.mark.parametrize(
    ("old", "new", "place", "why"),
    [
        (b"\x55\x04\x03\x0c", b"\x55\x04\x03\x5b", -1, "is no time stamp"),
        (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x5f", 1, "is no time stamp"),
        (b"Test Authority", b"Fake Authority", 2, "a certificate that was changed"),
    ],
    ids=["kind of text", "version", "subject"],
)
def test_an_answer_bent_on_its_way_is_refused_in_words(
    old: bytes, new: bytes, place: int, why: str, authority: Authority
) -> None:
    query, nonce = make_query(DIGEST)
    parts = authority.answer(query).split(old)
    bent = old.join(parts[:place]) + new + old.join(parts[place:])

    with pytest.raises(StampRefused, match=why):
        read_answer(bent, sha256=DIGEST, nonce=nonce, trusted=read_certificates(str(authority.certificates)))
