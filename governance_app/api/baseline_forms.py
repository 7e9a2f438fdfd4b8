"""What the doors of baselines read."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from governance_app.rules.comparison import TOLERANCE_PERCENT
from governance_app.services.baseline_parts import LONGEST_KEY, LONGEST_TEXT, LONGEST_VALUE, MOST_LABELS
from governance_app.services.baselines import DECISIONS, LONGEST_NAME
from governance_app.states import BaselineStatus

MOST = 50
SOMETHING = r"\S"


def _notes(**options: Any) -> serializers.CharField:
    return serializers.CharField(max_length=LONGEST_TEXT, **options)


def _id(**options: Any) -> serializers.RegexField:
    return serializers.RegexField(SOMETHING, max_length=64, **options)


class LabelForm(serializers.Serializer[Any]):
    """A word to find it by, and its value."""

    key = serializers.RegexField(SOMETHING, max_length=LONGEST_KEY)
    value = serializers.CharField(max_length=LONGEST_VALUE, allow_blank=True)


class SubmissionForm(serializers.Serializer[Any]):
    """A session that is proposed as the reference run of its protocol."""

    execution_id = _id()
    name = serializers.RegexField(SOMETHING, max_length=LONGEST_NAME)
    description = _notes(allow_blank=True, allow_null=True, required=False)
    reviewer_ids = serializers.ListField(child=_id(), default=list, max_length=MOST)
    labels = serializers.ListField(child=LabelForm(), default=list, max_length=MOST_LABELS)


class ReviewForm(serializers.Serializer[Any]):
    """What a reviewer decides."""

    decision = serializers.ChoiceField(choices=list(DECISIONS))
    notes = _notes(allow_blank=True, allow_null=True, required=False)


class PublishForm(serializers.Serializer[Any]):
    """What is said at publication."""

    notes = _notes(allow_blank=True, allow_null=True, required=False)


class RollbackForm(serializers.Serializer[Any]):
    """Why it is rolled back, and which version takes its place; without one none does."""

    reason = serializers.RegexField(SOMETHING, max_length=LONGEST_TEXT)
    target_version_id = _id(required=False, allow_null=True)


class BaselineFilter(serializers.Serializer[Any]):
    """Which baselines are listed."""

    execution_id = serializers.CharField(max_length=64, required=False, help_text="Those of this session.")
    template_id = serializers.CharField(
        max_length=64, required=False, help_text="Those of this protocol, or approved under this template."
    )
    status = serializers.ChoiceField(choices=BaselineStatus.choices, required=False)


class CompareFilter(serializers.Serializer[Any]):
    """The session to hold against the baseline."""

    execution_id = _id()
    tolerance_percent = serializers.FloatField(
        min_value=0,
        max_value=100,
        default=TOLERANCE_PERCENT,
        help_text="How far readings may leave the baseline's, in percent of the channel's range there.",
    )
