"""PromQL over series in memory: beside Prometheus' own engine where it is installed, and beside plain loops."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_app.instants import SECOND_US
from telemetry_app.promql.answers import over_time, shown
from telemetry_app.promql.budget import Budget
from telemetry_app.promql.errors import BadQueryError, ExecutionError, QueryError
from telemetry_app.promql.evaluation import Evaluation
from telemetry_app.promql.house import metric_name
from telemetry_app.promql.matching import Selector, selector_of
from telemetry_app.promql.reading import read_expression, read_selector
from telemetry_app.promql.shapes import NAME, RawSeries
from telemetry_app.promql.windows import RANGE_FUNCTIONS, Windows, applied
from tests.services import program

MINUTE_US = 60 * SECOND_US

# a value a minute from 1970 on; None where the instrument was silent
WRITTEN: dict[str, list[float | None]] = {
    'temp{room="a",side="left"}': [20, 21, 22, 23, 22, 21, None, None, 24, 25, 26, 25, 24],
    'temp{room="a",side="right"}': [19, 19, 18, 18, 17, 17, 16, 16, 15, 15, 14, 14, 13],
    'temp{room="b",side="left"}': [30, 31, None, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42],
    'limit{room="a"}': [22] * 13,
    'limit{room="b"}': [35] * 13,
    'drops_total{room="a"}': [0, 5, 12, 20, 3, 9, 15, 22, 30, 1, 4, 8, 16],
    'quiet{room="c"}': [1, 2, *[None] * 11],
}


def labels_of(text: str) -> dict[str, str]:
    selector = read_selector(text)
    return {NAME: selector.name, **{one.name: one.value for one in selector.matchers.matchers}}


class Kept:
    """Series in memory."""

    def __init__(self, written: dict[str, list[float | None]]) -> None:
        self.series = []
        for text, values in written.items():
            there = [(place * MINUTE_US, value) for place, value in enumerate(values) if value is not None]
            times, numbers = zip(*there, strict=True)
            self.series.append(RawSeries(labels_of(text), np.array(times, dtype=np.int64), np.array(numbers, float)))

    def raw(self, selector: Selector, first_us: int, last_us: int, budget: Budget) -> Iterator[RawSeries]:
        for one in self.series:
            inside = (one.times >= first_us) & (one.times <= last_us)
            if selector.picks(one.labels) and inside.any():
                budget.read(int(inside.sum()))
                yield RawSeries(one.labels, one.times[inside], one.values[inside])


def minutes(*which: float) -> Any:
    return np.array([round(one * MINUTE_US) for one in which], dtype=np.int64)


def ask(query: str, *at: float, written: dict[str, list[float | None]] = WRITTEN) -> dict[str, Any]:
    times = minutes(*(at or (12,)))
    return over_time(Evaluation(Kept(written), times).result(read_expression(query)), times)


def values(query: str, *at: float) -> dict[str, list[str]]:
    """Return what a query gives, by the labels without the name as one text."""
    return {
        ",".join(f"{name}={value}" for name, value in sorted(one["metric"].items()) if name != NAME): [
            value for _, value in one["values"]
        ]
        for one in ask(query, *at)["result"]
    }


# -- beside the real engine ----------------------------------------------------------------------------------------

EXACT = [
    "temp",
    'temp{room="a"}',
    'temp{room=~"a|c",side!="left"}',
    'temp{room!~"a"}',
    '{__name__=~"te.*|limit",room="b"}',
    "temp offset 2m",
    "temp offset -1m",
    "temp @ 240",
    "temp @ start()",
    "temp @ end() - temp",
    "quiet",
    "min_over_time(temp[4m])",
    "max_over_time(temp[4m])",
    "sum_over_time(temp[4m])",
    "count_over_time(temp[4m])",
    "last_over_time(temp[2m])",
    "present_over_time(quiet[3m])",
    "changes(temp[6m])",
    "resets(drops_total[8m])",
    "sum(temp)",
    "sum by (room) (temp)",
    "min by (side) (temp)",
    "max(temp)",
    "count(temp)",
    "group by (room) (temp)",
    "topk(2, temp)",
    "topk(1.9, temp)",
    "topk(-1, temp)",
    "bottomk by (room) (1, temp)",
    "temp + 1",
    "temp % 7",
    "temp ^ 2",
    "-temp",
    "temp > 20",
    "20 < temp",
    "temp >= bool 22",
    "vector(1 + 2 * 3 > bool 6)",
    'temp{side="left"} - on (room) limit',
    'temp{side="left"} > on (room) limit',
    'temp{side="left"} > bool on (room) limit',
    "temp and on (room) limit > 30",
    "temp unless temp > 24",
    "temp or quiet",
    "abs(temp - 25)",
    "ceil(temp / 7)",
    "floor(temp / 7)",
    "sgn(temp - 24)",
    "clamp(temp, 20, 25)",
    "clamp(temp, 25, 20)",
    "clamp_min(temp, 20)",
    "clamp_max(temp, 25)",
    "round(temp, 5)",
    "vector(time())",
    "vector(1)",
    "(scalar(limit{room='a'}) + vector(1)) > 0",
    "timestamp(temp)",
    "absent(nothing)",
    "absent(nothing{room='z'})",
    "absent(nothing{room='z',room='y',side='x',drain='v',drain!='w'})",
    "absent(temp)",
    "(temp)",
]
ROUNDED = [
    "rate(drops_total[4m])",
    "increase(drops_total[5m])",
    "irate(drops_total[4m])",
    "delta(temp[5m])",
    "idelta(temp[3m])",
    "delta(temp[3m] offset 1m)",
    "rate(temp[150s])",
    "avg_over_time(temp[4m])",
    "stddev_over_time(temp[5m])",
    "stdvar_over_time(temp[5m])",
    "avg without (side) (temp)",
    "stddev(temp)",
    "stdvar by (side) (temp)",
    "2 * temp / 3",
    'temp{side="left"} / ignoring (side) limit',
    "temp atan2 temp",
    "sqrt(temp)",
    "ln(temp)",
    "exp(temp / 100)",
]
TIMES = (2, 4.5, 7, 12, 16, 17.5)


def test_prometheus_own_engine_gives_the_same(tmp_path: Path) -> None:
    promtool = program("promtool", package="prometheus")
    tests = []
    for close in [*EXACT, *(f"round({query}, 0.000001)" for query in ROUNDED)]:
        for at in TIMES:
            expected = [
                {"labels": _as_promtool(one["metric"]), "value": float(one["values"][0][1])}
                for one in ask(close, at)["result"]
            ]
            tests.append({"expr": close, "eval_time": f"{round(at * 60)}s", "exp_samples": expected})
    series = [
        {"series": text, "values": " ".join("_" if value is None else str(value) for value in column)}
        for text, column in WRITTEN.items()
    ]
    given = {"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": tests}]}
    (tmp_path / "tests.json").write_text(json.dumps(given))

    told = subprocess.run(
        [promtool, "test", "rules", "tests.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert told.returncode == 0, (told.stdout + told.stderr)[:4000]


def _as_promtool(metric: dict[str, str]) -> str:
    named = [f"{name}={json.dumps(value)}" for name, value in metric.items() if name != NAME]
    return metric.get(NAME, "") + "{" + ",".join(named) + "}"


# -- beside plain loops --------------------------------------------------------------------------------------------

NUMBERS = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
PLAIN = {
    "sum_over_time": sum,
    "avg_over_time": lambda window: sum(window) / len(window),
    "min_over_time": min,
    "max_over_time": max,
    "count_over_time": len,
    "last_over_time": lambda window: window[-1],
    "changes": lambda window: sum(a != b for a, b in pairwise(window)),
    "resets": lambda window: sum(a > b for a, b in pairwise(window)),
}


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), NUMBERS), min_size=1, max_size=40, unique_by=lambda pair: pair[0]),
    st.lists(st.integers(-10, 400), min_size=1, max_size=12),
    st.integers(1, 120),
    st.sampled_from(sorted(PLAIN)),
)
def test_windows_hold_what_a_loop_finds(
    readings: list[tuple[int, float]], ends: list[int], span: int, name: str
) -> None:
    readings.sort()
    windows = Windows.over(
        np.array([at for at, _ in readings]), np.array([value for _, value in readings]), np.array(ends), span
    )

    found, there = applied(name, windows)

    for step, end in enumerate(ends):
        window = [value for at, value in readings if end - span <= at <= end]
        assert there[step] == bool(window)
        if window:
            assert found[step] == pytest.approx(PLAIN[name](window), abs=1e-6)


def test_every_range_function_is_silent_where_there_is_nothing() -> None:
    windows = Windows.over(np.array([0], dtype=np.int64), np.array([1.0]), np.array([100], dtype=np.int64), 10)

    assert not any(applied(name, windows)[1].any() for name in RANGE_FUNCTIONS)


# -- what is not answered ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("temp{", "no PromQL"),
        ("nosuch(temp)", "no PromQL"),
        ("temp[5m]", "inside a function"),
        ("max_over_time(temp[5m:1m])", "Subqueries"),
        ("temp[5m:1m]", "Subqueries"),
        ("temp * on (room) group_left limit", "group_left"),
        ("histogram_quantile(0.9, temp)", "not offered"),
        ('count_values("v", temp)', "not offered"),
        ("1 > 2", "BOOL"),
        ('temp{room=~"(?P<a"}', "no PromQL"),
        ('"text"', "no text"),
        ("(" * 80 + "1" + ")" * 80, "deep"),
        ("1" + "+1" * 2000, "1000 characters"),
        ("-" * 2000 + "temp", "1000 characters"),
        ('temp{room="' + "x" * 20_000 + '"}', "16384 characters"),
        ("temp{" + ",".join(['room=~"a"'] * 21) + "}", "20 patterns"),
    ],
)
def test_what_is_not_offered_is_said_so(query: str, told: str) -> None:
    with pytest.raises(BadQueryError, match=told):
        ask(query)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("temp - on (room) temp", "several partners"),
        ("topk(scalar(nothing), temp)", "no whole number"),
        ("abs({__name__=~'temp|limit|drops_total', room='a', side=''})", "the same labels"),
    ],
)
def test_series_that_do_not_fit_together_are_refused(query: str, told: str) -> None:
    with pytest.raises(ExecutionError, match=told):
        ask(query)


def test_a_hostile_expression_never_brings_the_process_down() -> None:
    caught: list[type[Exception]] = []

    def read() -> None:
        for query in ("(" * 16_000, "1" + "^1" * 8_000, "abs(" * 4_000, "-" * 16_000 + "1", "{" * 16_000):
            try:
                read_expression(query)
            except QueryError as refused:
                caught.append(type(refused))

    reader = threading.Thread(target=read)
    reader.start()
    reader.join()

    assert caught == [BadQueryError] * 5


def test_a_catastrophic_pattern_costs_nothing() -> None:
    selector = selector_of(read_selector('temp{room=~"(a+)+b"}'))

    assert not selector.picks({NAME: "temp", "room": "a" * 5_000})


def test_work_and_memory_are_bounded() -> None:
    times = minutes(*range(100))
    tree = read_expression("sum_over_time(temp[90m])")

    with pytest.raises(ExecutionError, match="overlap"):
        Evaluation(Kept(WRITTEN), times, Budget(work=100)).result(tree)
    with pytest.raises(ExecutionError, match="too many readings"):
        Evaluation(Kept(WRITTEN), times, Budget(readings=5)).result(tree)
    with pytest.raises(ExecutionError, match="too many values"):
        Budget.hold(400, 11_000)


def test_alternatives_between_matchers_are_understood() -> None:
    assert set(values('temp{room="b" or side="right"}')) == {"room=a,side=right", "room=b,side=left"}


def test_a_series_is_quiet_after_five_minutes() -> None:
    assert values("quiet", 6) == {"room=c": ["2"]}
    assert values("quiet", 6.1) == {}


def test_numbers_are_written_as_prometheus_writes_them() -> None:
    assert shown(np.array([1.0, -0.5, np.nan, np.inf, -np.inf])) == ["1", "-0.5", "NaN", "+Inf", "-Inf"]


@pytest.mark.parametrize(
    ("channel", "metric"),
    [("pH", "pH"), ("Volume Flow RateRMS", "Volume_Flow_RateRMS"), ("2nd", "_2nd"), ("a.b:c", "a_b:c")],
)
def test_a_channel_answers_to_its_own_name(channel: str, metric: str) -> None:
    assert metric_name(channel) == metric
