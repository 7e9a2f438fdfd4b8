"""Anyone may have an archive verified, as a raw body or in a form."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from exports_app import storage
from exports_app.models import NarrativeExport
from tests.exports.doors import client_of
from tests.factories.exports import make_archive, make_export_bench

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/api/verify"


def archive_of(export: NarrativeExport) -> bytes:
    with storage.fetch(export.artifact_name, sha256=export.artifact_checksum) as file:
        return file.read()


def raw(data: bytes, content_type: str = "application/vnd.eln+zip", **more: Any) -> Any:
    return client_of(None).generic("POST", URL, data, content_type=content_type, **more)


def test_an_archive_verifies_as_body_and_in_a_form() -> None:
    data = archive_of(make_archive(make_export_bench(readings=20)))

    body = raw(data)
    typed = raw(data, content_type="application/json")
    form = client_of(None).post(URL, {"file": SimpleUploadedFile("any.eln", data)}, format="multipart")

    for answer in (body, typed, form):
        assert answer.status_code == 200
        assert answer.json()["valid"] is True, answer.json()
        assert all(check["ok"] for check in answer.json()["checks"])
        assert "first_bad" not in answer.json()
        assert {"name", "ok", "detail"} == answer.json()["checks"][0].keys()


def test_a_changed_archive_is_named_and_so_is_what_is_none() -> None:
    data = bytearray(archive_of(make_archive(make_export_bench())))
    data[len(data) // 2] ^= 1

    changed, nonsense = raw(bytes(data)).json(), raw(b"no archive at all").json()

    assert (changed["valid"], nonsense["valid"]) == (False, False)
    assert changed["first_bad"]
    assert nonsense["first_bad"]
    assert not nonsense["checks"][-1]["ok"]


def test_nothing_and_too_much_are_refused(settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 1000

    empty, large = raw(b""), raw(b"x" * 2000)
    form = client_of(None).post(URL, {"other": "field"}, format="multipart")

    assert (empty.status_code, large.status_code, form.status_code) == (422, 413, 422)


def test_who_asks_too_often_is_told_when_again_on_page_and_api_alike(settings: Any) -> None:
    settings.VERIFY_RATE = "3/day"
    cache.clear()
    page = Client(REMOTE_ADDR="203.0.113.7")

    first = [raw(b"no archive at all", REMOTE_ADDR="203.0.113.7") for _ in range(2)]
    shown = [page.post("/verify", {}) for _ in range(2)]
    refused = raw(b"no archive at all", REMOTE_ADDR="203.0.113.7")

    assert [answer.status_code for answer in (*first, *shown, refused)] == [200, 200, 422, 429, 429]
    assert "too often" in shown[1].content.decode()
    assert refused.json()["code"] == "throttled"
    assert 0 < int(refused.headers["Retry-After"]) <= 86400
    assert 0 < int(shown[1].headers["Retry-After"]) <= 86400
    assert raw(b"no archive at all", REMOTE_ADDR="203.0.113.8").status_code == 200


def test_nothing_of_it_is_kept() -> None:
    before = set(storage.spool_folder().iterdir())

    raw(b"no archive at all")

    assert set(storage.spool_folder().iterdir()) == before
