"""The numbers of governance: read in one pass, kept for half a minute, dropped when a fact changes them.

Each team and each session, and all of them together, have a *stamp* in the shared cache: a random word that is
replaced once a change is committed. What was computed is kept beside the stamps that were read before the computing
began, and serves only as long as they are still the same. So numbers that began before a change never outlive it,
and a stamp that the cache lost never comes back as the old one. Without a cache, everything is computed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Literal, cast
from uuid import UUID, uuid4

from django.core.cache import cache

from biolab.accounts.models import User
from biolab.kernel.api.renderers import dump
from biolab.kernel.collector import collector_put_off
from biolab.kernel.errors import Forbidden
from biolab.kernel.ids import find, parse_id
from governance_app.analytics.cadence import cadence_totals, reviewers_of
from governance_app.analytics.lateness import StageRow, overdue, stage_metrics
from governance_app.analytics.metrics import figures_of, totals_of
from governance_app.analytics.rows import Scope, members_of, read_people, read_sessions, read_stages
from governance_app.analytics.shapes import overdue_as_wire, report_as_wire, result_as_wire, reviewer_as_wire
from sessions_app.models import LabSession
from sessions_app.models.scope import teams_in_sight

View = Literal["full", "reviewer"]

KEPT_S: Final = 30
STAMP_KEPT_S: Final = 86_400
DEFAULT_LIMIT: Final = 50
_PREFIX: Final = "governance:analytics"


def scope_of(person: User, execution_id: str | None = None) -> Scope:
    """Return whose numbers the person is told: all for an administrator, else their teams'; or one session's.

    Raises:
        Missing: the session is unknown, or not one the person sees.
        Forbidden: the person sees the session as one of its crew, and is not in its team.
    """
    sight = teams_in_sight(person)
    teams = None if sight is None else tuple(sorted(cast("Iterable[UUID]", sight)))
    if execution_id is not None:
        session = find(LabSession.objects.visible_to(person), execution_id)
        if teams is not None and session.team_id not in teams:
            raise Forbidden("These numbers are for the session's team.", code="outside_your_teams")
        return Scope(teams, (session.pk,))
    named = person.credential.session_ids if person.credential is not None else []
    if named:
        found = (parse_id(text, LabSession.id_prefix) for text in named)
        return Scope(teams, tuple(sorted({pk for pk in found if pk is not None})))
    return Scope(teams)


def read_analytics(
    scope: Scope,
    *,
    at: datetime,
    limit: int = DEFAULT_LIMIT,
    view: View = "full",
    fresh: bool = False,
) -> bytes:
    """Return the numbers of ``scope`` as JSON, from the cache where they still hold.

    Args:
        limit: how many sessions are told one by one; totals are of all.
        view: everything, or the reviewers alone.
        fresh: compute them, whatever the cache holds.
    """
    key = _key(scope, limit, view)
    names = _stamps_of(scope)
    found = cache.get_many([key, *names])
    stamps = [found.get(name) or _new_stamp(name) for name in names]
    kept = found.get(key)
    if kept is not None and not fresh and kept[0] == stamps:
        return bytes(kept[1])
    told = dump(compute(scope, at=at, limit=limit, view=view))
    if all(stamps):
        cache.set(key, (stamps, told), KEPT_S)
    return told


def compute(scope: Scope, *, at: datetime, limit: int = DEFAULT_LIMIT, view: View = "full") -> dict[str, Any]:
    """Return the numbers of ``scope`` from the database; reviewers are those of its teams alone."""
    with collector_put_off():
        return _compute(scope, at=at, limit=limit, view=view)


def _compute(scope: Scope, *, at: datetime, limit: int, view: View) -> dict[str, Any]:
    rows = read_sessions(scope)
    figures = [figures_of(one) for one in rows]
    among = None if scope.teams is None else members_of(scope.teams)
    people = reviewers_of(zip(figures, (one.baselines for one in rows), strict=True), among=among)
    named = read_people(one.reviewer_id for one in people)
    reviewers = [reviewer_as_wire(one, named) for one in people]
    cadence = cadence_totals(people)
    if view == "reviewer":
        return {"reviewers": reviewers, "totals": cadence}
    previewed = [(one, one.preview) for one in figures if one.preview is not None]
    previewed.sort(key=lambda pair: (pair[1].generated_at, pair[0].session_id), reverse=True)
    shown = previewed[:limit]
    sessions = {one.session_id for one, _ in shown} | set(scope.sessions or ())
    stages = read_stages(scope, shown=sessions, now=at)
    ladders: dict[str, list[StageRow]] = defaultdict(list)
    for stage in stages:
        if stage.session_id in sessions:
            ladders[stage.export_id].append(stage)
    return report_as_wire(
        results=[result_as_wire(one, preview) for one, preview in shown],
        reviewers=reviewers,
        totals=totals_of(figures),
        cadence=cadence,
        overrides=[done for one in rows for done in one.overrides],
        meta={
            "approval_stage_metrics": {export: stage_metrics(ladder, now=at) for export, ladder in ladders.items()},
            "overdue_stage_summary": overdue_as_wire(overdue(stages, now=at)),
        },
        at=at,
    )


def drop_analytics(*, session: UUID, team: UUID) -> None:
    """Let nothing that was computed with this session serve any longer; call it once the change is committed."""
    names = (_stamp("all"), _stamp(f"team:{team.hex}"), _stamp(f"session:{session.hex}"))
    cache.set_many({name: uuid4().hex for name in names}, STAMP_KEPT_S)


def _key(scope: Scope, limit: int, view: View) -> str:
    parts = repr((scope.teams, scope.sessions, limit, view))
    return f"{_PREFIX}:told:{sha256(parts.encode()).hexdigest()}"


def _stamps_of(scope: Scope) -> list[str]:
    if scope.sessions is not None:
        return [_stamp(f"session:{pk.hex}") for pk in scope.sessions]
    if scope.teams is not None:
        return [_stamp(f"team:{pk.hex}") for pk in scope.teams]
    return [_stamp("all")]


def _stamp(name: str) -> str:
    return f"{_PREFIX}:stamp:{name}"


def _new_stamp(name: str) -> str | None:
    """Return the stamp that the cache holds from now on; None where it holds none."""
    cache.add(name, uuid4().hex, STAMP_KEPT_S)
    stamp: str | None = cache.get(name)
    return stamp
