"""Roles and what each may do in a team: one table, read by policies, doors and the admin."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from django.db.models import TextChoices


class PlatformRole(TextChoices):
    """What a person is to the whole instance."""

    ADMIN = "admin", "Administrator"
    OPERATOR = "operator", "Operator"
    VIEWER = "viewer", "Viewer"


class Role(TextChoices):
    """What a person is in one team; one role per person and team."""

    OWNER = "owner", "Owner"
    MANAGER = "manager", "Manager"
    LEAD = "lead", "Lead"
    SCIENTIST = "scientist", "Scientist"
    REVIEWER = "reviewer", "Reviewer"
    APPROVER = "approver", "Approver"
    QA = "qa", "QA"
    OPERATOR = "operator", "Operator"
    OBSERVER = "observer", "Observer"


class Right(StrEnum):
    """Something a role may allow in its team."""

    READ = "read"
    RUN = "run"  # start, pause, resume, complete; steps, notes, telemetry, speech, files
    EXPORT = "export"
    ABORT = "abort"
    EDIT_PROTOCOLS = "edit_protocols"
    STEER_LADDERS = "steer_ladders"  # delegate and reset stages
    MANAGE_MEMBERS = "manage_members"


_OBSERVES: Final = frozenset({Right.READ})
_RUNS: Final = _OBSERVES | {Right.RUN, Right.EXPORT}
_LEADS: Final = _RUNS | {Right.ABORT, Right.EDIT_PROTOCOLS, Right.STEER_LADDERS}
_MANAGES: Final = _LEADS | {Right.MANAGE_MEMBERS}

RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    Role.OWNER: _MANAGES,
    Role.MANAGER: _MANAGES,
    Role.LEAD: _LEADS,
    Role.SCIENTIST: _RUNS,
    Role.REVIEWER: _RUNS,
    Role.APPROVER: _RUNS,
    Role.QA: _RUNS,
    Role.OPERATOR: _RUNS,
    Role.OBSERVER: _OBSERVES,
}


class Scope(StrEnum):
    """What a service token may be used for; without any it has its owner's rights."""

    SESSIONS_READ = "sessions:read"
    SESSIONS_WRITE = "sessions:write"
    TELEMETRY_READ = "telemetry:read"
    TELEMETRY_WRITE = "telemetry:write"
    EXPORTS_READ = "exports:read"
    EXPORTS_WRITE = "exports:write"
    GOVERNANCE_READ = "governance:read"
    GOVERNANCE_WRITE = "governance:write"
