"""The start page of the desk: what waits, what is overdue, what is held, and governance in numbers."""

from __future__ import annotations

from typing import Any, Final, cast

import orjson
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from biolab.accounts.models import User
from biolab.kernel.ids import parse_id
from governance_app.analytics.bars import bars, by_day, stacked
from governance_app.analytics.cadence import LATENCY_BANDS
from governance_app.analytics.read import read_analytics, scope_of
from governance_app.selectors.approvals import waiting_for
from governance_app.selectors.queues import packaging_held, reviews_waiting, signatures_waiting
from sessions_app.models import LabSession

SHOWN: Final = 8
TREND_DAYS: Final = 30
TONES: Final = {"low": "good", "medium": "warn", "high": "bad"}
LATENCIES: Final = dict(
    zip((name for name, _, _ in LATENCY_BANDS), ("Under 2 h", "2 to 8 h", "8 to 24 h", "Over a day"), strict=True)
)
REQUESTS: Final = "admin:governance_app_approvalrequest_changelist"
BASELINES: Final = "admin:governance_app_governancebaseline_changelist"
SIMULATIONS: Final = "admin:governance_app_guardrailsimulation_changelist"


def start_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add to the index of the administration what the person finds at the desk."""
    person, now = cast(User, request.user), timezone.now()
    numbers = orjson.loads(read_analytics(scope_of(person), at=now))
    waiting = signatures_waiting(person, at=now, limit=SHOWN)
    held, simulations = packaging_held(person, limit=SHOWN)
    reviews, baselines = reviews_waiting(person, limit=SHOWN)
    mine = len(waiting_for(person, at=now))
    requests = reverse(REQUESTS)
    return {
        **context,
        "now": now,
        "tiles": [
            ("For your signature", mine, f"{requests}?waiting=me", "warn" if mine else ""),
            ("Waiting for a signature", waiting.total, f"{requests}?waiting=somebody", ""),
            ("Overdue", waiting.late, f"{requests}?waiting=overdue", "bad" if waiting.late else ""),
            ("Held by guardrails", held, reverse(SIMULATIONS), "bad" if held else ""),
            ("Baselines to review", reviews, f"{reverse(BASELINES)}?status__exact=submitted", ""),
        ],
        "waiting": waiting,
        "simulations": simulations,
        "held": held,
        "baselines": baselines,
        "reviews": reviews,
        "totals": numbers["totals"],
        "charts": _charts(numbers),
        "trend": by_day(numbers["meta"]["overdue_stage_summary"]["trend"], until=now.date(), days=TREND_DAYS),
        "late": numbers["meta"]["overdue_stage_summary"],
        "sessions": _risky(numbers["results"]),
        "reviewers": numbers["reviewer_cadence"][:SHOWN],
    }


def _charts(numbers: dict[str, Any]) -> dict[str, Any]:
    """Return the bars of each chart."""
    totals, late = numbers["totals"], numbers["meta"]["overdue_stage_summary"]
    risks = totals["risk_level_counts"]
    return {
        "risk": stacked((level.capitalize(), risks[level], TONES[level]) for level in ("low", "medium", "high")),
        "heat": bars(
            (f"Stage {one['stage_index'] + 1}", one["count"], "warn") for one in totals["blocker_heatmap"][:12]
        ),
        "ages": bars(
            (label, late["open_age_buckets"][name], "bad")
            for name, label in (("lt60", "Under 1 h"), ("60to180", "1 to 3 h"), ("gt180", "Over 3 h"))
        ),
        "load": stacked(
            (band.capitalize(), totals["reviewer_load_band_counts"][band], tone)
            for band, tone in (("light", "good"), ("steady", "warn"), ("saturated", "bad"))
        ),
        "latency": bars(
            (label, sum(_count(one, name) for one in numbers["reviewer_cadence"]), "plain")
            for name, label in LATENCIES.items()
        ),
    }


def _count(reviewer: dict[str, Any], band: str) -> int:
    return next(int(one["count"]) for one in reviewer["latency_bands"] if one["label"] == band)


def _risky(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the sessions that stand worst, with what the page says of each."""
    order = {"high": 0, "medium": 1, "low": 2}
    worst = [one for one in results if one["risk_level"] != "low"]
    worst.sort(key=lambda one: (order[one["risk_level"]], -one["blocked_ratio"]))
    worst = worst[:SHOWN]
    found = (parse_id(one["execution_id"], LabSession.id_prefix) for one in worst)
    keys = [pk for pk in found if pk is not None]
    names = {session.public_id: session.name for session in LabSession.objects.filter(pk__in=keys).only("name")}
    return [{**one, "name": names[one["execution_id"]], "tone": TONES[one["risk_level"]]} for one in worst]
