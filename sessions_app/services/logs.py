"""Writing, reading and withdrawing lines of the instruments' log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from biolab.accounts.models import Team, User
from biolab.accounts.policies import require_administrator
from biolab.accounts.roles import Right
from biolab.kernel import security
from biolab.kernel.errors import Conflict, Forbidden
from biolab.kernel.times import iso
from sessions_app.models import LabSession, LogEntry
from sessions_app.models.log import MAX_CONTENT
from sessions_app.policies import require_right, require_room_for_more, rights_in
from sessions_app.states import Severity
from sessions_app.wording import invalid, reasoned


class SignInLog:
    """Writes a line of every sign-in (``biolab.accounts.ports.SignIns``)."""

    def signed_in(self, *, person: User, at: datetime) -> None:
        LogEntry.objects.create(author=person, content=f"{person.username} logged in.", created_at=at)


def log_session(session: LabSession, told: str, *, by: User | None, at: datetime) -> None:
    """Write what happened to a session under the name that controllers know it by."""
    content = f"Experiment “{session.name}” {told}."
    LogEntry.objects.create(team_id=session.team_id, author=by, content=content, created_at=at)


@transaction.atomic
def write_log(*, team: Team, by: User, at: datetime, content: str, type: str = Severity.INFO) -> LogEntry:
    """Write a line into the log of a team.

    Raises:
        Forbidden: the person may not run sessions of this team, or their token is for certain sessions.
        Invalid: the content is blank or too long.
    """
    require_right(by, Right.RUN, team)
    require_room_for_more(by)
    return LogEntry.objects.create(team=team, author=by, content=_told(content), type=Severity(type), created_at=at)


@transaction.atomic
def change_log(
    *, entry: LogEntry, by: User, at: datetime, content: str | None = None, is_read: bool | None = None
) -> LogEntry:
    """Mark a line as read or unread, or word it anew; both wordings are kept in the security log.

    Args:
        content, is_read: the new value; None leaves it.

    Raises:
        Forbidden: the person may not run sessions of its team, or gives another's line new words.
        Invalid: the content is blank or too long.
        Conflict: somebody has withdrawn or changed it meanwhile.
    """
    _require_hand(entry, by)
    changes: dict[str, Any] = {}
    if is_read is not None and is_read != (entry.read_at is not None):
        changes["read_at"] = at if is_read else None
    if content is not None and _told(content) != entry.content:
        if entry.author_id != by.pk:
            raise Forbidden("The words of a log entry are its author's.", code="not_the_author")
        changes["content"] = _told(content)
    if not changes:
        return entry
    before = entry.content
    if not LogEntry.objects.standing().filter(pk=entry.pk, content=before).update(**changes):
        raise Conflict("Somebody has withdrawn or changed this entry meanwhile.", code="log_changed")
    for field, value in changes.items():
        setattr(entry, field, value)
    if "content" in changes:
        security.note("log.changed", person=by, at=at, log_id=entry.public_id, before=before, after=entry.content)
    return entry


@transaction.atomic
def withdraw_log(*, entry: LogEntry, by: User, at: datetime) -> LogEntry:
    """Take a line out of the log; its row stays, and the security log says who took it.

    Raises:
        Forbidden: the person is neither its author nor leads in its team.
        Conflict: somebody has withdrawn it already.
    """
    _require_hand(entry, by)
    leads = entry.team_id is not None and Right.EDIT_PROTOCOLS in rights_in(by, entry.team_id)
    if entry.author_id != by.pk and not leads:
        raise Forbidden("A log entry is withdrawn by its author or a lead of its team.", code="not_the_author")
    if not LogEntry.objects.standing().filter(pk=entry.pk).update(withdrawn_at=at):
        raise Conflict("This entry has been withdrawn already.", code="log_withdrawn")
    entry.withdrawn_at = at
    security.note("log.withdrawn", person=by, at=at, log_id=entry.public_id, content=entry.content)
    return entry


@transaction.atomic
def restore_log(*, entry: LogEntry, by: User, at: datetime, reason: str) -> LogEntry:
    """Put a withdrawn line back into the log; the security log says who did, and why.

    Raises:
        Forbidden: the person is no administrator.
        Invalid: no reason was given.
        Conflict: it stands already.
    """
    require_administrator(by)
    reason = reasoned(reason, needed_for="Putting a line back")
    if not LogEntry.objects.filter(pk=entry.pk, withdrawn_at__isnull=False).update(withdrawn_at=None):
        raise Conflict("This entry stands in the log.", code="log_stands")
    entry.withdrawn_at = None
    security.note("log.restored", person=by, at=at, log_id=entry.public_id, content=entry.content, reason=reason)
    return entry


@transaction.atomic
def forget_old_logs(*, at: datetime, days: int) -> int:
    """Delete lines of mere information that somebody has read and that are older than so many days; return how many.

    Warnings, errors and what nobody has read stay, and so does what was withdrawn. The security log says how many went.
    """
    if days <= 0:
        return 0
    before = at - timedelta(days=days)
    old = LogEntry.objects.standing().filter(type=Severity.INFO, read_at__isnull=False, created_at__lt=before)
    count = old.delete()[0]
    if count:
        security.note("log.forgotten", person=None, at=at, count=count, before=iso(before))
    return count


def _require_hand(entry: LogEntry, by: User) -> None:
    """Refuse whoever may only read the entry.

    Raises:
        Forbidden: neither runs sessions in its team nor, where it has none, wrote it.
    """
    if entry.team_id is not None:
        require_right(by, Right.RUN, entry.team_id)
    elif entry.author_id != by.pk:
        raise Forbidden("This entry is its author's alone.", code="not_the_author")


def _told(content: str) -> str:
    content = content.strip()
    if not 1 <= len(content) <= MAX_CONTENT:
        raise invalid("/content", f"A log entry has 1 to {MAX_CONTENT} characters.")
    return content
