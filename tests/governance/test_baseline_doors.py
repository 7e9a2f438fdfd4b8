"""Baselines over the API: the whole way, what each caller may, filters, pages, and the comparison."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from biolab.accounts.roles import Scope
from governance_app.models import GovernanceBaseline
from governance_app.services.assignments import assign_template
from tests.exports.doors import client_of
from tests.factories import accounts
from tests.factories.baselines import BaselineBench, make_baseline_bench
from tests.factories.governance import TemplateFactory
from tests.factories.sessions import NINE

pytestmark = pytest.mark.django_db
ROOT = "/api/governance/baselines"


def post(person: Any, path: str, body: dict[str, Any] | None = None) -> Any:
    return client_of(person).post(f"{ROOT}/{path}", body or {}, format="json")


def wanted(bench: BaselineBench, **changes: Any) -> dict[str, Any]:
    return {
        "execution_id": bench.session().public_id,
        "name": "Reference",
        "reviewer_ids": [bench.reviewer.public_id],
        "labels": [{"key": "scale", "value": "2 L"}],
        **changes,
    }


def test_the_whole_way_from_proposal_to_rollback() -> None:
    bench = make_baseline_bench()

    made = post(bench.submitter, "submissions", wanted(bench))
    bid = made.json()["id"]
    approved = post(bench.reviewer, f"{bid}/review", {"decision": "approve", "notes": "Clean"})
    published = post(bench.reviewer, f"{bid}/publish", {"notes": "Go"})
    rolled = post(bench.admin, f"{bid}/rollback", {"reason": "Drift"})

    assert [answer.status_code for answer in (made, approved, published, rolled)] == [201, 200, 200, 200]
    assert made.json()["status"] == "submitted"
    assert made.json()["labels"] == [{"key": "scale", "value": "2 L"}]
    assert made.json()["open_moves"] == ["approve", "reject"]
    assert (approved.json()["review_notes"], approved.json()["reviewed_by_id"]) == ("Clean", bench.reviewer.public_id)
    assert (published.json()["version_number"], published.json()["is_current"]) == (1, True)
    assert (rolled.json()["status"], rolled.json()["rollback_notes"]) == ("rolled_back", "Drift")
    told = [(event["action"], event["performed_by_id"]) for event in rolled.json()["events"]]
    assert told == [
        ("submitted", bench.submitter.public_id),
        ("review.approve", bench.reviewer.public_id),
        ("published", bench.reviewer.public_id),
        ("rolled_back", bench.admin.public_id),
    ]
    assert made.json()["content"]["steps"][0]["instruction"] == "Fill the vessel"


@pytest.mark.parametrize(
    ("who", "move", "status"),
    [
        ("submitter", "review", 403),
        ("member", "review", 403),
        ("observer", "review", 403),
        ("stranger", "review", 404),
        ("reviewer", "review", 200),
        ("admin", "review", 200),
        ("submitter", "publish", 403),
        ("member", "publish", 403),
        ("stranger", "publish", 404),
        ("reviewer", "publish", 409),
        ("reviewer", "rollback", 403),
        ("submitter", "rollback", 403),
        ("stranger", "rollback", 404),
        ("admin", "rollback", 409),
    ],
)
def test_each_caller_may_what_the_contract_says_of_a_proposal(who: str, move: str, status: int) -> None:
    bench = make_baseline_bench()
    baseline = bench.baseline()
    body = {"review": {"decision": "reject"}, "publish": {}, "rollback": {"reason": "Drift"}}[move]

    answer = post(getattr(bench, who), f"{baseline.public_id}/{move}", body)

    baseline.refresh_from_db()
    assert answer.status_code == status
    assert (baseline.status, baseline.events.count()) == (("rejected", 2) if status == 200 else ("submitted", 1))


def test_a_proposal_that_is_not_well_formed_makes_nothing() -> None:
    bench = make_baseline_bench()
    unknown = "user_01jzzzzzzzzzzzzzzzzzzzzzzz"
    cases: list[tuple[dict[str, Any], int]] = [
        ({"execution_id": "sess_nothing"}, 404),
        ({"reviewer_ids": [unknown]}, 404),
        ({"reviewer_ids": [bench.submitter.public_id]}, 422),
        ({"reviewer_ids": "all"}, 422),
        ({"labels": [{"key": "a"}]}, 422),
        ({"name": ""}, 422),
    ]

    got = [post(bench.submitter, "submissions", wanted(bench, **changes)).status_code for changes, _ in cases]

    assert got == [status for _, status in cases]
    assert not GovernanceBaseline.objects.exists()


def test_a_rollback_names_its_target() -> None:
    bench = make_baseline_bench()
    first, second = bench.baseline("published"), bench.baseline("published")
    path, reason = f"{second.public_id}/rollback", {"reason": "Drift"}

    unknown = post(bench.admin, path, {**reason, "target_version_id": "base_nothing"})
    blank = post(bench.admin, path, {"target_version_id": first.public_id})
    done = post(bench.admin, path, {**reason, "target_version_id": first.public_id})

    first.refresh_from_db()
    assert (unknown.status_code, blank.status_code, done.status_code) == (404, 422, 200)
    assert done.json()["rollback_of_id"] == first.public_id
    assert first.is_current


def test_the_list_is_filtered_and_paged() -> None:
    bench, other = make_baseline_bench(), make_baseline_bench()
    template = TemplateFactory(published=True)
    assign_template(template=template, protocol=bench.protocol, by=bench.admin, at=NINE)
    rows = [bench.baseline(at=NINE + timedelta(days=day)) for day in range(3)]
    foreign = other.baseline("approved")
    client = client_of(bench.observer)
    cases = {
        "": rows,
        f"?execution_id={rows[0].session.public_id}": rows[:1],
        f"?template_id={bench.protocol.public_id}": rows,
        f"?template_id={template.public_id}": rows,
        "?status=approved": [],
    }

    for query, expected in cases.items():
        items = client.get(ROOT + query).json()["items"]
        assert [item["id"] for item in items] == [row.public_id for row in reversed(expected)], query
    page = client.get(f"{ROOT}?limit=2").json()
    rest = client.get(f"{ROOT}?limit=2&cursor={page['next_cursor']}").json()
    assert [len(page["items"]), len(rest["items"]), rest["next_cursor"]] == [2, 1, None]
    assert "content" not in page["items"][0]
    assert len(client_of(bench.admin).get(ROOT).json()["items"]) == 4
    for query in (
        f"?execution_id={foreign.session.public_id}",
        f"?template_id={other.protocol.public_id}",
        "?template_id=x",
    ):
        assert client.get(ROOT + query).status_code == 404
    assert client.get(f"{ROOT}/{foreign.public_id}").status_code == 404


def test_a_session_is_compared_with_a_baseline() -> None:
    bench, other = make_baseline_bench(), make_baseline_bench()
    baseline, session = bench.baseline("published"), bench.session()
    client, path = client_of(bench.observer), f"{ROOT}/{baseline.public_id}/compare"

    found = client.get(f"{path}?execution_id={session.public_id}")

    assert found.status_code == 200
    assert found.json()["summary"]["steps"] == {"same": 3, "changed": 0, "added": 0, "missing": 0}
    assert (found.json()["version_number"], found.json()["same_protocol_version"]) == (1, True)
    assert client.get(path).status_code == 422
    assert client.get(f"{path}?execution_id={other.session().public_id}").status_code == 404
    assert client.get(f"{path}?execution_id={session.public_id}&tolerance_percent=nan").status_code == 422
    foreign = client_of(bench.admin).get(f"{path}?execution_id={other.session().public_id}")
    assert (foreign.status_code, foreign.json()["code"]) == (422, "not_of_one_protocol")


def test_a_token_needs_the_scope_of_governance() -> None:
    bench = make_baseline_bench()
    baseline = bench.baseline()
    reads = accounts.client_of(bench.reviewer, scopes=[Scope.GOVERNANCE_READ])
    writes = accounts.client_of(bench.reviewer, scopes=[Scope.GOVERNANCE_READ, Scope.GOVERNANCE_WRITE])
    path, body = f"{ROOT}/{baseline.public_id}/review", {"decision": "approve"}

    refused, done = reads.post(path, body, format="json"), writes.post(path, body, format="json")

    assert reads.get(f"{ROOT}/{baseline.public_id}").status_code == 200
    assert (refused.status_code, done.status_code) == (403, 200)
