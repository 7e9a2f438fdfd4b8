"""Forges archives, from the clumsy to the thorough, for the verifiers to find out."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable
from enum import IntEnum

from exports_app.archive import verify
from exports_app.archive.sign import minisign
from tests.exports.archive_kit import Key, members

ROOT = "session-sess_01k0000000000000000000000a-v1"


class Care(IntEnum):
    """How far the forger goes to cover a change."""

    ZIP = 0
    MANIFESTS = 1
    CRATE = 2
    SIGNATURE = 3


def zipped(files: dict[str, bytes], stamp: int) -> bytes:
    """Return a zip of ``files`` exactly as the packer writes one."""
    out, directory = b"", b""
    for name in sorted(files):
        member = verify.Member(f"{ROOT}/{name}", len(files[name]), zlib.crc32(files[name]), len(out))
        out += verify.zip_local(member, stamp) + files[name]
        directory += verify.zip_central(member, stamp)
    return out + directory + verify.zip_end(len(files), len(directory), len(out))


def stamp_of(archive: bytes) -> int:
    """Return the date and time of the first entry."""
    return int.from_bytes(archive[12:14], "little") << 16 | int.from_bytes(archive[10:12], "little")


def forge(
    archive: bytes,
    change: Callable[[dict[str, bytes]], object],
    *,
    care: Care,
    key: Key | None = None,
) -> bytes:
    """Return ``archive`` with its files changed and the tracks covered up to ``care``, signed by ``key`` if need be."""
    files = members(archive)
    change(files)
    if care >= Care.CRATE:
        crate = json.loads(files[verify.CRATE])
        described = {node["@id"]: node for node in crate["@graph"]}
        for name in list(described):
            if "sha256" in described[name] and name not in files:
                crate["@graph"].remove(described[name])
        for name in files:
            if name.startswith("data/") and name not in described:
                described[name] = {"@id": name, "@type": "File"}
                crate["@graph"].append(described[name])
            if name in described and name != verify.CRATE:
                described[name]["sha256"] = hashlib.sha256(files[name]).hexdigest()
                described[name]["contentSize"] = str(len(files[name]))
        payload = [name for name in files if name.startswith("data/")]
        files["bag-info.txt"] = _oxum(files["bag-info.txt"], [files[name] for name in payload])
        described["bag-info.txt"]["sha256"] = hashlib.sha256(files["bag-info.txt"]).hexdigest()
        described["bag-info.txt"]["contentSize"] = str(len(files["bag-info.txt"]))
        files[verify.CRATE] = (json.dumps(crate, indent=1, ensure_ascii=False) + "\n").encode()
    if care >= Care.SIGNATURE:
        assert key is not None
        files[verify.SIGNATURE_FILE] = minisign(files[verify.CRATE], key, "forged")
    if care >= Care.MANIFESTS:
        payload = [name for name in files if name.startswith("data/")]
        files["bag-info.txt"] = _oxum(files["bag-info.txt"], [files[name] for name in payload])
        for algorithm in verify.ALGORITHMS:
            files[f"manifest-{algorithm}.txt"] = _manifest(files, payload, algorithm)
        tags = [name for name in files if not name.startswith("data/") and not name.startswith("tagmanifest-")]
        for algorithm in verify.ALGORITHMS:
            files[f"tagmanifest-{algorithm}.txt"] = _manifest(files, tags, algorithm)
    return zipped(files, stamp_of(archive))


def _oxum(info: bytes, payload: list[bytes]) -> bytes:
    lines = info.decode().split("\n")
    oxum = f"Payload-Oxum: {sum(map(len, payload))}.{len(payload)}"
    return "\n".join(oxum if line.startswith("Payload-Oxum") else line for line in lines).encode()


def _manifest(files: dict[str, bytes], names: Iterable[str], algorithm: str) -> bytes:
    return "".join(f"{hashlib.new(algorithm, files[name]).hexdigest()}  {name}\n" for name in sorted(names)).encode()


def replacing(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    """Return a change that replaces the first ``old`` in one file."""

    def change(files: dict[str, bytes]) -> None:
        assert old in files[name], f"{name} holds no {old!r}"
        files[name] = files[name].replace(old, new, 1)

    return change


def flipped(data: bytes, at: int, bit: int = 0) -> bytes:
    """Return ``data`` with one bit turned."""
    return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]
