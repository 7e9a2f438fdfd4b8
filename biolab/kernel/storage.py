"""The artifact store: files put whole or not at all, and checked on every way back.

The store is Django's ``STORAGES["artifacts"]``: a folder, or an S3-compatible bucket. Rows name objects; an object that
no row names is nobody's, and the app under whose prefix it lies removes it after a day.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from biolab.kernel.errors import Conflict, TooLarge, Unreachable

ORPHANS_OLDER_THAN: Final = timedelta(days=1)
CHUNK: Final = 1024 * 1024
INCOMING: Final = "incoming"


class IntegrityFailed(Conflict):
    """What storage returned is not what was stored."""

    default_code = "integrity_failed"


class StorageUnreachable(Unreachable):
    """The artifact store does not answer as it should."""

    default_code = "storage_unreachable"


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes in a local file, with their SHA-256 and size."""

    path: Path
    sha256: str
    size: int
    media_type: str


def store() -> Storage:
    """Return the artifact store."""
    return storages["artifacts"]


def is_folder() -> bool:
    """Tell whether the store is a folder of this machine."""
    return isinstance(store(), FileSystemStorage)


def spool_folder() -> Path:
    """Return the folder of files on their way in or out."""
    folder = Path(settings.DATA_DIR) / "spool"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@contextlib.contextmanager
def workbench() -> Iterator[Path]:
    """Give an empty folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=spool_folder()) as folder:
        yield Path(folder)


def measure(pieces: Iterable[bytes], *, folder: Path, media_type: str, limit: int | None = None) -> Measured:
    """Write ``pieces`` to a file in ``folder`` and return it with its digest.

    Raises:
        TooLarge: they are more than ``limit`` bytes.
    """
    path = folder / uuid.uuid4().hex
    sha256 = hashlib.sha256()
    size = 0
    with path.open("wb") as file:
        for piece in pieces:
            size += len(piece)
            if limit is not None and size > limit:
                raise TooLarge(f"The file is larger than {limit} bytes.", code="body_too_large", limit_bytes=limit)
            file.write(piece)
            sha256.update(piece)
    return Measured(path, sha256.hexdigest(), size, media_type)


def measured(path: Path, *, media_type: str) -> Measured:
    """Return a file that is there already, with its digest."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Measured(path, sha256, path.stat().st_size, media_type)


def put(path: Path, name: str) -> None:
    """Store the file under ``name``: afterwards all of it is there, or none.

    Raises:
        StorageUnreachable: the store did not take it.
    """
    with trouble("The artifact store did not take a file."):
        storage = store()
        if isinstance(storage, FileSystemStorage):
            _put_in_folder(storage, path, name)
            return
        with path.open("rb") as file:
            stored = storage.save(name, File(file))
        if stored != name:  # a store that renames instead of replacing would break the row's word
            storage.delete(stored)
            raise OSError(f"the store kept {name} under another name")


def _put_in_folder(storage: FileSystemStorage, path: Path, name: str) -> None:
    target = Path(storage.path(name))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(storage.path(f"{INCOMING}/{uuid.uuid4().hex}"))
    temporary.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("rb") as source, temporary.open("wb") as file:
            while piece := source.read(CHUNK):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fetch(name: str, *, sha256: str) -> IO[bytes]:
    """Return a local, nameless copy of the object, checked as a whole and open at its start.

    Raises:
        IntegrityFailed: the bytes are not those of ``sha256``; ``observed`` says what they are.
        StorageUnreachable: the store does not answer, or does not have it.
    """
    copy = tempfile.TemporaryFile(dir=spool_folder())  # noqa: SIM115  handed to the caller, who closes it
    try:
        digest = hashlib.sha256()
        for piece in read(name):
            digest.update(piece)
            copy.write(piece)
        observed = digest.hexdigest()
        if observed != sha256:
            raise IntegrityFailed(
                "What storage returned is not what was stored; nothing of it is given out.",
                expected=sha256,
                observed=observed,
            )
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return copy


def read(name: str) -> Iterator[bytes]:
    """Yield the object's bytes, unchecked.

    Raises:
        StorageUnreachable: the store does not answer, or does not have it.
    """
    with trouble("The artifact store does not answer as it should."), store().open(name, "rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def remove(name: str) -> None:
    """Remove the object; one that is not there is fine.

    Raises:
        StorageUnreachable: the store does not answer.
    """
    with trouble("The artifact store did not remove a file."), contextlib.suppress(FileNotFoundError):
        store().delete(name)


def names_under(prefix: str) -> Iterator[str]:
    """Yield the names of all objects below ``prefix``, folder by folder; of all there are where it is empty.

    Raises:
        StorageUnreachable: the store does not answer.
    """
    with trouble("The artifact store does not list its files."):
        try:
            folders, files = store().listdir(prefix)
        except FileNotFoundError:
            return
    for file in files:
        if file:
            yield f"{prefix}/{file}" if prefix else file
    for folder in folders:
        if folder:
            yield from names_under(f"{prefix}/{folder}" if prefix else folder)


def stored_at(name: str) -> datetime | None:
    """Return when the object was last written; None when it is gone.

    Raises:
        StorageUnreachable: the store does not answer.
    """
    with trouble("The artifact store does not answer as it should."):
        storage = store()
        try:
            return storage.get_modified_time(name) if storage.exists(name) else None
        except FileNotFoundError:
            return None


def sweep_orphans(prefix: str, *, at: datetime, is_named: Callable[[str], bool]) -> int:
    """Remove objects below ``prefix`` older than a day that no row names, and return how many.

    Args:
        is_named: tells whether a row names an object; younger ones may belong to a row that is still to be written.

    Raises:
        StorageUnreachable: the store does not answer.
    """
    removed = 0
    for name in names_under(prefix):
        written = stored_at(name)
        if written is not None and written < at - ORPHANS_OLDER_THAN and not is_named(name):
            remove(name)
            removed += 1
    return removed


@contextlib.contextmanager
def trouble(sentence: str) -> Iterator[None]:
    """Turn what a store may raise into one refusal."""
    try:
        yield
    except OSError as error:
        raise StorageUnreachable(sentence) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] in {"botocore", "boto3", "s3transfer", "urllib3"}:
            raise StorageUnreachable(sentence) from error
        raise
