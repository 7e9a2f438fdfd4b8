"""Keep files as they were received, and give them back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from biolab.accounts.models import Team, User
from biolab.accounts.roles import Right
from biolab.kernel import storage
from biolab.kernel.errors import Invalid
from sessions_app import sniffing, timeline
from sessions_app.errors import SessionEnded
from sessions_app.facts import FileUploaded
from sessions_app.models import LabFile, LabSession
from sessions_app.policies import require_right, require_room_for_more
from sessions_app.services.notebook import hold_bound
from sessions_app.thumbnails import draw_thumbnail
from sessions_app.wording import described, reasoned

FOLDER: Final = "files"
THUMBNAIL_KEPT_S: Final = 86_400
NOT_DRAWN: Final = b""


def keep_file(
    *,
    team: Team,
    session: LabSession | None = None,
    pieces: Iterable[bytes],
    filename: str,
    by: User,
    at: datetime,
    description: str = "",
    reason: str = "",
) -> LabFile:
    """Keep a file as it is received and return its row; the bytes are stored before the row that names them.

    Args:
        team: whose file it is; a session's file is its team's.
        session: what it belongs to, for good; None for nothing but the team.
        pieces: the file's bytes; read only once it is clear that the person may send them.
        filename: what the sender calls it; any text.
        reason: why it comes late; needed once the session has ended.

    Raises:
        Forbidden: the person may not write in this team.
        SessionEnded: it has ended and no reason was given.
        TooLarge: the file is larger than ``UPLOAD_MAX_BYTES``.
        Invalid: it is empty, not what its name says, or two things at once.
        StorageUnreachable: the file could not be kept.
    """
    reason = reasoned(reason)
    file = LabFile(
        team=team if session is None else session.team,
        session=session,
        filename=sniffing.safe_filename(filename),
        description=described(description),
        reason=reason,
        created_by=by,
        created_at=at,
    )
    require_right(by, Right.RUN, file.team)
    if session is None:
        require_room_for_more(by)
    elif session.is_ended and not reason:
        raise SessionEnded("This session has ended; give a reason for changing its files.", needs="reason")
    with storage.workbench() as folder:
        kept = storage.measure(pieces, folder=folder, media_type=sniffing.UNKNOWN, limit=settings.UPLOAD_MAX_BYTES)
        _look_into(file, kept.path, size=kept.size)
        file.size, file.sha256 = kept.size, kept.sha256
        file.stored_as = f"{FOLDER}/{at:%Y-%m}/{file.public_id}"
        storage.put(kept.path, file.stored_as)
    with transaction.atomic():
        if session is not None:
            session = hold_bound(session, by=by, reason=reason, what="its files")
            file.session, file.late_entry = session, session.is_ended
        file.save(force_insert=True)
        if session is not None:
            timeline.record(session, _told(file), by=by, at=at)
    return file


def open_file(file: LabFile) -> IO[bytes]:
    """Return the file, checked as a whole against its digest and open at its start; the caller closes it.

    Raises:
        IntegrityFailed: storage returned other bytes.
        StorageUnreachable: it does not answer, or has lost them.
    """
    return storage.fetch(file.stored_as, sha256=file.sha256)


def thumbnail_of(file: LabFile) -> bytes | None:
    """Return a picture small, drawn once a day at most; None for what is no picture, or none that can be drawn.

    Raises:
        IntegrityFailed, StorageUnreachable: as for ``open_file``.
    """
    if not file.is_picture:
        return None
    key = f"thumbnail:{file.sha256}:{file.file_type}"
    drawn: bytes | None = cache.get(key)
    if drawn is None:
        with open_file(file) as source:
            drawn = draw_thumbnail(source, file.file_type) or NOT_DRAWN
        cache.set(key, drawn, THUMBNAIL_KEPT_S)
    return drawn or None


def sweep_files(*, at: datetime) -> int:
    """Remove stored files older than a day that no row names, and return how many."""
    return storage.sweep_orphans(FOLDER, at=at, is_named=lambda name: LabFile.objects.filter(stored_as=name).exists())


def _look_into(file: LabFile, path: Path, *, size: int) -> None:
    """Fill in what the bytes say, or refuse them."""
    if not size:
        raise _refusal("The file is empty.", code="file_empty")
    with path.open("rb") as source:
        head = source.read(sniffing.WINDOW)
        source.seek(max(0, size - sniffing.WINDOW))
        tail = source.read()
    file.file_type = sniffing.sniff(head, file.filename)
    objection = sniffing.objection(file.file_type, file.filename, head, tail)
    if objection:
        raise _refusal(objection, code="file_type_refused")
    file.preview = sniffing.preview(file.file_type, head)


def _refusal(detail: str, *, code: str) -> Invalid:
    return Invalid(detail, code=code, errors=[{"pointer": "/file", "detail": detail}])


def _told(file: LabFile) -> FileUploaded:
    return FileUploaded(
        file_id=file.public_id,
        filename=file.filename,
        file_type=file.file_type,
        file_size=file.size,
        sha256=file.sha256,
        late_entry=file.late_entry,
        reason=file.reason,
    )
