"""Ed25519 in plain Python agrees with the library; headers hold beyond four gigabytes; the command answers."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from exports_app.archive import verify
from exports_app.archive.sign import minisign_public_key
from tests.exports import archive_kit as kit

ORDER = 2**252 + 27742317777372353535851937790883648493

# RFC 8032, section 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_vectors_of_the_standard_hold(key: str, message: str, signature: str) -> None:
    parts = bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)

    assert verify.ed25519_valid(*parts)
    assert not verify.ed25519_valid(parts[0], parts[1] + b"x", parts[2])


@settings(deadline=None, max_examples=60)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 64 * 8 - 1))
def test_it_agrees_with_the_library_on_good_and_bent_signatures(seed: bytes, message: bytes, bit: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = private.sign(message)
    bent = bytearray(signature)
    bent[bit // 8] ^= 1 << bit % 8

    assert verify.ed25519_valid(public, message, signature)
    assert verify.ed25519_valid(public, message, bytes(bent)) == _library_says(public, message, bytes(bent))


def _library_says(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def test_a_signature_has_one_form_only() -> None:
    key = kit.Key()
    signature = key.sign(b"m")
    scalar = int.from_bytes(signature[32:], "little") + ORDER

    other = signature[:32] + scalar.to_bytes(32, "little")

    assert verify.ed25519_valid(key.public_key(), b"m", signature)
    assert not verify.ed25519_valid(key.public_key(), b"m", other)


@pytest.mark.parametrize("key", [b"", b"\xff" * 32, (2**255 - 19 + 1).to_bytes(32, "little"), b"\x02" + b"\0" * 31])
def test_points_off_the_curve_and_unreduced_ones_are_refused(key: bytes) -> None:
    assert not verify.ed25519_valid(key, b"m", b"\0" * 64)


def test_zip_headers_hold_beyond_four_gigabytes(tmp_path: Path) -> None:
    """A sparse file of 5 GiB between two small members, read by Python's own zipfile."""
    path, hole, stamp = tmp_path / "big.zip", 5 << 30, verify.zip_stamp(2026, 3, 2, 17, 30, 1)
    crc = 0
    with path.open("wb") as file:
        directory = b""
        for name, size in (("r/a", 3), ("r/hole", hole), ("r/z", 3)):
            data = name[-1].encode() * 3 if size == 3 else b""
            crc = verify.zlib.crc32(data)
            member = verify.Member(name, size, crc, file.tell())
            file.write(verify.zip_local(member, stamp) + data)
            file.seek(size - len(data), 1)
            directory += verify.zip_central(member, stamp)
        begin = file.tell()
        file.write(directory + verify.zip_end(3, len(directory), begin))

    with zipfile.ZipFile(path) as file:
        infos = {info.filename: info for info in file.infolist()}
        last = file.read("r/z")
    with path.open("rb") as raw:
        members = verify.Zip(raw).members

    assert infos["r/hole"].file_size == hole
    assert last == b"zzz"
    assert members["z"].offset > hole
    assert members["hole"].size == hole


def test_more_files_than_sixteen_bits_count() -> None:
    end = verify.zip_end(70_000, 10, 20)

    assert end.startswith(b"PK\6\6")
    assert int.from_bytes(end[24:32], "little") == 70_000


@pytest.mark.parametrize("form", ["hex", "minisign"])
def test_a_key_can_be_named_in_either_form(form: str) -> None:
    key = kit.Key()
    text = key.public_key().hex() if form == "hex" else minisign_public_key(key)

    assert verify.parse_key(text) == key.public_key()


def test_the_command_says_each_check_and_ends_with_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.eln"
    path.write_bytes(kit.pack())

    code = verify.main([str(path)])

    said = capsys.readouterr().out
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()[:-1]] == ["ok"] * 8


def test_the_command_names_the_first_wrong_thing_and_ends_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.eln"
    path.write_bytes(kit.pack().replace(b"Foam at 3 cm", b"Foam at 9 cm", 1))

    code = verify.main([str(path)])

    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    assert lines[-2].startswith("WRONG bag: data/narrative.md: changed")
    assert lines[-1] == "The archive is NOT what was sealed."


def test_the_command_asks_for_a_file_where_it_lies_in_no_bag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        verify.main([])

    assert "name a FILE.eln or a FOLDER" in capsys.readouterr().err
