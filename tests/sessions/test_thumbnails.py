"""Pictures are shown small: upright, without what the camera wrote, and never at the price of the server's memory."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from sessions_app.models import LabFile
from sessions_app.thumbnails import EDGE, draw_thumbnail
from tests.factories.notebook import make_file
from tests.factories.sessions import SessionFactory, make_member, make_team
from tests.sessions.kit import client_of

pytestmark = pytest.mark.sqlite_only


def picture(kind: str, size: tuple[int, int] = (900, 600), mode: str = "RGB", **more: Any) -> bytes:
    drawn = io.BytesIO()
    Image.new(mode, size, "red" if mode == "RGB" else 0).save(drawn, kind, **more)
    return drawn.getvalue()


def seen(drawn: bytes | None) -> Image.Image:
    assert drawn is not None
    return Image.open(io.BytesIO(drawn))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF"])
def test_a_picture_becomes_small_and_keeps_its_proportions(kind: str) -> None:
    small = seen(draw_thumbnail(io.BytesIO(picture(kind)), f"image/{kind.lower()}"))

    assert (small.format, small.size) == ("WEBP", (EDGE, 213))


def test_a_small_one_stays_as_large_as_it_is_and_transparent() -> None:
    small = seen(draw_thumbnail(io.BytesIO(picture("PNG", (8, 4), "RGBA")), "image/png"))

    assert (small.size, small.mode) == ((8, 4), "RGBA")


def test_it_stands_upright_and_tells_nothing_of_the_camera() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera of somebody"  # turned by 90°, and its maker

    drawn = draw_thumbnail(io.BytesIO(picture("JPEG", exif=exif.tobytes())), "image/jpeg")

    assert seen(drawn).size == (213, EDGE)
    assert drawn is not None
    assert b"Camera" not in drawn


def bomb() -> bytes:
    """Return a PNG of a few bytes that says it is 60,000 pixels wide and high."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (bomb(), "image/png"),
        (picture("PNG")[:60], "image/png"),
        (b"\xff\xd8\xff nonsense", "image/jpeg"),
        (picture("PNG"), "image/jpeg"),
        (picture("PNG"), "text/plain"),
        (b"", "image/gif"),
    ],
)
def test_what_cannot_be_drawn_is_none(content: bytes, media_type: str) -> None:
    assert draw_thumbnail(io.BytesIO(content), media_type) is None


@pytest.mark.django_db
def test_the_door_shows_pictures_to_the_team_alone() -> None:
    session = SessionFactory()
    shown = make_file(session.created_by, session, data=picture("PNG"), filename="gel.png")
    text = make_file(session.created_by, session, data=b"one,two\n", filename="table.csv")
    member, stranger = client_of(session.created_by), client_of(make_member(make_team("Another")))

    answer = member.get(f"/api/files/{shown.public_id}/thumbnail")
    none = member.get(f"/api/files/{text.public_id}/thumbnail")

    assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
    assert seen(answer.content).size == (EDGE, 213)
    assert answer["Cache-Control"] == "private, max-age=86400"
    assert (none.status_code, none.json()["code"]) == (404, "no_thumbnail")
    assert stranger.get(f"/api/files/{shown.public_id}/thumbnail").status_code == 404
    assert LabFile.objects.count() == 2
