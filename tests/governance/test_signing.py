"""Signing a stage: who may, in which order the rules are asked, and that a refusal writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from biolab.accounts.models import ServiceToken, User
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.errors import Conflict, Forbidden, Invalid, Missing, Refusal, TooMany
from biolab.kernel.models import SecurityEntry
from governance_app.models import ApprovalRequest, Signature, StageAction
from governance_app.selectors.approvals import standing_of
from governance_app.services.approvals import StageSpec
from governance_app.states import LadderState
from sessions_app.models import Checkpoint, TimelineEvent
from tests.factories.governance import (
    PASSWORD,
    Bench,
    TemplateFactory,
    make_administrator,
    make_bench,
    make_request,
    make_signer,
    sign,
)
from tests.factories.sessions import NINE, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def bench() -> Bench:
    return make_bench()


@dataclass(frozen=True)
class Trace:
    """Everything a signature could leave behind."""

    events: int
    actions: int
    signatures: int
    checkpoints: int
    states: tuple[str, ...]


def trace(request: ApprovalRequest) -> Trace:
    fresh = ApprovalRequest.objects.get(pk=request.pk)
    return Trace(
        events=TimelineEvent.objects.count(),
        actions=StageAction.objects.count(),
        signatures=Signature.objects.count(),
        checkpoints=Checkpoint.objects.count(),
        states=(fresh.state, *fresh.stages.values_list("status", flat=True)),
    )


def security_reasons() -> list[str]:
    entries = SecurityEntry.objects.filter(kind="signature.refused").order_by("sequence")
    return [entry.record["detail"]["reason"] for entry in entries]


def test_two_people_sign_two_stages_and_the_ladder_is_approved(bench: Bench) -> None:
    request = make_request(bench)

    first = sign(request, bench.reviewer, at=NINE + timedelta(hours=1))
    second = sign(request, bench.approver, at=NINE + timedelta(hours=2))

    assert [stage.status for stage in first.stages.all()] == ["approved", "in_progress"]
    assert second.state == LadderState.APPROVED
    assert second.decided_at == NINE + timedelta(hours=2)
    assert [stage.status for stage in second.stages.all()] == ["approved", "approved"]
    assert security_reasons() == []


def test_a_stage_starts_when_the_one_before_it_is_approved(bench: Bench) -> None:
    request = make_request(bench)

    signed = sign(request, bench.reviewer, at=NINE + timedelta(hours=5))

    first, second = signed.stages.all()
    assert (first.started_at, first.due_at) == (NINE, NINE + timedelta(hours=24))
    assert (second.started_at, second.due_at) == (NINE + timedelta(hours=5), NINE + timedelta(hours=53))
    assert first.completed_at == NINE + timedelta(hours=5)


def test_the_timeline_tells_the_climb_with_the_exact_payloads(bench: Bench) -> None:
    request = make_request(bench)
    sign(request, bench.reviewer)
    sign(request, bench.approver)

    events = TimelineEvent.objects.filter(session=bench.session, kind__contains=".approval.").order_by("sequence")

    stages = list(request.stages.all())
    subject = {"export_id": request.subject_id}
    assert [(event.kind, event.payload) for event in events] == [
        (
            "narrative_export.approval.stage_started",
            {
                **subject,
                "stage_id": stages[0].public_id,
                "sequence_index": 1,
                "required_role": "reviewer",
                "assignee_id": None,
                "due_at": "2026-03-03T09:00:00Z",
            },
        ),
        (
            "narrative_export.approval.stage_completed",
            {
                **subject,
                "stage_id": stages[0].public_id,
                "sequence_index": 1,
                "status": "approved",
                "signature": bench.reviewer.printed_name,
                "actor_id": bench.reviewer.public_id,
            },
        ),
        (
            "narrative_export.approval.stage_started",
            {
                **subject,
                "stage_id": stages[1].public_id,
                "sequence_index": 2,
                "required_role": "approver",
                "assignee_id": None,
                "due_at": "2026-03-04T09:00:00Z",
            },
        ),
        (
            "narrative_export.approval.stage_completed",
            {
                **subject,
                "stage_id": stages[1].public_id,
                "sequence_index": 2,
                "status": "approved",
                "signature": bench.approver.printed_name,
                "actor_id": bench.approver.public_id,
            },
        ),
        (
            "narrative_export.approval.finalized",
            {
                **subject,
                "approved_at": "2026-03-02T09:00:00Z",
                "approver_id": bench.approver.public_id,
                "status": "approved",
            },
        ),
    ]
    assert [event.told for event in events][-1] == "Every approval stage is signed; the ladder is approved."


def test_a_checkpoint_pins_the_chain_at_every_signature_and_at_the_end(bench: Bench) -> None:
    request = make_request(bench)
    before = Checkpoint.objects.count()

    sign(request, bench.reviewer)
    sign(request, bench.approver)

    pinned = Checkpoint.objects.filter(session=bench.session).order_by("-created_at", "-id")
    sequences = set(pinned.values_list("sequence", flat=True))
    kinds = TimelineEvent.objects.filter(session=bench.session, sequence__in=sequences).values_list("kind", flat=True)
    assert Checkpoint.objects.count() == before + 3
    assert sorted(kind.rpartition(".")[2] for kind in kinds if "approval" in kind) == [
        "finalized",
        "stage_completed",
        "stage_completed",
    ]


def test_one_rejection_closes_the_ladder(bench: Bench) -> None:
    request = make_request(bench)
    sign(request, bench.reviewer)

    rejected = sign(request, bench.approver, decision="rejected", notes="The pH trace has a gap.")

    kinds = list(TimelineEvent.objects.filter(kind__contains=".approval.").values_list("kind", flat=True))
    assert rejected.state == LadderState.REJECTED
    assert [stage.status for stage in rejected.stages.all()] == ["approved", "rejected"]
    assert [kind.rpartition(".")[2] for kind in sorted(kinds)][-1] == "stage_started"
    last = TimelineEvent.objects.filter(session=bench.session).order_by("-sequence")[:2]
    assert [event.kind.rpartition(".")[2] for event in last] == ["rejected", "stage_completed"]
    assert Signature.objects.get(decision="rejected").meaning == "rejection"


def test_a_rejection_of_the_first_stage_puts_the_later_ones_back(bench: Bench) -> None:
    rejected = sign(make_request(bench), bench.reviewer, decision="rejected")

    assert [stage.status for stage in rejected.stages.all()] == ["rejected", "reset"]


def test_a_quorum_wants_that_many_people(bench: Bench) -> None:
    request = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER, quorum=2)])
    second = make_signer(bench.team, Role.REVIEWER)

    once = sign(request, bench.reviewer)
    twice = sign(request, second)

    assert (once.state, twice.state) == (LadderState.PENDING, LadderState.APPROVED)
    signed = TimelineEvent.objects.get(kind="narrative_export.approval.stage_signed")
    assert signed.payload["remaining"] == 1
    assert list(StageAction.objects.order_by("place").values_list("place", flat=True)) == [1, 2]


Change = Callable[[Bench, ApprovalRequest], dict[str, Any]]


def _by(name: str) -> Change:
    return lambda bench, request: {"by": getattr(bench, name)}


def _with(**changes: Any) -> Change:
    return lambda bench, request: changes


def _second_stage(bench: Bench, request: ApprovalRequest) -> dict[str, Any]:
    return {"by": bench.approver, "stage_id": request.stages.get(sequence_index=2).public_id}


def _administrator(bench: Bench, request: ApprovalRequest) -> dict[str, Any]:
    return {"by": make_administrator()}


def _viewer(bench: Bench, request: ApprovalRequest) -> dict[str, Any]:
    User.objects.filter(pk=bench.reviewer.pk).update(role=PlatformRole.VIEWER)
    bench.reviewer.refresh_from_db()
    return {}


def _token(bench: Bench, request: ApprovalRequest) -> dict[str, Any]:
    bench.reviewer.credential = ServiceToken(name="Bench PC", owner=bench.reviewer)
    return {}


def _foreign_stage(bench: Bench, request: ApprovalRequest) -> dict[str, Any]:
    return {"stage_id": make_request(bench).stages.get(sequence_index=1).pk}


REFUSALS: list[tuple[str, Change, type[Refusal], str, bool]] = [
    ("of a lead, whose role is not the stage's", _by("lead"), Forbidden, "wrong_role", True),
    ("of the next stage's role", _by("approver"), Forbidden, "wrong_role", True),
    ("of an administrator without the role", _administrator, Forbidden, "wrong_role", True),
    ("of an account that only reads", _viewer, Forbidden, "account_reads_only", True),
    ("by a service token", _token, Forbidden, "token_cannot_sign", True),
    ("of somebody who cannot see it", _by("outsider"), Missing, "not_found", False),
    ("of the second stage before the first", _second_stage, Conflict, "stage_not_current", False),
    ("of a stage that does not exist", _with(stage_id="stg_nowhere"), Missing, "not_found", False),
    ("of another ladder's stage", _foreign_stage, Missing, "not_found", False),
    ("of an unknown request", _with(request_id="apr_nowhere"), Missing, "not_found", False),
    ("with a wrong password", _with(password="guess"), Forbidden, "wrong_password", True),
    ("without a password", _with(password=""), Invalid, "invalid", False),
    ("without a typed signature", _with(signature="  "), Invalid, "invalid", False),
    ("with a signature of 256 characters", _with(signature="x" * 256), Invalid, "invalid", False),
    ("with control characters", _with(signature="a\x00b"), Invalid, "invalid", False),
    ("with a meaning the stage does not know", _with(meaning="boredom"), Invalid, "invalid", False),
    ("of an approval that means rejection", _with(meaning="rejection"), Invalid, "invalid", False),
    ("of a rejection that means approval", _with(decision="rejected", meaning="approval"), Invalid, "invalid", False),
    ("that decides nothing", _with(decision="maybe"), Invalid, "invalid", False),
    ("of what has changed since", _with(content_digest="0" * 64), Conflict, "content_changed", False),
]


@pytest.mark.parametrize(
    ("change", "refusal", "code", "noted"), [case[1:] for case in REFUSALS], ids=[c[0] for c in REFUSALS]
)
def test_a_signature_is_refused_and_nothing_is_written(
    bench: Bench, change: Change, refusal: type[Refusal], code: str, noted: bool
) -> None:
    request = make_request(bench)
    wanted = {"by": bench.reviewer, **change(bench, request)}
    before = trace(request)

    with pytest.raises(refusal) as refused:
        sign(request, wanted.pop("by"), **wanted)

    assert refused.value.code == code
    assert trace(request) == before
    assert security_reasons() == ([code] if noted else [])


def test_whoever_asked_does_not_sign(bench: Bench) -> None:
    bench.asker = bench.reviewer
    request = make_request(bench)
    before = trace(request)

    with pytest.raises(Forbidden) as refused:
        sign(request, bench.reviewer)

    assert refused.value.code == "own_request"
    assert trace(request) == before


def test_whoever_asked_signs_where_the_template_allows_it(bench: Bench) -> None:
    bench.asker = bench.reviewer
    request = make_request(bench, template=TemplateFactory(published=True, allow_self_approval=True))

    assert sign(request, bench.reviewer).stages.get(sequence_index=1).status == "approved"


def test_one_person_does_not_sign_two_stages(bench: Bench) -> None:
    stages = [StageSpec(required_role=Role.REVIEWER), StageSpec(required_role=Role.REVIEWER)]
    request = make_request(bench, stages=stages)
    sign(request, bench.reviewer)
    before = trace(request)

    with pytest.raises(Forbidden) as refused:
        sign(request, bench.reviewer)

    assert refused.value.code == "repeat_signer"
    assert trace(request) == before


def test_one_person_does_not_sign_one_stage_twice(bench: Bench) -> None:
    request = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER, quorum=2)])
    sign(request, bench.reviewer)
    before = trace(request)

    with pytest.raises(Conflict) as refused:
        sign(request, bench.reviewer)

    assert refused.value.code == "already_signed"
    assert trace(request) == before


@pytest.mark.parametrize("decision", ["approved", "rejected"])
def test_a_decided_ladder_takes_no_signature(bench: Bench, decision: str) -> None:
    request = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER)])
    sign(request, bench.reviewer, decision=decision)
    before = trace(request)

    with pytest.raises(Conflict) as refused:
        sign(request, make_signer(bench.team, Role.REVIEWER))

    assert refused.value.code == "ladder_closed"
    assert trace(request) == before


def test_an_assigned_stage_is_signed_by_its_assignee_alone(bench: Bench) -> None:
    other = make_signer(bench.team, Role.REVIEWER)
    request = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER, assignee=other)])

    with pytest.raises(Forbidden) as refused:
        sign(request, bench.reviewer)

    assert refused.value.code == "not_assigned"
    assert sign(request, other).state == LadderState.APPROVED


def test_the_rules_are_asked_in_order_and_only_the_password_counts(bench: Bench) -> None:
    request = make_request(bench)

    for _ in range(6):
        with pytest.raises(Forbidden, match="role"):
            sign(request, bench.lead, password="guess", signature="")
        with pytest.raises(Invalid):
            sign(request, bench.reviewer, password="guess", signature="")

    assert sign(request, bench.reviewer).stages.get(sequence_index=1).status == "approved"


def test_five_wrong_passwords_lock_signing_for_a_quarter_of_an_hour(bench: Bench, clock: Any) -> None:
    administrator = make_administrator()
    request = make_request(bench)
    before = trace(request)

    for _ in range(5):
        with pytest.raises(Forbidden):
            sign(request, bench.reviewer, password="guess", at=clock())
    with pytest.raises(TooMany) as locked:
        sign(request, bench.reviewer, at=clock())
    clock.forward(minutes=14)
    with pytest.raises(TooMany):
        sign(request, bench.reviewer, at=clock())

    assert trace(request) == before
    assert locked.value.retry_after_s == 15 * 60
    assert security_reasons() == ["wrong_password"] * 5 + ["locked"] * 2
    assert [message.to for message in mail.outbox] == [[administrator.email]]
    clock.forward(minutes=2)
    assert sign(request, bench.reviewer, at=clock()).stages.get(sequence_index=1).status == "approved"


def test_a_right_password_opens_the_gate_again(bench: Bench) -> None:
    request = make_request(bench)
    for _ in range(4):
        with pytest.raises(Forbidden):
            sign(request, bench.reviewer, password="guess")
    sign(request, bench.reviewer)

    another = make_request(bench)
    for _ in range(4):
        with pytest.raises(Forbidden):
            sign(another, bench.reviewer, password="guess")

    assert sign(another, bench.reviewer).stages.get(sequence_index=1).status == "approved"
    assert mail.outbox == []


def test_a_dry_run_shows_what_would_be_and_writes_nothing(bench: Bench) -> None:
    request = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER)])
    before = trace(request)

    would_be = sign(request, bench.reviewer, dry_run=True)

    assert would_be.state == LadderState.APPROVED
    assert [action.action_type for action in would_be.stages.all()[0].actions.all()] == ["approved"]
    assert trace(request) == before
    assert sign(request, bench.reviewer).state == LadderState.APPROVED


def test_a_dry_run_does_not_help_to_guess_a_password(bench: Bench) -> None:
    request = make_request(bench)

    for _ in range(5):
        with pytest.raises(Forbidden):
            sign(request, bench.reviewer, password="guess", dry_run=True)

    with pytest.raises(TooMany):
        sign(request, bench.reviewer, dry_run=True)


def test_the_meaning_is_one_the_stage_allows(bench: Bench) -> None:
    request = make_request(bench, template=TemplateFactory(published=True))

    sign(request, bench.reviewer)
    sign(request, bench.approver, meaning="responsibility")

    assert list(Signature.objects.order_by("signed_at", "action_id").values_list("meaning", flat=True)) == [
        "review",
        "responsibility",
    ]


def test_what_the_signer_was_shown_may_be_named(bench: Bench) -> None:
    request = make_request(bench, content_digest="a" * 64)

    sign(request, bench.reviewer, content_digest="a" * 64)

    assert sign(request, bench.approver, content_digest=request.subject_digest).state == LadderState.APPROVED


def test_the_stored_state_is_what_the_signatures_make_of_it(bench: Bench) -> None:
    request = make_request(bench)

    for person in (bench.reviewer, bench.approver):
        signed = sign(request, person)
        standing = standing_of(signed)

        assert standing.refused == ()
        assert signed.state == standing.state
        assert [stage.status for stage in signed.stages.all()] == [standing.status(1), standing.status(2)]


def test_somebody_of_another_team_sees_no_request(bench: Bench) -> None:
    request = make_request(bench)
    stranger: User = make_member(make_bench().team, Role.REVIEWER, password=PASSWORD)

    with pytest.raises(Missing):
        sign(request, stranger)
