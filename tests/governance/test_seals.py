"""What a signature is bound to, and that it holds nowhere else (21 CFR 11.50, 11.70)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from biolab.kernel import keys
from biolab.kernel.canonical import SIGNATURE
from governance_app.models import ApprovalRequest, Signature
from governance_app.seals.signatures import verify_signature
from governance_app.shapes.approvals import stages_as_wire
from sessions_app.models import TimelineEvent
from tests.factories.governance import TemplateFactory, make_bench, make_request, sign
from tests.factories.sessions import NINE

pytestmark = pytest.mark.django_db


@pytest.fixture
def signature() -> Signature:
    bench = make_bench()
    request = make_request(bench, template=TemplateFactory(published=True))
    sign(request, bench.reviewer, signature="R. Viewer", zone="Europe/Berlin")
    return Signature.objects.get()


def test_11_50_a_signature_keeps_name_time_with_offset_and_meaning(signature: Signature) -> None:
    record = json.loads(signature.canonical)

    assert record["printed_name"] == signature.signer.printed_name
    assert (record["signature"], record["meaning"], record["role"]) == ("R. Viewer", "review", "reviewer")
    assert (record["signed_at"], record["local_time"]) == ("2026-03-02T09:00:00Z", "2026-03-02T10:00:00+01:00")


def test_11_50_a_later_change_of_name_changes_nothing(signature: Signature) -> None:
    name = signature.printed_name
    signature.signer.full_name = "Somebody Else"
    signature.signer.save(update_fields=["full_name"])

    fresh = Signature.objects.get()

    shown = stages_as_wire(ApprovalRequest.objects.with_ladder().get())[0]["actions"][0]["signed"]
    assert (shown["printed_name"], json.loads(fresh.canonical)["printed_name"]) == (name, name)
    assert not verify_signature(fresh)


def test_11_70_a_signature_is_bound_to_what_was_signed(signature: Signature) -> None:
    request = signature.action.stage.request

    record = json.loads(signature.canonical)

    event = TimelineEvent.objects.get(session=request.session, sequence=record["chain"]["sequence"])
    assert record["subject"] == {
        "prefix": "narrative_export",
        "id": request.subject_id,
        "digest": request.subject_digest,
        "content_digest": request.content_digest,
    }
    assert request.snapshot is not None
    assert record["snapshot_digest"] == request.snapshot.digest
    assert (record["chain"]["head"], event.kind) == (event.hash, "narrative_export.approval.stage_started")
    assert keys.verify(SIGNATURE + signature.canonical.encode(), bytes.fromhex(signature.seal), signature.key_id)


def test_a_signature_verifies(signature: Signature) -> None:
    assert verify_signature(signature) == []


def test_11_70_a_signature_cannot_be_moved_to_another_record(signature: Signature) -> None:
    bench = make_bench()
    sign(make_request(bench), bench.reviewer)
    other = Signature.objects.exclude(pk=signature.pk).get()

    for field in ("canonical", "seal", "key_id"):
        setattr(other, field, getattr(signature, field))
    copied = verify_signature(other)

    assert "The signed text does not belong to this record." in copied


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("printed_name", "Somebody Else"),
        ("typed", "S. Else"),
        ("decision", "rejected"),
        ("meaning", "approval"),
        ("role", "owner"),
        ("subject_digest", "0" * 64),
        ("snapshot_digest", "0" * 64),
        ("chain_sequence", 1),
        ("chain_head", "0" * 64),
        ("signed_at", NINE + timedelta(seconds=1)),
        ("zone", "UTC"),
        ("seal", "00" * 64),
        ("seal", "no hex"),
        ("key_id", "ffffffffffffffff"),
    ],
)
def test_a_signature_with_one_changed_field_fails(signature: Signature, field: str, value: Any) -> None:
    setattr(signature, field, value)

    assert verify_signature(signature)


def test_a_signature_over_a_subject_that_changed_fails(signature: Signature) -> None:
    ApprovalRequest.objects.update(subject_digest="1" * 64)

    verdict = verify_signature(Signature.objects.get())

    assert verdict == ["What was signed is not what the request holds now."]


def test_two_signatures_stand_on_different_heads_of_the_chain() -> None:
    bench = make_bench()
    request = make_request(bench)
    sign(request, bench.reviewer)
    sign(request, bench.approver)

    heads = {signature.chain_head for signature in Signature.objects.all()}

    assert len(heads) == 2
    assert not any(verify_signature(signature) for signature in Signature.objects.all())
