"""Many people at once, on PostgreSQL: exactly as many win as may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from biolab.accounts.roles import Role
from biolab.kernel.errors import Refusal
from governance_app.models import (
    ApprovalRequest,
    OverrideAction,
    Signature,
    StageAction,
    TemplateSnapshot,
    WorkflowTemplate,
)
from governance_app.seals.signatures import verify_signature
from governance_app.selectors.approvals import standing_of
from governance_app.services.approvals import StageSpec
from governance_app.services.templates import create_template, publish_template
from sessions_app.models import TimelineEvent
from tests.factories.codes import code_of, make_device
from tests.factories.governance import TemplateFactory, make_administrator, make_bench, make_request, make_signer, sign
from tests.factories.overrides import decide, make_override_bench, reverse
from tests.factories.sessions import NINE

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
THREADS = 20


def at_once(*work: Callable[[], Any]) -> Counter[str]:
    """Run everything at the same moment, each in its own thread, and count how each ended."""
    barrier = Barrier(len(work))

    def run(task: Callable[[], Any]) -> str:
        try:
            barrier.wait()
            task()
        except Refusal as refusal:
            return refusal.kind
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(work)) as pool:
        return Counter(pool.map(run, work))


@pytest.mark.parametrize("quorum", [1, 3])
def test_twenty_people_sign_one_stage_and_the_quorum_wins(quorum: int) -> None:
    bench = make_bench()
    people = [make_signer(bench.team, Role.REVIEWER) for _ in range(THREADS)]
    request = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER, quorum=quorum)])

    ends = at_once(*[lambda person=person: sign(request, person) for person in people])  # type: ignore[misc]

    stored = ApprovalRequest.objects.get()
    assert ends == {"done": quorum, "conflict": THREADS - quorum}
    assert (Signature.objects.count(), StageAction.objects.count()) == (quorum, quorum)
    assert (stored.state, standing_of(stored).state) == ("approved", "approved")
    assert TimelineEvent.objects.filter(kind="narrative_export.approval.finalized").count() == 1
    assert not any(verify_signature(signature) for signature in Signature.objects.all())


def test_one_person_signing_twenty_times_at_once_signs_once() -> None:
    bench = make_bench()
    request = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER, quorum=5)])

    ends = at_once(*[lambda: sign(request, bench.reviewer) for _ in range(5)])

    assert ends == {"done": 1, "conflict": 4}
    assert Signature.objects.count() == 1


def test_twenty_publish_one_draft_and_it_has_one_snapshot() -> None:
    template, person = TemplateFactory(), make_administrator()

    ends = at_once(*[lambda: publish_template(template=template, by=person, at=NINE) for _ in range(THREADS)])

    assert ends == {"done": THREADS}
    assert TemplateSnapshot.objects.count() == 1
    assert template.audit_entries.filter(kind="template.published").count() == 1


def test_twenty_new_versions_of_one_key_are_numbered_without_a_gap() -> None:
    person = make_administrator()

    ends = at_once(
        *[lambda: create_template(template_key="release", name="Release", by=person, at=NINE) for _ in range(THREADS)]
    )

    versions = WorkflowTemplate.objects.order_by("version")
    assert ends == {"done": THREADS}
    assert list(versions.values_list("version", flat=True)) == list(range(1, THREADS + 1))
    assert list(versions.filter(is_latest=True).values_list("version", flat=True)) == [THREADS]


def test_twenty_execute_one_recommendation_and_one_reviewer_is_added() -> None:
    bench = make_override_bench()
    people = [make_signer(bench.team, Role.MANAGER) for _ in range(THREADS)]

    ends = at_once(*[lambda person=person: decide(bench, by=person) for person in people])  # type: ignore[misc]

    assert ends == {"done": 1, "conflict": THREADS - 1}
    assert (OverrideAction.objects.count(), bench.baseline.reviewers.count()) == (1, 2)
    assert TimelineEvent.objects.filter(kind="governance.override.action").count() == 1


def test_one_decision_sent_twenty_times_is_one_row_and_is_taken_back_once() -> None:
    bench = make_override_bench()

    sent = at_once(*[lambda: decide(bench) for _ in range(THREADS)])
    taken = at_once(*[lambda: reverse(bench) for _ in range(THREADS)])

    assert (sent, taken) == ({"done": THREADS}, {"done": 1, "conflict": THREADS - 1})
    assert (OverrideAction.objects.count(), bench.baseline.reviewers.count()) == (1, 1)
    assert TimelineEvent.objects.filter(kind="governance.override.action").count() == 2


def test_11_200_one_code_sent_with_four_signatures_at_once_signs_once() -> None:
    bench = make_bench()
    device = make_device(bench.reviewer)
    requests = [make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER)]) for _ in range(4)]
    code = code_of(device, NINE)

    ends = at_once(*[lambda request=request: sign(request, bench.reviewer, totp=code) for request in requests])  # type: ignore[misc]

    assert ends == {"done": 1, "forbidden": 3}
    assert Signature.objects.count() == 1
