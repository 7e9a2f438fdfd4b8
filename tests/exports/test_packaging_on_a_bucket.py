"""Packing into a real S3-compatible store, and what becomes of it when the store fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.utils import timezone

from biolab.kernel.canonical import sha256
from exports_app.archive.verify import check
from exports_app.models import NarrativeExport
from exports_app.services.upkeep import expire_artifacts
from tests.exports.buckets import change_byte, make_bucket, objects_in, server_port
from tests.exports.doors import client_of, path_of
from tests.factories.exports import TEN, approve, fresh, kinds, make_export, make_export_bench, pack
from tests.factories.governance import Bench
from tests.faults.object_server import READER_KEY, READER_SECRET
from tests.faults.wire import Wire, wire_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite_only]
LATER = TEN + timedelta(minutes=10)


@pytest.fixture
def bench() -> Bench:
    return make_export_bench(readings=50)


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    """A line to the store that can be broken."""
    with wire_to(server_port()) as line:
        yield line


@pytest.fixture
def store(settings: Any, tmp_path: Path, wire: Wire) -> Iterator[dict[str, Any]]:
    """A bucket of this test alone, at the other end of the line; one try a call, and little patience."""
    backend = make_bucket(address=wire.address, patience_s=3, attempts=1)
    settings.STORAGES = {**settings.STORAGES, "artifacts": backend}
    settings.DATA_DIR = tmp_path
    yield backend
    wire.heal()


def archives(store: dict[str, Any]) -> list[str]:
    return objects_in(store, "narratives/")


def test_the_whole_loop_on_a_slow_bucket(bench: Bench, store: dict[str, Any], wire: Wire, tmp_path: Path) -> None:
    wire.latency_s = 0.01
    export = pack(approve(make_export(bench), bench), at=timezone.now())
    door = path_of(bench.session, export, "artifact")

    whole = b"".join(client_of(bench.asker).get(door).streaming_content)
    part = client_of(bench.asker).get(door, headers={"Range": "bytes=10-19"})
    url = client_of(bench.asker).get(path_of(bench.session, export)).json()["artifact_signed_url"]
    linked = requests.get(url, timeout=10)

    assert (export.artifact_status, archives(store)) == ("ready", [export.artifact_name])
    assert sha256(whole) == export.artifact_checksum == sha256(linked.content)
    assert (part.status_code, b"".join(part.streaming_content)) == (206, whole[10:20])
    assert f'filename="session-{bench.session.public_id}-v1.eln"' in linked.headers["Content-Disposition"]
    assert requests.get(url.replace("X-Amz-Expires=300", "X-Amz-Expires=9999"), timeout=10).status_code == 403
    (tmp_path / "out.eln").write_bytes(whole)
    assert check(tmp_path / "out.eln").valid


def test_a_signed_address_at_the_bucket_runs_out(
    bench: Bench, store: dict[str, Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ARTIFACT_URL_SECONDS = 1
    export = pack(approve(make_export(bench), bench), at=LATER)
    url = client_of(bench.asker).get(path_of(bench.session, export)).json()["artifact_signed_url"]
    old = url.replace(url.partition("X-Amz-Date=")[2][:16], "20200101T000000Z")

    assert requests.get(url, timeout=10).status_code == 200
    assert requests.get(old, timeout=10).status_code == 403


def test_bytes_changed_at_the_bucket_are_never_given_out(bench: Bench, store: dict[str, Any]) -> None:
    export = pack(approve(make_export(bench), bench), at=LATER)
    change_byte(store, export.artifact_name)

    answer = client_of(bench.asker).get(path_of(bench.session, export, "artifact"))

    assert (answer.status_code, answer.json()["code"]) == (409, "integrity_failed")
    assert fresh(export).artifact_status == "failed"
    assert "packaging.downloaded" not in kinds(bench.session)


def break_down(wire: Wire, store: dict[str, Any]) -> None:
    wire.is_down = True


def fall_silent(wire: Wire, store: dict[str, Any]) -> None:
    wire.is_silent = True


def cut_in_the_middle(wire: Wire, store: dict[str, Any]) -> None:
    wire.cut_after = 9000  # the archive is larger, what is asked before is not


def refuse_to_write(wire: Wire, store: dict[str, Any]) -> None:
    """As a store that is full does: it answers, and takes nothing."""
    store["OPTIONS"].update(access_key=READER_KEY, secret_key=READER_SECRET)


@pytest.mark.parametrize("fault", [break_down, fall_silent, cut_in_the_middle, refuse_to_write])
def test_a_store_that_fails_costs_a_try_and_leaves_no_half_archive(
    bench: Bench, store: dict[str, Any], wire: Wire, settings: Any, fault: Any
) -> None:
    export = approve(make_export(bench), bench)
    whole = dict(store["OPTIONS"])
    fault(wire, store)
    settings.STORAGES = {**settings.STORAGES, "artifacts": {**store, "OPTIONS": dict(store["OPTIONS"])}}

    tried = pack(export, at=LATER)
    left = archives(store)
    wire.heal()
    settings.STORAGES = {**settings.STORAGES, "artifacts": {**store, "OPTIONS": whole}}
    ready = pack(export, at=tried.next_retry_at or LATER)

    assert (tried.artifact_status, tried.attempts, left) == ("retrying", 1, [])
    assert tried.artifact_error.startswith("The artifact store")
    assert (ready.artifact_status, ready.attempts, archives(store)) == ("ready", 2, [ready.artifact_name])
    assert kinds(bench.session)[-4:] == [
        "packaging.started",
        "packaging.retrying",
        "packaging.started",
        "packaging.ready",
    ]


def test_what_cannot_be_fetched_is_a_502_and_can_be_had_later(bench: Bench, store: dict[str, Any], wire: Wire) -> None:
    export = pack(approve(make_export(bench), bench), at=LATER)
    door = path_of(bench.session, export, "artifact")
    wire.is_down = True

    down = client_of(bench.asker).get(door)
    wire.heal()
    up = client_of(bench.asker).get(door)

    assert (down.status_code, down.json()["code"]) == (502, "storage_unreachable")
    assert (up.status_code, len(b"".join(up.streaming_content))) == (200, export.artifact_size)
    assert fresh(export).artifact_status == "ready"


def test_nothing_is_frozen_while_the_store_is_away(bench: Bench, store: dict[str, Any], wire: Wire) -> None:
    wire.is_down = True

    answer = client_of(bench.asker).post(path_of(bench.session), {}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (502, "storage_unreachable")
    assert not NarrativeExport.objects.exists()
    assert "narrative_export.created" not in kinds(bench.session)


def test_an_expired_archive_is_gone_from_the_bucket(bench: Bench, store: dict[str, Any]) -> None:
    export = pack(approve(make_export(bench), bench), at=LATER)
    assert export.retention_expires_at is not None

    assert expire_artifacts(at=export.retention_expires_at) == 1
    assert archives(store) == []
