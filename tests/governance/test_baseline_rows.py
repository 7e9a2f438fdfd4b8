"""Every rule of a baseline holds alike for those who call the service, use the API and sit at the desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from biolab.accounts.models import User
from biolab.kernel.ids import find
from governance_app.models import GovernanceBaseline, GovernanceBaselineEvent
from governance_app.services.baselines import publish_baseline, review_baseline, roll_back_baseline, submit_baseline
from sessions_app.models import LabSession, TimelineEvent
from tests.exports.doors import client_of
from tests.factories.baselines import make_baseline_bench
from tests.factories.sessions import SessionFactory
from tests.rows import Row, assert_done_alike, assert_refused_alike, code_of, post_at_desk

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]
ROOT = "/api/governance/baselines"
OTHERS = ("submitted", "rejected", "rolled_back")
DONE = [
    Row("submitter", "submit", "none", after="submitted"),
    Row("member", "submit", "none", after="submitted"),
    Row("submitter", "submit", "running", after="submitted"),
    *[
        Row(who, "review", state, {"decision": decision}, after=after)
        for who in ("reviewer", "admin")
        for state in ("submitted", "rejected")
        for decision, after in (("approve", "approved"), ("reject", "rejected"))
        if (state, decision) != ("rejected", "reject")
    ],
    Row("reviewer", "publish", "approved", after="published 1 current"),
    Row("admin", "publish", "approved", after="published 1 current"),
    Row("reviewer", "publish", "approved, after another", after="published 2 current, published 1"),
    Row("admin", "rollback", "published", after="rolled_back 1"),
    Row("admin", "rollback", "published, after another", after="rolled_back 2, published 1"),
    Row(
        "admin",
        "rollback",
        "published, after another",
        {"target": True},
        after="rolled_back 2, published 1 current",
    ),
]
REFUSED = [
    Row("stranger", "submit", "none", code=404),
    Row("observer", "submit", "none", code=403),
    Row("submitter", "submit", "none", {"name": " "}, code=422),
    Row("submitter", "submit", "none", {"name": "x" * 256}, code=422),
    Row("submitter", "submit", "none", {"reviewers": "submitter"}, code=422),
    Row("submitter", "submit", "without a protocol", code=409),
    *[Row("stranger", move, "submitted", code=404) for move in ("review", "publish", "rollback")],
    *[Row(who, "review", "submitted", code=403) for who in ("submitter", "member", "observer")],
    *[Row("reviewer", "review", state, code=409) for state in ("approved", "published", "rolled_back")],
    Row("reviewer", "review", "submitted", {"decision": "maybe"}, code=422),
    *[Row(who, "publish", "approved", code=403) for who in ("submitter", "member", "observer")],
    *[Row("reviewer", "publish", state, code=409) for state in (*OTHERS, "published")],
    *[Row(who, "rollback", "published", code=403) for who in ("submitter", "member", "reviewer", "observer")],
    *[Row("admin", "rollback", state, code=409) for state in (*OTHERS, "approved")],
    Row("admin", "rollback", "published", {"reason": " "}, code=422),
]


class Bench:
    """The people around a protocol, a session of it, and its baseline in a state where it has one."""

    def __init__(self, state: str) -> None:
        self.bench = make_baseline_bench()
        status, _, after = state.partition(", ")
        self.earlier = self.bench.baseline("published") if after else None
        self.baseline: GovernanceBaseline | None = None
        if status == "without a protocol":
            self.session: LabSession = SessionFactory(team=self.bench.team, by=self.bench.submitter)
        elif status == "running":
            self.session = self.bench.session(completed=False, running=True)
        else:
            self.session = self.bench.session()
            if status != "none":
                self.baseline = self.bench.baseline(status, session=self.session)

    def stands(self) -> str:
        told = []
        for baseline in GovernanceBaseline.objects.filter(protocol=self.bench.protocol).order_by(
            "-submitted_at", "-pk"
        ):
            number = [str(baseline.version_number)] if baseline.version_number is not None else []
            told.append(" ".join([baseline.status, *number, *(["current"] if baseline.is_current else [])]))
        return ", ".join(told)

    def written(self) -> tuple[Any, ...]:
        return self.stands(), GovernanceBaselineEvent.objects.count(), TimelineEvent.objects.count()

    def wish(self, row: Row) -> tuple[User, dict[str, Any]]:
        right: dict[str, dict[str, Any]] = {
            "submit": {"name": "Reference", "reviewers": "reviewer"},
            "review": {"decision": "approve", "notes": "Clean"},
            "publish": {"notes": "Go"},
            "rollback": {"reason": "Drift"},
        }
        wish = right[row.operation] | row.values
        if "reviewers" in wish:
            wish["reviewers"] = [getattr(self.bench, wish["reviewers"])]
        if "target" in wish:
            wish["target"] = self.earlier
        person: User = getattr(self.bench, row.who)
        return person, wish


def by_service(bench: Bench, row: Row) -> int:
    person, wish = bench.wish(row)
    wish |= {"by": person, "at": timezone.now()}
    services: dict[str, Callable[..., Any]] = {
        "review": review_baseline,
        "publish": publish_baseline,
        "rollback": roll_back_baseline,
    }

    def work() -> None:
        if bench.baseline is None:
            session = find(LabSession.objects.visible_to(person), bench.session.public_id)
            submit_baseline(session=session, **wish)
        else:
            baseline = find(GovernanceBaseline.objects.visible_to(person), bench.baseline.public_id)
            services[row.operation](baseline=baseline, **wish)

    return code_of(work)


def by_api(bench: Bench, row: Row) -> int:
    person, wish = bench.wish(row)
    path = "submissions" if bench.baseline is None else f"{bench.baseline.public_id}/{row.operation}"
    if bench.baseline is None:
        wish |= {"execution_id": bench.session.public_id}
        wish["reviewer_ids"] = [reviewer.public_id for reviewer in wish.pop("reviewers")]
    elif "target" in wish:
        wish["target_version_id"] = wish.pop("target").public_id
    code: int = client_of(person).post(f"{ROOT}/{path}", wish, format="json").status_code
    return 200 if code == 201 else code


def at_desk(bench: Bench, row: Row) -> int:
    """A session is proposed on its own page; what is proposed lies at the desk."""
    person, form = bench.wish(row)
    if bench.baseline is None:
        form["reviewer"] = [reviewer.public_id for reviewer in form.pop("reviewers")]
        client = Client()
        client.force_login(person)
        code: int = client.post(f"/sessions/{bench.session.public_id}/baseline", form).status_code
        return 200 if code == 302 else code
    if "target" in form:
        form["target"] = form["target"].pk
    form["operation"] = row.operation
    return post_at_desk(person, "governance_app_governancebaseline_change", bench.baseline, form)


WAYS = {"service": by_service, "api": by_api, "desk": at_desk}


@pytest.mark.parametrize("row", DONE, ids=str)
def test_what_the_rules_allow_is_done_alike(row: Row) -> None:
    assert_done_alike(WAYS, Bench, row)


@pytest.mark.parametrize("state", sorted({row.state for row in REFUSED}))
def test_what_the_rules_forbid_is_refused_alike_and_nothing_is_written(state: str) -> None:
    assert_refused_alike(WAYS, Bench(state), [row for row in REFUSED if row.state == state])
