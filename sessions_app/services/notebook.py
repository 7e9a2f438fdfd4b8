"""Write, change and withdraw notebook entries. Every version is kept; nothing is overwritten."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction

from biolab.accounts.models import Team, User
from biolab.accounts.roles import Right
from biolab.kernel.api import etag_of
from biolab.kernel.errors import Missing, Stale
from sessions_app import timeline
from sessions_app.errors import EntryLocked, LeavesByExport, SessionEnded
from sessions_app.facts import EntryChanged, EntryExportBlocked, EntryWithdrawn, EntryWritten
from sessions_app.markdown import one_line
from sessions_app.models import EntryVersion, LabSession, NotebookEntry
from sessions_app.policies import require_right, require_room_for_more
from sessions_app.signed_entries import wording_digest
from sessions_app.states import EntryStatus
from sessions_app.wording import invalid, named, reasoned, storable

MAX_CONTENT: Final = 200_000


@transaction.atomic
def write_entry(
    *,
    team: Team,
    session: LabSession | None = None,
    by: User,
    at: datetime,
    title: str,
    content: str = "",
    reason: str = "",
) -> NotebookEntry:
    """Begin an entry.

    Args:
        team: whose notebook it is in; a session's entry is in its team's.
        session: what it belongs to, for good; None for nothing but the notebook.
        content: Markdown.
        reason: why it comes late; needed once the session has ended.

    Raises:
        Forbidden: the person may not write in this team.
        SessionEnded: it has ended and no reason was given.
        Invalid: a blank or overlong value.
    """
    reason = reasoned(reason)
    if session is None:
        require_right(by, Right.RUN, team)
        require_room_for_more(by)
    else:
        session = hold_bound(session, by=by, reason=reason, what="its notebook entries")
    entry = NotebookEntry(
        team_id=team.pk if session is None else session.team_id,
        session=session,
        late_entry=session is not None and session.is_ended,
        title=named(title, pointer="/title"),
        content=_worded(content),
        created_by=by,
        created_at=at,
        updated_at=at,
    )
    entry.digest = wording_digest(entry, entry)
    entry.save(force_insert=True)
    _keep(entry, "created", by=by, at=at, reason=reason)
    _tell(EntryWritten, entry, by=by, at=at, reason=reason)
    return entry


def begin_entry_of(session: LabSession, *, by: User, at: datetime) -> NotebookEntry:
    """Begin the entry that a session opens with: its name, and what it runs; the caller made the session just now."""
    version = session.protocol_version
    lines = [f"# {one_line(session.name)}"]
    if version is not None:
        lines += [f"Protocol: {one_line(version.title)}, version {version.version}", "## Observations"]
    return write_entry(
        team=session.team, session=session, by=by, at=at, title=session.name, content="\n\n".join(lines) + "\n"
    )


@transaction.atomic
def change_entry(
    *,
    entry: NotebookEntry,
    by: User,
    at: datetime,
    title: str | None = None,
    content: str | None = None,
    reason: str = "",
    version: int | None = None,
) -> NotebookEntry:
    """Change an entry; what it said before stays in its versions. Values that change nothing make no version.

    Args:
        title, content: what it should say; None leaves a value.
        reason: why; needed once the session has ended.
        version: the version that the caller has read; None where that does not matter.

    Raises:
        Forbidden: the person may not write in this team.
        SessionEnded: it has ended and no reason was given.
        Missing: the entry was withdrawn.
        Stale: somebody changed or signed it since ``version``.
        EntryLocked: it was signed.
        Invalid: a blank or overlong value.
    """
    reason = reasoned(reason)
    entry = hold_entry(entry, by=by, reason=reason, version=version)
    if entry.status != EntryStatus.DRAFT:
        raise EntryLocked(
            f"This entry is {entry.status} and reads as it was signed. Write another one.", status_now=entry.status
        )
    before = (entry.title, entry.content)
    if title is not None:
        entry.title = named(title, pointer="/title")
    if content is not None:
        entry.content = _worded(content)
    if (entry.title, entry.content) == before:
        return entry
    _save_version(entry, "changed", by=by, at=at, reason=reason)
    _tell(EntryChanged, entry, by=by, at=at, reason=reason)
    return entry


@transaction.atomic
def withdraw_entry(
    *, entry: NotebookEntry, by: User, at: datetime, reason: str = "", version: int | None = None
) -> NotebookEntry:
    """Take an entry out of the lists. Its versions and signatures stay, and what an export has frozen of it.

    Args:
        reason: why; needed once the entry is signed or its session has ended.

    Raises:
        Forbidden, SessionEnded, Missing, Stale: as for ``change_entry``.
        Invalid: it is signed and no reason was given.
    """
    reason = reasoned(reason)
    entry = hold_entry(entry, by=by, reason=reason, version=version)
    if entry.status != EntryStatus.DRAFT:
        reasoned(reason, needed_for="Withdrawing a signed entry")
    entry.withdrawn_at = at
    _save_version(entry, "withdrawn", by=by, at=at, reason=reason)
    _tell(EntryWithdrawn, entry, by=by, at=at, reason=reason)
    return entry


def give_out_entry(*, entry: NotebookEntry, by: User, at: datetime) -> NotebookEntry:
    """Return an entry that may leave the house on its own; one of a session may not, and its timeline says who asked.

    Raises:
        LeavesByExport: it belongs to a session.
    """
    if entry.session_id is None:
        return entry
    with transaction.atomic():
        session = LabSession.objects.hold(entry.session_id)
        blocked = EntryExportBlocked(entry_id=entry.public_id, title=entry.title, version=entry.version)
        timeline.record(session, blocked, by=by, at=at)
    raise LeavesByExport(
        "This entry belongs to a session and leaves through an approved export of it: attach it there.",
        execution_id=session.public_id,
        notebook_entry_id=entry.public_id,
    )


def entry_etag(entry: NotebookEntry) -> str:
    """Return the entity tag of an entry as it stands: it changes with its text and with its signatures."""
    return etag_of(entry.pk, entry.version, entry.status)


def hold_bound(session: LabSession, *, by: User, reason: str | None, what: str) -> LabSession:
    """Return the session, held, for something that is to be added to it.

    Args:
        reason: why, where it may come late; None where that is not asked.
        what: of it is to be changed, in words.

    Raises:
        Forbidden: the person may not run this session.
        SessionEnded: it has ended and no reason was given.
    """
    session = LabSession.objects.hold(session.pk)
    require_right(by, Right.RUN, session.team_id)
    if session.is_ended and reason == "":
        raise SessionEnded(f"This session has ended; give a reason for changing {what}.", needs="reason")
    return session


def hold_entry(entry: NotebookEntry, *, by: User, reason: str | None, version: int | None = None) -> NotebookEntry:
    """Return the entry as it reads under its lock: its session's row, or its own where it has no session.

    Args:
        reason: why it is changed; None where that is not asked.
        version: the version that the caller has read; None where that does not matter.

    Raises:
        Forbidden, SessionEnded, Missing, Stale: as for ``change_entry``.
    """
    session = None
    if entry.session_id is not None:
        session = hold_bound(LabSession(pk=entry.session_id), by=by, reason=reason, what="its notebook entries")
        fresh = NotebookEntry.objects.get(pk=entry.pk)
    else:
        fresh = NotebookEntry.objects.hold(entry.pk)
        require_right(by, Right.RUN, fresh.team_id)
        require_room_for_more(by)
    if fresh.withdrawn_at is not None:
        raise Missing("This entry was withdrawn.")
    if version is not None and (fresh.version, fresh.status) != (version, entry.status):
        raise Stale("It has changed since you read it.", etag=entry_etag(fresh), version=fresh.version)
    fresh.session = session
    return fresh


def _worded(content: str) -> str:
    if len(content) > MAX_CONTENT:
        raise invalid("/content", f"An entry has at most {MAX_CONTENT} characters.")
    return storable(content, pointer="/content")


def _save_version(entry: NotebookEntry, action: str, *, by: User, at: datetime, reason: str) -> None:
    entry.version += 1
    entry.updated_at = at
    entry.digest = wording_digest(entry, entry)
    entry.save(update_fields=["title", "content", "version", "digest", "updated_at", "withdrawn_at"])
    _keep(entry, action, by=by, at=at, reason=reason)


def _keep(entry: NotebookEntry, action: str, *, by: User, at: datetime, reason: str) -> None:
    EntryVersion.objects.create(
        entry=entry,
        version=entry.version,
        action=action,
        title=entry.title,
        content=entry.content,
        digest=entry.digest,
        reason=reason,
        by=by,
        by_name=by.printed_name,
        at=at,
    )


def _tell(fact: type[EntryWritten], entry: NotebookEntry, *, by: User, at: datetime, reason: str) -> None:
    """Write on the timeline of the entry's session, where it has one; the caller holds it."""
    if entry.session is None:
        return
    told = fact(
        entry_id=entry.public_id,
        title=entry.title,
        version=entry.version,
        digest=entry.digest,
        late_entry=entry.late_entry,
        reason=reason,
    )
    timeline.record(entry.session, told, by=by, at=at)
