"""Reviews of a session's audit trail, and what nobody has reviewed yet."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.auth.periods import period_of
from biolab.accounts.roles import Role
from biolab.kernel.api import Door
from biolab.kernel.ids import find
from biolab.kernel.times import iso
from governance_app.api import schemas
from governance_app.models import AuditReview
from governance_app.selectors.audit_trails import unreviewed_of
from governance_app.services.audit_reviews import LONGEST_NOTES, require_auditor, sign_audit_review
from governance_app.shapes.approvals import person_as_wire
from sessions_app.models import LabSession

LARGEST_SEQUENCE = 2**53 - 1


class AuditReviewForm(serializers.Serializer[Any]):
    """Which events were reviewed, and the reviewer's signature."""

    first_sequence = serializers.IntegerField(min_value=1, max_value=LARGEST_SEQUENCE)
    last_sequence = serializers.IntegerField(min_value=1, max_value=LARGEST_SEQUENCE)
    signature = serializers.CharField(max_length=255)
    password = serializers.CharField(max_length=1024, required=False, allow_blank=True, trim_whitespace=False)
    totp = serializers.CharField(max_length=16, required=False, allow_blank=True)
    last_hash = serializers.CharField(
        max_length=64, required=False, help_text="Of the last event as it was shown; another one by then is 409."
    )
    notes = serializers.CharField(max_length=LONGEST_NOTES, required=False, allow_blank=True)


class AuditReviewAnswer(serializers.Serializer[Any]):
    """One review."""

    id = serializers.CharField()
    execution_id = serializers.CharField()
    first_sequence = serializers.IntegerField()
    last_sequence = serializers.IntegerField()
    first_hash = serializers.CharField()
    last_hash = serializers.CharField()
    reviewer = schemas.Person()
    printed_name = serializers.CharField()
    signature = serializers.CharField()
    meaning = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    notes = serializers.CharField(allow_blank=True)
    signed_at = serializers.DateTimeField()
    local_time = serializers.CharField()
    zone = serializers.CharField()
    key_id = serializers.CharField()
    canonical = serializers.CharField()
    seal = serializers.CharField()


class EventRange(serializers.Serializer[Any]):
    """Events that nobody has reviewed."""

    first_sequence = serializers.IntegerField()
    last_sequence = serializers.IntegerField()


class AuditReviewPage(serializers.Serializer[Any]):
    """Reviews, newest first, and what is not reviewed."""

    items = AuditReviewAnswer(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    head_sequence = serializers.IntegerField()
    uncovered = EventRange(many=True)


class AuditReviewsDoor(Door):
    """The reviews of one session; a wrong password must leave its trace, so no transaction is around them."""

    scope_area = "governance"
    one_transaction = False

    def session(self, sid: str) -> LabSession:
        return find(LabSession.objects.visible_to(self.person), sid)

    @extend_schema(
        operation_id="list_audit_reviews",
        summary="Reviews of a session's audit trail, and what is not reviewed",
        parameters=schemas.PAGE,
        responses=AuditReviewPage,
        tags=["governance"],
    )
    def get(self, request: Request, execution_id: str) -> Response:
        session = self.session(execution_id)
        reviews = AuditReview.objects.filter(session=session).select_related("reviewer", "session")
        page = self.page(reviews, order=("-signed_at", "-id"))
        return self.answer(
            {
                "items": [review_as_wire(review) for review in page.items],
                "next_cursor": page.next_cursor,
                "head_sequence": session.head_sequence,
                "uncovered": [
                    {"first_sequence": first, "last_sequence": last} for first, last in unreviewed_of(session)
                ],
            }
        )

    @extend_schema(
        summary="Sign that events were reviewed",
        description="By the role QA of the session's team, with the password, a code, or both, as for any signature.",
        request=AuditReviewForm,
        responses={201: AuditReviewAnswer},
        tags=["governance"],
    )
    def post(self, request: Request, execution_id: str) -> Response:
        session = self.session(execution_id)
        require_auditor(session=session, by=self.person, at=self.now)
        values = self.validated(AuditReviewForm)
        review = sign_audit_review(session=session, period=period_of(request), by=self.person, at=self.now, **values)
        return self.answer(review_as_wire(review), status=201)


def review_as_wire(review: AuditReview) -> dict[str, Any]:
    """Return one review."""
    return {
        "id": review.public_id,
        "execution_id": review.session.public_id,
        "first_sequence": review.first_sequence,
        "last_sequence": review.last_sequence,
        "first_hash": review.first_hash,
        "last_hash": review.last_hash,
        "reviewer": person_as_wire(review.reviewer),
        "printed_name": review.printed_name,
        "signature": review.typed,
        "meaning": review.meaning,
        "role": review.role,
        "notes": review.notes,
        "signed_at": iso(review.signed_at),
        "local_time": review.local_time,
        "zone": review.zone,
        "key_id": review.key_id,
        "canonical": review.canonical,
        "seal": review.seal,
    }
