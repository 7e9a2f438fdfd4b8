"""What the numbers advise: the rules on paper, and the advice as the door tells it, once on the timeline."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from governance_app.rules.recommendations import recommend
from sessions_app.models import LabSession
from sessions_app.services.steps import advance_step
from tests.exports.doors import client_of
from tests.factories.analytics import record_preview, store_overload
from tests.factories.governance import Bench, make_bench
from tests.factories.sessions import ProtocolFactory, SessionFactory, make_member

PATH = "/api/governance/recommendations/override"
KIND = "governance.recommendation.override"


def reviewer(**more: Any) -> dict[str, Any]:
    return {
        "reviewer_id": "user_1",
        "reviewer_name": "Ada",
        "reviewer_email": "ada@example.com",
        "load_band": "light",
        "assignment_count": 1,
        "pending_count": 0,
        "average_latency_minutes": None,
        "latency_p90_minutes": None,
        "blocked_ratio_trailing": None,
        "churn_signal": None,
        "publish_streak": 0,
        "streak_alert": False,
        "related_execution_ids": ["sess_1"],
        **more,
    }


OVERLOAD = ("cadence_overload:user_1", "reassign", "high")
COOLDOWN = ("streak_cooldown:user_1", "cooldown", "medium")
ESCALATION = ("blocker_churn_escalation:user_1", "escalate", "high")


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("numbers", "advice"),
    [
        ({}, []),
        ({"load_band": "saturated", "latency_p90_minutes": 240}, [OVERLOAD]),
        ({"load_band": "saturated", "latency_p90_minutes": 239.9}, []),
        ({"load_band": "saturated"}, []),
        ({"load_band": "steady", "latency_p90_minutes": 900}, []),
        ({"streak_alert": True, "publish_streak": 3}, [COOLDOWN]),
        ({"blocked_ratio_trailing": 0.5, "churn_signal": 2}, [ESCALATION]),
        ({"blocked_ratio_trailing": 0.49, "churn_signal": 9}, []),
        ({"blocked_ratio_trailing": 1.0, "churn_signal": 1.9}, []),
        (
            {"streak_alert": True, "publish_streak": 4, "blocked_ratio_trailing": 0.5, "churn_signal": 2},
            [ESCALATION, COOLDOWN],
        ),
    ],
)
def test_each_rule_begins_at_its_threshold(numbers: dict[str, Any], advice: list[tuple[str, str, str]]) -> None:
    found = recommend([reviewer(**numbers)])

    assert [(one.recommendation_id, one.action, one.priority) for one in found] == advice
    assert all("Ada" in one.summary and "{" not in one.detail for one in found)


def overloaded() -> tuple[Bench, LabSession]:
    """Return a running session whose reviewer has too much to do."""
    cache.clear()
    bench = make_bench()
    session = SessionFactory(team=bench.team, by=bench.lead, with_steps=True)
    record_preview(session, (0, None, ()))
    store_overload(session, ProtocolFactory(team=bench.team, by=bench.lead), bench.reviewer)
    return bench, session


def told(person: Any, session: LabSession | None = None, status: int = 200) -> Any:
    answer = client_of(person).get(PATH, {"execution_id": session.public_id} if session is not None else {})
    assert answer.status_code == status, answer.content
    return answer.json()


@pytest.mark.django_db
def test_advice_is_told_once_and_again_when_something_of_governance_has_happened() -> None:
    bench, session = overloaded()
    events = session.events.filter(kind=KIND)  # counted anew each time

    first = told(bench.lead, session)
    again = told(bench.asker)  # without a session: the newest of the reviewer's

    (advice,) = first["recommendations"]
    assert advice["recommendation_id"] == f"cadence_overload:{bench.reviewer.public_id}"
    assert (advice["rule_key"], advice["action"], advice["priority"]) == ("cadence_overload", "reassign", "high")
    assert advice["metrics"]["pending_count"] == 9
    assert advice["metrics"]["latency_p90_minutes"] == 300
    assert advice["related_execution_ids"] == [session.public_id]
    assert again["recommendations"] == first["recommendations"]
    (event,) = events.all()
    assert event.payload["recommendation_id"] == advice["recommendation_id"]
    assert event.actor is None

    advance_step(session=session, index=0, by=bench.lead, at=event.occurred_at)
    told(bench.lead, session)
    assert events.count() == 1  # nothing of governance
    record_preview(session, (0, None, ()))
    told(bench.lead, session)
    assert events.count() == 2


@pytest.mark.django_db
def test_strangers_are_told_nothing_and_nothing_is_written() -> None:
    bench, session = overloaded()
    before = session.events.count()

    assert told(make_member(None), session, status=404)["code"] == "not_found"
    assert told(make_member(None))["recommendations"] == []
    assert client_of(bench.lead).get(f"{PATH}?limit=0").status_code == 422

    assert session.events.count() == before
