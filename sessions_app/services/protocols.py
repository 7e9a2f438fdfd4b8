"""Write protocols and their versions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction

from biolab.accounts.models import Team, User
from biolab.accounts.roles import Right
from biolab.kernel import security
from biolab.kernel.errors import Stale
from biolab.kernel.machine import Move
from sessions_app.models import Protocol, ProtocolVersion
from sessions_app.policies import require_right, require_room_for_more
from sessions_app.states import PROTOCOL_MACHINE, ProtocolStatus
from sessions_app.wording import invalid, named

MAX_CONTENT: Final = 200_000
MAX_STEPS: Final = 1000
MAX_INSTRUCTION: Final = 2000
_VARIABLE: Final = re.compile(r"[^\W\d][\w.-]{0,63}")


@transaction.atomic
def create_protocol(
    *,
    team: Team,
    by: User,
    at: datetime,
    title: str,
    content: str,
    variables: Sequence[str] = (),
    ordered: bool = False,
) -> Protocol:
    """Write a protocol and its version 1.

    Args:
        content: one step a line; empty lines are no steps.
        variables: names a session must give a value for.

    Raises:
        Forbidden: the person may not edit protocols of this team.
        Invalid: a wording that cannot be run.
    """
    require_right(by, Right.EDIT_PROTOCOLS, team)
    require_room_for_more(by)
    protocol = Protocol.objects.create(
        team=team, title=named(title, pointer="/title"), ordered=ordered, created_by=by, created_at=at, updated_at=at
    )
    _write_version(protocol, content=content, variables=variables, by=by, at=at)
    return protocol


@transaction.atomic
def change_protocol(
    *,
    protocol: Protocol,
    by: User,
    at: datetime,
    title: str | None = None,
    content: str | None = None,
    variables: Sequence[str] | None = None,
    ordered: bool | None = None,
    status: str | None = None,
    if_match: str | None = None,
) -> Protocol:
    """Change a protocol; another wording becomes its next version, and running sessions keep theirs.

    Args:
        title, content, variables, ordered, status: None leaves what is there.
        if_match: the entity tag the caller read; None does not ask.

    Raises:
        Forbidden: the person may not edit protocols of this team.
        Stale: the protocol is no longer as ``if_match`` says.
        Invalid: a wording that cannot be run.
    """
    protocol = Protocol.objects.hold(protocol.pk)
    require_right(by, Right.EDIT_PROTOCOLS, protocol.team_id)
    require_room_for_more(by)
    current = protocol.wording
    if if_match is not None and if_match != protocol.etag:
        raise Stale("Somebody changed this protocol since you read it.", etag=protocol.etag)
    move = _move_to(protocol, status)
    if move is not None:
        PROTOCOL_MACHINE.make(move, protocol)
    protocol.title = named(title, pointer="/title") if title is not None else protocol.title
    protocol.ordered = ordered if ordered is not None else protocol.ordered
    content = content if content is not None else current.content
    variables = variables if variables is not None else current.variables
    before = (current.title, current.ordered, current.content, current.variables)
    if (protocol.title, protocol.ordered, content, list(variables)) != before:
        protocol.current_version = current.version + 1
        _write_version(protocol, content=content, variables=variables, by=by, at=at)
    protocol.updated_at = at
    protocol.save(update_fields=["title", "ordered", "status", "current_version", "updated_at"])
    if move is not None:
        security.note(f"protocol.{move.name}", person=by, at=at, protocol_id=protocol.public_id, title=protocol.title)
    return protocol


def _move_to(protocol: Protocol, status: str | None) -> Move | None:
    """Return the move that leads to ``status``; None where the protocol is already there."""
    if status is None or status == protocol.status:
        return None
    move = PROTOCOL_MACHINE.between(protocol.status, status)
    if move is None:
        raise invalid("/status", f"A protocol is {' or '.join(ProtocolStatus.values)}.")
    return move


def _write_version(
    protocol: Protocol, *, content: str, variables: Sequence[str], by: User, at: datetime
) -> ProtocolVersion:
    """Add the protocol's wording as the version that ``current_version`` names."""
    version = ProtocolVersion(
        protocol=protocol,
        version=protocol.current_version,
        title=protocol.title,
        content=_runnable(content),
        variables=_distinct(variables),
        ordered=protocol.ordered,
        created_by=by,
        created_at=at,
    )
    version.digest = version.wording_digest
    version.save(force_insert=True)
    return version


def _runnable(content: str) -> str:
    steps = [line.strip() for line in content.splitlines() if line.strip()]
    if not steps:
        raise invalid("/content", "A protocol has at least one step, one a line.")
    if len(steps) > MAX_STEPS:
        raise invalid("/content", f"A protocol has at most {MAX_STEPS} steps.")
    if len(content) > MAX_CONTENT or max(map(len, steps)) > MAX_INSTRUCTION:
        raise invalid("/content", f"A step has at most {MAX_INSTRUCTION} characters, the whole {MAX_CONTENT}.")
    return content


def _distinct(variables: Sequence[str]) -> list[str]:
    names = [name.strip() for name in variables]
    for index, name in enumerate(names):
        if not _VARIABLE.fullmatch(name):
            raise invalid(f"/variables/{index}", "A variable is a letter, then up to 63 letters, digits, _ . or -.")
        if name in names[:index]:
            raise invalid(f"/variables/{index}", f"The variable {name} is named twice.")
    return names
