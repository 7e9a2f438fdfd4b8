"""An archive leaves the house checked, whole or in ranges, to its team alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.utils import timezone

from biolab.accounts.models import Membership
from biolab.kernel.canonical import sha256
from exports_app import storage
from exports_app.errors import StorageUnreachable
from exports_app.links import artifact_url, read_link
from exports_app.models import NarrativeExport
from exports_app.services.artifacts import open_artifact
from tests.exports.doors import client_of, path_of
from tests.factories.exports import approve, fresh, kinds, make_archive, make_export, make_export_bench
from tests.factories.governance import Bench, make_administrator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bench() -> Bench:
    return make_export_bench(readings=50)


@pytest.fixture
def export(bench: Bench) -> NarrativeExport:
    return make_archive(bench)


def fetch(bench: Bench, export: NarrativeExport, **headers: str) -> Any:
    return client_of(bench.asker).get(path_of(bench.session, export, "artifact"), headers=headers)


def body_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def stored(export: NarrativeExport) -> Path:
    return Path(django_settings.ARTIFACTS_DIR) / export.artifact_name


def test_the_archive_is_sent_whole_with_its_digest_as_tag(bench: Bench, export: NarrativeExport) -> None:
    answer = fetch(bench, export)

    data = body_of(answer)
    assert answer.status_code == 200
    assert sha256(data) == export.artifact_checksum
    assert answer["Content-Type"] == "application/vnd.eln+zip"
    assert answer["ETag"] == f'"{export.artifact_checksum}"'
    assert answer["Content-Length"] == str(len(data)) == str(export.artifact_size)
    assert answer["Content-Disposition"] == f'attachment; filename="session-{bench.session.public_id}-v1.eln"'
    told = bench.session.events.get(kind="narrative_export.packaging.downloaded").payload
    assert told == {"export_id": export.public_id, "version": 1, "actor_id": bench.asker.public_id}


RANGES: list[tuple[str, slice]] = [
    ("bytes=0-99", slice(0, 100)),
    ("bytes=100-", slice(100, None)),
    ("bytes=-10", slice(-10, None)),
    ("bytes=5-99999999", slice(5, None)),
]


@pytest.mark.parametrize(("asked", "expected"), RANGES)
def test_a_range_is_that_range(bench: Bench, export: NarrativeExport, asked: str, expected: slice) -> None:
    whole = body_of(fetch(bench, export))

    answer = fetch(bench, export, Range=asked)

    data = body_of(answer)
    start = expected.indices(len(whole))[0]
    assert answer.status_code == 206
    assert data == whole[expected]
    assert answer["Content-Range"] == f"bytes {start}-{start + len(data) - 1}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0", "bytes=9-3"])
def test_a_range_outside_the_archive_is_refused(bench: Bench, export: NarrativeExport, asked: str) -> None:
    answer = fetch(bench, export, Range=asked)

    assert answer.status_code == 416
    assert answer["Content-Range"] == f"bytes */{export.artifact_size}"
    assert "packaging.downloaded" not in kinds(bench.session)


@pytest.mark.parametrize(
    "headers",
    [{"Range": "lines=1-2"}, {"Range": "bytes=0-1,5-6"}, {"Range": "bytes=0-1", "If-Range": '"other"'}],
)
def test_a_range_that_does_not_apply_gives_the_whole(
    bench: Bench, export: NarrativeExport, headers: dict[str, str]
) -> None:
    answer = fetch(bench, export, **headers)

    assert (answer.status_code, len(body_of(answer))) == (200, export.artifact_size)


def test_who_has_it_already_gets_no_bytes(bench: Bench, export: NarrativeExport) -> None:
    answer = fetch(bench, export, **{"If-None-Match": f'"{export.artifact_checksum}"'})
    head = client_of(bench.asker).head(path_of(bench.session, export, "artifact"))

    assert answer.status_code == 304
    assert (head.status_code, head["Content-Length"]) == (200, str(export.artifact_size))
    assert "packaging.downloaded" not in kinds(bench.session)


def test_a_foreign_team_learns_nothing(bench: Bench, export: NarrativeExport) -> None:
    other = make_export_bench()

    theirs = client_of(other.asker).get(path_of(bench.session, export, "artifact"))
    crossed = client_of(other.asker).get(path_of(other.session, export, "artifact"))
    nobody = client_of(None).get(path_of(bench.session, export, "artifact"))

    assert (theirs.status_code, crossed.status_code, nobody.status_code) == (404, 404, 401)


def test_what_is_not_packed_is_not_ready(bench: Bench) -> None:
    waiting, approved = make_export(bench), approve(make_export(bench), bench)

    answers = [fetch(bench, one) for one in (waiting, approved)]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert {answer.json()["code"] for answer in answers} == {"artifact_not_ready"}
    assert answers[0].json()["packaging_queue_state"]["state"] == "awaiting_approval"


def test_a_flipped_bit_is_found_before_the_first_byte_and_told(bench: Bench, export: NarrativeExport) -> None:
    administrator = make_administrator()
    data = bytearray(stored(export).read_bytes())
    data[len(data) // 3] ^= 0x10
    stored(export).write_bytes(data)

    first, second = fetch(bench, export), fetch(bench, export)

    assert (first.status_code, first.json()["code"]) == (409, "integrity_failed")
    assert first["Content-Type"].startswith("application/problem+json")
    assert (second.status_code, second.json()["code"]) == (409, "artifact_not_ready")
    assert fresh(export).artifact_status == "failed"
    (event,) = bench.session.events.filter(kind="narrative_export.packaging.integrity_failed")
    assert event.payload == {
        "export_id": export.public_id,
        "version": 1,
        "expected_checksum": export.artifact_checksum,
        "observed_checksum": sha256(bytes(data)),
    }
    assert [message.to for message in mail.outbox] == [[administrator.email]]
    assert "packaging.downloaded" not in kinds(bench.session)


def test_a_store_that_lost_it_is_unreachable(bench: Bench, export: NarrativeExport) -> None:
    stored(export).unlink()

    answer = fetch(bench, export)

    assert (answer.status_code, answer.json()["code"]) == (502, "storage_unreachable")
    assert fresh(export).artifact_status == "ready"
    with pytest.raises(StorageUnreachable):
        open_artifact(export=fresh(export), at=timezone.now())


def signed_url(bench: Bench, export: NarrativeExport) -> str:
    url: str = client_of(bench.asker).get(path_of(bench.session, export)).json()["artifact_signed_url"]
    return url


def test_a_signed_link_works_without_signing_in(bench: Bench, export: NarrativeExport) -> None:
    url = signed_url(bench, export)

    answer = client_of(None).get(url)

    assert sha256(body_of(answer)) == export.artifact_checksum
    event = bench.session.events.get(kind="narrative_export.packaging.downloaded")
    assert event.payload["actor_id"] == bench.asker.public_id


@pytest.mark.parametrize("spoilt", ["", "x", "exp_1.user_1.abc.99999999999~signature"])
def test_a_link_that_is_not_ours_opens_nothing(bench: Bench, export: NarrativeExport, spoilt: str) -> None:
    url = signed_url(bench, export)
    target = url[:-1] + ("A" if url[-1] != "A" else "B") if not spoilt else url.rpartition("/")[0] + f"/{spoilt}"

    answer = client_of(None).get(target)

    assert (answer.status_code, answer.json()["code"]) == (403, "bad_link")


def test_a_link_runs_out(bench: Bench, export: NarrativeExport, settings: Any) -> None:
    settings.ARTIFACT_URL_SECONDS = 1
    url = artifact_url(export, person=bench.asker, at=timezone.now() - timedelta(minutes=1))

    answer = client_of(None).get(url)

    assert (answer.status_code, answer.json()["code"]) == (403, "link_expired")


def test_a_link_dies_with_its_owners_membership(bench: Bench, export: NarrativeExport) -> None:
    url = signed_url(bench, export)
    Membership.objects.filter(user=bench.asker).delete()
    bench.session.crew.clear()

    answer = client_of(None).get(url)

    assert answer.status_code == 404


def test_a_link_names_export_person_and_archive(bench: Bench, export: NarrativeExport) -> None:
    now = timezone.now()

    text = artifact_url(export, person=bench.asker, at=now).rpartition("/")[2]

    assert read_link(text, at=now) == (export.public_id, bench.asker.public_id, export.artifact_checksum[:32])


def test_names_in_the_store_hold_nothing_of_what_people_typed() -> None:
    name = storage.artifact_name(execution_id="sess_1", version=2, file_id="file_1", filename="../../etc/pass wd\u202e")

    assert name == "narratives/sess_1/v2/file_1_pass_wd"
