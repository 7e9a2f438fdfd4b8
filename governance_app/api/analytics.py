"""Governance in numbers, and what the numbers advise."""

from __future__ import annotations

from typing import Any, Final, cast

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.api import Door, whole_number
from biolab.kernel.times import iso
from governance_app.analytics.read import DEFAULT_LIMIT, View, read_analytics, scope_of
from governance_app.api import analytics_schemas as schemas
from governance_app.policies.approvals import require_administrator
from governance_app.services.recommending import Told, recommendations_for

MOST: Final = 1000
LIMIT = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT},
    description="How many are told.",
)


class AnalyticsFilter(serializers.Serializer[Any]):
    """What of the numbers is asked for."""

    execution_id = serializers.CharField(max_length=64, required=False)
    view = serializers.ChoiceField(choices=["full", "reviewer"], default="full")
    fresh = serializers.BooleanField(default=False)


class AnalyticsDoor(Door):
    """The numbers of the caller's teams; administrators read everybody's."""

    scope_area = "governance"

    @extend_schema(
        summary="Governance in numbers",
        description=(
            "From the latest preview of each session, its steps, overrides, baselines and ladders. Totals are of all"
            " sessions in scope; `limit` bounds those told one by one, newest preview first. Kept for 30 seconds and"
            " dropped when something changes them; `fresh=1` (administrators) computes them anew."
        ),
        parameters=[AnalyticsFilter, LIMIT],
        responses=PolymorphicProxySerializer(
            component_name="GovernanceAnalytics",
            serializers=[schemas.AnalyticsReport, schemas.ReviewerReport],
            resource_type_field_name=None,
        ),
        tags=["governance"],
    )
    def get(self, request: Request) -> HttpResponse:
        asked = self.asked(AnalyticsFilter)
        limit = whole_number(request, "limit", default=DEFAULT_LIMIT, least=1, most=MOST)
        if asked["fresh"]:
            require_administrator(self.person)
        told = read_analytics(
            scope_of(self.person, asked.get("execution_id")),
            at=self.now,
            limit=limit,
            view=cast(View, asked["view"]),
            fresh=asked["fresh"],
        )
        return HttpResponse(told, content_type="application/json")


class RecommendationFilter(serializers.Serializer[Any]):
    """Which session's reviewers."""

    execution_id = serializers.CharField(max_length=64, required=False)


class RecommendationsDoor(Door):
    """What the rules advise about reviewers."""

    scope_area = "governance"

    @extend_schema(
        summary="What the numbers advise about reviewers",
        description=(
            "Rules over the numbers of reviewers: `cadence_overload`, `streak_cooldown`, `blocker_churn_escalation`."
            " Each is told once on the session's timeline as `governance.recommendation.override`."
        ),
        parameters=[RecommendationFilter, LIMIT],
        responses=schemas.RecommendationReport,
        tags=["governance"],
    )
    def get(self, request: Request) -> Response:
        limit = whole_number(request, "limit", default=DEFAULT_LIMIT, least=1, most=MOST)
        asked = self.asked(RecommendationFilter)
        told = recommendations_for(person=self.person, execution_id=asked.get("execution_id"), at=self.now, limit=limit)
        return self.answer({"generated_at": iso(self.now), "recommendations": [_as_wire(one) for one in told]})


def _as_wire(told: Told) -> dict[str, Any]:
    advice = told.advice
    return {
        "recommendation_id": advice.recommendation_id,
        "rule_key": advice.rule,
        "action": advice.action,
        "priority": advice.priority,
        "summary": advice.summary,
        "detail": advice.detail,
        "reviewer_id": advice.reviewer_id,
        "reviewer_name": advice.reviewer_name,
        "reviewer_email": advice.reviewer_email,
        "triggered_at": iso(told.triggered_at),
        "related_execution_ids": list(advice.related_execution_ids),
        "metrics": advice.metrics,
        "allow_opt_out": True,
    }
