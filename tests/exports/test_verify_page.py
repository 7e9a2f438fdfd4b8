"""The page on which anyone has an archive checked."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from exports_app.archive.sign import minisign_public_key
from exports_app.pages.verify import CHECKS
from tests.exports import archive_kit as kit

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]


def send(content: bytes | None, key: str = "") -> tuple[int, str]:
    form = {"key": key} | ({"file": SimpleUploadedFile("session.eln", content)} if content is not None else {})
    answer = Client().post("/verify", form)
    return answer.status_code, answer.content.decode()


def test_an_archive_that_is_whole_passes_every_check_without_a_sign_in() -> None:
    status, page = send(kit.pack(), minisign_public_key(kit.Key()))

    assert status == 200
    assert page.count(">Holds<") == len(CHECKS)
    assert "Not reached" not in page


def test_the_first_thing_that_is_wrong_is_named_and_what_follows_is_not_reached() -> None:
    status, page = send(kit.pack().replace(b"Foam at 3 cm", b"Foam at 9 cm"))

    assert status == 200
    assert ("Not what was sealed" in page, page.count(">Holds<"), page.count(">Wrong<")) == (True, 1, 1)
    assert page.count("Not reached") == len(CHECKS) - 2


@pytest.mark.parametrize(
    ("content", "key", "status", "words"),
    [
        (None, "", 422, "Choose an archive first"),
        (b"PK", "no key", 422, "neither 64 hex digits"),
        (b"PK" * 600, "", 413, "larger than 1000 bytes"),
    ],
)
def test_what_cannot_be_checked_is_said_in_words(
    settings: Settings, content: bytes | None, key: str, status: int, words: str
) -> None:
    settings.UPLOAD_MAX_BYTES = 1000

    answered, page = send(content, key)

    assert (answered, words in page, ">Holds<" in page) == (status, True, False)


def test_another_key_than_the_laboratorys_is_noticed() -> None:
    _, page = send(kit.pack(), minisign_public_key(kit.Key(2)))

    assert "not made with the key you named" in page
