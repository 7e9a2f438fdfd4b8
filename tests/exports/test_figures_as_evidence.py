"""Statistics, quality metrics and remediation reports: taken at the bench, picked, and frozen in exports."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from biolab.kernel import storage
from sessions_app.evidence import event_snapshot
from sessions_app.services.remediation import remediate_step
from telemetry_app.models import Channel
from tests.exports.doors import client_of, count_of, path_of
from tests.factories.exports import add_readings, make_export, make_export_bench
from tests.factories.governance import Bench
from tests.factories.sessions import NINE, SessionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def bench() -> Bench:
    """A running session with 20 readings each of pH (7.0 to 7.9; limits up to 7.75) and temperature (no limits)."""
    bench = make_export_bench(ended=False)
    add_readings(bench.session, 20)
    Channel.objects.filter(name="pH").update(max_value=7.75)
    return bench


def take(bench: Bench, what: str, body: dict[str, Any] | None = None, *, client: APIClient | None = None) -> Any:
    client = client or client_of(bench.asker)
    return client.post(f"/api/sessions/{bench.session.public_id}/{what}", body or {}, format="json")


def test_statistics_of_a_window_become_evidence(bench: Bench) -> None:
    window = {"channels": ["pH"], "from": "2026-03-02T09:00:05Z", "to": "2026-03-02T10:00:09+01:00"}

    taken = take(bench, "analytics/snapshots", window)

    assert taken.status_code == 201
    shown = taken.json()
    assert (shown["type"], shown["snapshot"]["event_type"]) == ("analytics_snapshot", "analytics.snapshot")
    assert shown["snapshot"]["metric_rollup"] == {"count": 1, "keys": ["pH"]}
    figures = shown["snapshot"]["payload"]["metrics"]["pH"]
    assert (figures["count"], figures["min"], figures["max"], figures["mean"]) == (5, 7.5, 7.9, pytest.approx(7.7))
    assert shown["label"] == "Statistics were taken over 5 readings of pH."


def test_readings_are_held_against_limits_and_every_one_outside_is_counted(bench: Bench) -> None:
    answer = take(bench, "qc/metrics")

    assert answer.status_code == 201
    (metric,) = answer.json()["items"]
    payload = metric["snapshot"]["payload"]
    assert (payload["channel"], payload["count"], payload["outside"], payload["passed"]) == ("pH", 20, 4, False)
    assert len(payload["readings"]) == 20
    assert metric["snapshot"]["readings_summary"] == {"min": 7.0, "max": 7.9, "avg": pytest.approx(7.45)}


def test_a_long_metric_shows_few_readings_and_none_of_the_spikes_is_missing(bench: Bench) -> None:
    add_readings(bench.session, 2000, channels=("long",))
    Channel.objects.filter(name="long").update(min_value=7.05)

    answer = take(bench, "qc/metrics", {"channels": ["long"]})

    payload = answer.json()["items"][0]["snapshot"]["payload"]
    assert (payload["count"], payload["outside"]) == (2000, 200)
    assert len(payload["readings"]) <= 100
    assert {min(one["value"] for one in payload["readings"]), max(one["value"] for one in payload["readings"])} == {
        7.0,
        7.9,
    }


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("analytics/snapshots", {"from": "2030-01-01T00:00:00Z"}, 409, "no_readings"),
    ("analytics/snapshots", {"channels": ["gossip"]}, 404, "channel_unknown"),
    ("analytics/snapshots", {"from": "2026-03-02T10:00:00Z", "to": "2026-03-02T09:00:00Z"}, 422, "invalid"),
    ("analytics/snapshots", {"from": "yesterday"}, 422, "bad_time"),
    ("qc/metrics", {"channels": ["temperature"]}, 409, "no_limits"),
]


@pytest.mark.parametrize(("what", "body", "status", "code"), REFUSED)
def test_figures_that_cannot_be_taken_leave_nothing(
    bench: Bench, what: str, body: dict[str, Any], status: int, code: str
) -> None:
    before = bench.session.events.count()

    answer = take(bench, what, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert bench.session.events.count() == before


def test_the_end_of_a_session_leaves_its_figures_behind_the_seal() -> None:
    bench = make_export_bench(readings=5)

    kinds = list(bench.session.events.order_by("sequence").values_list("kind", flat=True))

    assert kinds[-3:] == ["session.completed", "telemetry.sealed", "analytics.snapshot"]


def test_all_three_are_found_by_domain_and_frozen_as_they_are(bench: Bench) -> None:
    session = bench.session
    names = {"analytics_snapshot": "analytics_event_id", "qc_metric": "qc_event_id"}
    names["remediation_report"] = "remediation_event_id"
    needs = {"step_requirements": {"0": {"required_approvals": ["lead"]}}}
    blocked = SessionFactory(team=bench.team, by=bench.lead, with_steps=True, parameters=needs)
    remediate_step(session=blocked, index=0, by=bench.lead, at=NINE)
    client = client_of(bench.asker)
    take(bench, "analytics/snapshots")
    take(bench, "qc/metrics")

    found: dict[str, Any] = {}
    for domain in names:
        (found[domain],) = client.get(f"/api/data/evidence?domain={domain}").json()["items"]
        assert found[domain]["type"] == domain
    wanted = [{names[domain]: found[domain]["id"]} for domain in ("analytics_snapshot", "qc_metric")]
    answer = client.post(path_of(session), {"attachments": wanted}, format="json")
    other = client.post(
        path_of(blocked), {"attachments": [{"remediation_event_id": found["remediation_report"]["id"]}]}, format="json"
    )

    assert (answer.status_code, other.status_code) == (201, 201)
    assert [one["evidence_type"] for one in answer.json()["attachments"]] == ["analytics_snapshot", "qc_metric"]
    assert [one["snapshot"] for one in answer.json()["attachments"]] == [
        found[domain]["snapshot"] for domain in ("analytics_snapshot", "qc_metric")
    ]
    (report,) = other.json()["attachments"]
    assert report["snapshot"]["actions"] == found["remediation_report"]["snapshot"]["payload"]["actions"] != []
    export = session.narrative_exports.get()
    frozen = export.attachments.select_related("frozen").order_by("position")[0].frozen
    event = session.events.get(kind="analytics.snapshot")
    assert b"".join(storage.read(frozen.name)) == event.canonical.encode()


def test_an_event_is_attached_as_what_it_is_and_nothing_else(bench: Bench) -> None:
    event = bench.session.events.order_by("sequence").first()
    assert event is not None
    before = count_of(bench.session)

    for name in ("analytics_event_id", "qc_event_id", "remediation_event_id"):
        answer = client_of(bench.asker).post(
            path_of(bench.session), {"attachments": [{name: event.public_id}]}, format="json"
        )
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/attachments/0")

    assert count_of(bench.session) == before
    assert make_export(bench).attachments.count() == 0


@pytest.mark.parametrize(
    ("kind", "payload", "gist"),
    [
        ("qc_metric", {"readings": [{"value": 1.7e308}, {"value": 1.7e308}]}, {"min": 1.7e308, "max": 1.7e308}),
        ("qc_metric", {}, {"min": None, "max": None, "avg": None}),
        ("analytics_snapshot", {"metrics": {"b": {}, "a": {}}}, {"count": 2, "keys": ["a", "b"]}),
    ],
)
def test_what_a_snapshot_comes_to_is_told_even_at_the_edges(
    bench: Bench, kind: str, payload: dict[str, Any], gist: dict[str, Any]
) -> None:
    event = bench.session.events.order_by("sequence").first()
    assert event is not None
    event.record["payload"] = json.loads(json.dumps(payload))

    snapshot = event_snapshot(event, kind)

    told = snapshot.get("readings_summary") or snapshot["metric_rollup"]
    assert told | gist == told
