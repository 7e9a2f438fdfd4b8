"""Back an installation up, and bring one back."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

from django.conf import settings
from django.db import connection

from biolab import __version__
from biolab.accounts.models import User
from biolab.backup import box, databases
from biolab.kernel import keys, security, storage
from biolab.kernel.times import iso
from sessions_app.models import LabSession

FORMAT: Final = 1
ABOUT: Final = "backup.json"
OBJECTS: Final = "objects/"
KEYS: Final = "keys/"
ELSEWHERE: Final = frozenset({"clickhouse"})

Say = Callable[[str], None]


class Unwilling(Exception):
    """A backup is not made, or not brought back, and why."""


@dataclass(frozen=True)
class Told:
    """What was backed up or brought back."""

    path: Path
    sha256: str
    size: int
    objects: int
    keys: int
    missing: tuple[str, ...] = ()


def back_up(*, path: Path, at: datetime) -> Told:
    """Write everything of this installation into one new file and return what it holds.

    The database is one snapshot; the objects are those that the store has afterwards, so that every row of the snapshot
    finds its own.

    Raises:
        Unwilling: the file exists.
    """
    if path.exists():
        raise Unwilling(f"{path} exists; a backup never overwrites another.")
    path.parent.mkdir(parents=True, exist_ok=True)
    objects, lost = 0, []
    with storage.workbench() as folder, box.packing(path) as packer:
        about = {
            "format": FORMAT,
            "made_at": iso(at),
            "software": __version__,
            "engine": connection.vendor,
            "migrations": databases.applied(),
            "readings": settings.STORAGE_BACKEND,
        }
        packer.add_bytes(ABOUT, json.dumps(about, indent=1).encode())
        databases.pack_database(packer, folder=folder)
        for name in storage.names_under(""):
            if name.startswith((f"{storage.INCOMING}/", ".")):
                continue
            copy = folder / "object"
            try:
                with copy.open("wb") as file:
                    for piece in storage.read(name):
                        file.write(piece)
            except storage.StorageUnreachable:
                if storage.stored_at(name) is not None:
                    raise
                lost.append(name)  # its time was over while the backup was made
                continue
            packer.add_file(OBJECTS + name, copy)
            objects += 1
        kept = sorted(each for each in Path(settings.KEYS_DIR).glob("*") if each.is_file())
        for each in kept:
            packer.add_file(KEYS + each.name, each)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    told = Told(path, digest, path.stat().st_size, objects, len(kept), tuple(lost))
    security.note_apart("backup.made", person=None, at=at, file=path.name, sha256=digest, size=told.size)
    return told


def bring_back(*, path: Path, at: datetime, over: bool = False, say: Say = lambda line: None) -> Told:
    """Replace this installation by the one in the file, and return what was brought back.

    The whole file is checked before anything is touched. Objects come first and the rows that name them after, so that
    what is cut short leaves no row without its object.

    Args:
        over: replace what is here already.
        say: told each thing that was done.

    Raises:
        Unwilling: the file is damaged, of a newer version or another kind of database, or something is here already.
    """
    try:
        sums = box.check(path)
        about = json.loads(_bytes(path, ABOUT))
    except (box.Damaged, OSError) as problem:
        raise Unwilling(str(problem)) from problem
    _require_fit(about)
    here = _what_is_here()
    if here and not over:
        raise Unwilling(f"There is something here already: {here}. Use --force to replace it.")
    say(f"The backup of {about['made_at']} is whole: {len(sums)} members.")
    objects = _restore_objects(path)
    say(f"{objects} stored objects are back.")
    try:
        say(_restore_database(path, about))
    except databases.Unfit as problem:
        raise Unwilling(str(problem)) from problem
    restored = _restore_keys(path)
    say(f"{restored} key files are back.")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    told = Told(path, digest, path.stat().st_size, objects, restored)
    security.note_apart(
        "backup.restored", person=None, at=at, file=path.name, sha256=digest, made_at=about["made_at"], over=here
    )
    return told


def _require_fit(about: dict[str, Any]) -> None:
    if about.get("format") != FORMAT:
        raise Unwilling("This backup was made by a newer version.")
    if about["engine"] != connection.vendor:
        raise Unwilling(f"This backup is of a {about['engine']} database, and this one is {connection.vendor}.")
    unknown = databases.unknown_migrations(about["migrations"])
    if unknown:
        raise Unwilling(f"This backup was made by a newer version, which knows {', '.join(unknown[:3])}.")


def _what_is_here() -> str:
    """Say what the installation holds; nothing where it is empty."""
    tables = connection.introspection.table_names()
    found = []
    for model, word in ((User, "accounts"), (LabSession, "sessions")):
        count = model._default_manager.count() if model._meta.db_table in tables else 0
        if count:
            found.append(f"{count} {word}")
    return " and ".join(found)


def _restore_objects(path: Path) -> int:
    count = 0
    with storage.workbench() as folder:
        for name, file in box.members(path, OBJECTS):
            copy = folder / "object"
            _write(file, copy)
            storage.put(copy, name.removeprefix(OBJECTS))
            count += 1
    return count


def _restore_database(path: Path, about: dict[str, Any]) -> str:
    if about["engine"] == "sqlite":
        with storage.workbench() as folder:
            for _, file in box.members(path, databases.SQLITE):
                databases.restore_sqlite(file, folder=folder)
        return "The database is back."
    restore = databases.PostgresRestore(json.loads(_bytes(path, databases.TABLES)), about["migrations"])
    rows = restore.take((name, file) for name, file in box.members(path, databases.FOLDER) if name.endswith(".rows"))
    databases.bring_up_to_date()
    return f"{rows} rows of {len(restore.told['tables'])} tables are back."


def _restore_keys(path: Path) -> int:
    folder = Path(settings.KEYS_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    given = [name.removeprefix(KEYS) for name, _ in box.members(path, KEYS)]
    for name, file in box.members(path, KEYS):
        temporary = folder / f".{name.removeprefix(KEYS)}.{os.getpid()}"
        _write(file, temporary)
        temporary.replace(folder / name.removeprefix(KEYS))
    if "retired.json" not in given:
        (folder / "retired.json").unlink(missing_ok=True)
    keys.forget()
    return len(given)


def _write(file: IO[bytes], path: Path) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as copy:
        while piece := file.read(box.CHUNK):
            copy.write(piece)
        copy.flush()
        os.fsync(copy.fileno())


def _bytes(path: Path, name: str) -> bytes:
    for found, file in box.members(path, name):
        if found == name:
            return file.read()
    raise box.Damaged(f"There is no {name} in this backup.")
