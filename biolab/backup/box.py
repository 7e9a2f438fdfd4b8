"""The backup's file: a tar whose last member, ``SHA256SUMS``, names every other with its digest.

What ends before that member is no backup. The file is written under another name and gets its own when it is whole.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final

SUMS: Final = "SHA256SUMS"
CHUNK: Final = 1024 * 1024


class Damaged(Exception):
    """The file is not a whole backup as it was written."""


class Packer:
    """Adds members to a new backup."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.sums: dict[str, str] = {}

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add a member from memory."""
        self._add(name, io.BytesIO(data), len(data), hashlib.sha256(data).hexdigest())

    def add_file(self, name: str, path: Path) -> None:
        """Add a member from a file."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            self._add(name, file, path.stat().st_size, digest)

    def _add(self, name: str, file: IO[bytes], size: int, digest: str) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        self._tar.addfile(member, file)
        self.sums[name] = digest


@contextmanager
def packing(path: Path) -> Iterator[Packer]:
    """Give what fills a new backup at ``path``, which only its owner may read; nothing is there when it fails."""
    part = path.with_name(f"{path.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                packer = Packer(tar)
                yield packer
                sums = "".join(f"{digest}  {name}\n" for name, digest in packer.sums.items())
                packer.add_bytes(SUMS, sums.encode())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def check(path: Path) -> dict[str, str]:
    """Return the digest of every member, each computed again.

    Raises:
        Damaged: the file is cut short, or a member is not what it was, is missing, or is too many.
    """
    found: dict[str, str] = {}
    told = ""
    try:
        for name, file in members(path):
            if name == SUMS:
                told = file.read().decode()
                continue
            if name in found:
                raise Damaged(f"{name} is there twice.")
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    except (tarfile.TarError, UnicodeDecodeError) as error:
        raise Damaged(f"This is not a whole backup: {error}.") from error
    if not told:
        raise Damaged("The file ends before its list of digests: this backup was never finished.")
    expected = {name: digest for digest, _, name in (line.partition("  ") for line in told.splitlines())}
    for name in sorted({*expected, *found}):
        if expected.get(name) != found.get(name):
            raise Damaged(f"{name} is not as it was backed up.")
    return found


def members(path: Path, prefix: str = "") -> Iterator[tuple[str, IO[bytes]]]:
    """Yield name and bytes of every member below ``prefix``, in the order in which they were written.

    Raises:
        Damaged: this is no tar, it is cut short, or it names something outside.
    """
    try:
        with tarfile.open(path, mode="r:") as tar:
            for member in tar:
                place = PurePosixPath(member.name)
                if not member.isreg() or place.is_absolute() or ".." in place.parts or str(place) != member.name:
                    raise Damaged(f"{member.name} does not belong into a backup.")
                file = tar.extractfile(member)
                if file is not None and member.name.startswith(prefix):
                    yield member.name, file
    except (tarfile.TarError, EOFError) as error:
        raise Damaged(f"This is not a whole backup: {error}.") from error
