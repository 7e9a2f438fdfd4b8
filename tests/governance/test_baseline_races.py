"""Twenty people at once at a baseline, on PostgreSQL: one wins, numbers have no gap, one is current."""

from __future__ import annotations

import pytest

from governance_app.models import GovernanceBaseline, GovernanceBaselineEvent
from governance_app.services.baselines import publish_baseline, review_baseline, roll_back_baseline
from tests.factories.baselines import make_baseline_bench
from tests.factories.sessions import NINE
from tests.governance.test_races import THREADS, at_once

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


def events(action: str) -> int:
    return GovernanceBaselineEvent.objects.filter(action=action).count()


def test_twenty_publish_one_baseline_and_one_does() -> None:
    bench = make_baseline_bench()
    baseline = bench.baseline("approved")

    ends = at_once(*[lambda: publish_baseline(baseline=baseline, by=bench.admin, at=NINE) for _ in range(THREADS)])

    baseline.refresh_from_db()
    assert ends == {"done": 1, "conflict": THREADS - 1}
    assert (baseline.version_number, baseline.is_current, events("published")) == (1, True, 1)


def test_twenty_baselines_of_one_protocol_are_numbered_without_a_gap() -> None:
    bench = make_baseline_bench()
    rows = [bench.baseline("approved") for _ in range(THREADS)]

    ends = at_once(*[lambda row=row: publish_baseline(baseline=row, by=bench.admin, at=NINE) for row in rows])  # type: ignore[misc]

    family = GovernanceBaseline.objects.order_by("version_number")
    assert ends == {"done": THREADS}
    assert list(family.values_list("version_number", flat=True)) == list(range(1, THREADS + 1))
    assert list(family.current().values_list("version_number", flat=True)) == [THREADS]


def test_reviews_publications_and_rollbacks_across_sessions_never_wait_for_each_other_in_a_ring() -> None:
    bench = make_baseline_bench()
    first, second = bench.baseline("published"), bench.baseline("published")
    approved, submitted = bench.baseline("approved"), bench.baseline(session=first.session)
    by, at = bench.admin, NINE

    ends = at_once(
        lambda: roll_back_baseline(baseline=first, reason="A", target=second, by=by, at=at),
        lambda: roll_back_baseline(baseline=second, reason="B", target=first, by=by, at=at),
        lambda: publish_baseline(baseline=approved, by=by, at=at),
        *[lambda: review_baseline(baseline=submitted, decision="approve", by=by, at=at) for _ in range(3)],
    )

    assert (ends["done"] + ends["conflict"], events("rolled_back")) == (6, 2)
    assert (events("review.approve"), GovernanceBaseline.objects.current().count()) == (4, 1)
