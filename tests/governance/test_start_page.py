"""The start page of the desk: queues, numbers, and what it says where there is nothing."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from biolab.accounts.roles import Role
from governance_app.analytics.bars import LENGTH, bars, by_day, stacked
from governance_app.models import GuardrailSimulation
from governance_app.templatetags.start import in_words
from tests.factories.analytics import record_preview, store_baseline
from tests.factories.governance import Bench, make_administrator, make_bench, make_request, make_signer
from tests.factories.sessions import ProtocolFactory, SessionFactory

pytestmark = pytest.mark.sqlite_only


@given(st.lists(st.integers(0, 1000), max_size=6))
@settings(max_examples=30)
def test_bars_are_as_long_as_their_figures(values: list[int]) -> None:
    rows = [("a", value, "plain") for value in values]

    side, end = bars(rows), stacked(rows)

    assert max((bar.length for bar in side), default=0) == (LENGTH if any(values) else 0)
    assert [bar.length > 0 for bar in side] == [value > 0 for value in values]
    assert sum(bar.length for bar in end) == pytest.approx(LENGTH if any(values) else 0, abs=0.01)
    assert [bar.start for bar in end] == sorted(bar.start for bar in end)


def test_days_without_anything_are_shown_empty() -> None:
    days = by_day(
        [{"date": "2026-03-01", "count": 4}, {"date": "2020-01-01", "count": 9}], until=date(2026, 3, 2), days=3
    )

    assert [(day.label, day.value, day.top) for day in days] == [
        ("2026-02-28", 0, 100),
        ("2026-03-01", 4, 0),
        ("2026-03-02", 0, 100),
    ]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("stage_1:status_regression:blocked", "Stage 2 becomes blocked"),
        ("stage_0:new_blockers:a, b", "Stage 1 is newly blocked: a, b"),
        ("stage_2:due_delay_minutes:240", "Stage 3 is due 4 h later"),
        ("stage_2:sla_increase_hours:12", "Stage 3 is given 12 h more"),
        ("something else", "something else"),
    ],
)
def test_reasons_of_guardrails_are_told_in_words(reason: str, words: str) -> None:
    assert in_words(reason) == words


def page(person: object) -> str:
    client = Client()
    client.force_login(person)  # type: ignore[arg-type]
    answer = client.get("/admin/")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def fill(bench: Bench) -> None:
    """Let something wait, something be late, something be held, and give every chart its figures."""
    now = timezone.now()
    session = SessionFactory(team=bench.team, by=bench.lead, with_steps=True, name="Run & rest")
    record_preview(session, (0, now, [0]), (1, None, ()), blocked=(1,))
    own = Bench(**{**vars(bench), "session": session})
    make_request(own, at=now - timedelta(hours=27), label="Late narrative")
    make_request(own, at=now, label="New narrative")
    GuardrailSimulation.objects.create(
        session=session,
        number=1,
        comparisons=[],
        state="blocked",
        reasons=["stage_1:status_regression:blocked"],
        created_by=bench.lead,
        created_at=now,
    )
    protocol = ProtocolFactory(team=bench.team, by=bench.lead)
    store_baseline(session, protocol, reviewers=[bench.reviewer], submitted=now)
    store_baseline(session, protocol, reviewers=[bench.reviewer], submitted=now, review_h=3, by=bench.reviewer)


@pytest.mark.django_db
def test_it_says_what_waits_what_is_late_and_who_has_not_signed() -> None:
    cache.clear()
    bench = make_bench()
    fill(bench)

    text = page(make_administrator())

    assert "2 Waiting for a signature" in text
    assert "1 Overdue" in text
    assert re.search(r"Late narrative.*overdue by 3 hours.*New narrative.*due in", text)
    assert f"Not signed yet: {bench.reviewer}" in text
    assert "1 Held by guardrails" in text
    assert "Stage 2 becomes blocked" in text
    assert "1 Baselines to review" in text
    assert re.search(r"Low 0 Medium 1 High 0", text)
    assert "Run &amp; rest" in text
    assert "Stages blocked 50%" in text
    assert "Half are reviewed within 3 h" in text


@pytest.mark.django_db
def test_where_nothing_is_it_says_so_and_staff_see_their_teams_alone() -> None:
    cache.clear()
    fill(make_bench())
    other = make_bench()
    staff = make_signer(other.team, Role.QA, is_staff=True)

    text = page(staff)

    for sentence in (
        "Nothing waits for a signature.",
        "Guardrails hold nothing.",
        "No baseline waits for a review.",
        "No session was previewed yet.",
        "No stage was ever overdue.",
        "Nobody reviews baselines yet.",
    ):
        assert sentence in text
    assert "Late narrative" not in text


@pytest.mark.django_db
def test_it_takes_as_many_queries_for_a_longer_queue() -> None:
    bench, administrator = make_bench(), make_administrator()
    client = Client()
    client.force_login(administrator)

    def asked() -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/admin/").status_code == 200
        return len(queries)

    fill(bench)
    asked()
    short = asked()
    fill(bench)
    fill(bench)

    assert asked() == short
