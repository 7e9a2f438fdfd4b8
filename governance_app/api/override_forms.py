"""What the doors of overrides and coaching notes read and answer."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from governance_app.api.schemas import Person
from governance_app.services.coaching import LONGEST_BODY
from governance_app.services.overrides import LONGEST_NOTES
from governance_app.shapes.overrides import ENTRY_TYPES
from governance_app.states import ModerationState, OverrideKind, OverrideRule, OverrideStatus
from sessions_app.api.console_fields import PublicId
from sessions_app.wording import MAX_REASON


def _metadata(told: str) -> serializers.DictField:
    return serializers.DictField(default=dict, help_text=told)


class OverrideForm(serializers.Serializer[Any]):
    """A decision about a recommendation."""

    execution_id = PublicId("sess")
    action = serializers.ChoiceField(choices=OverrideKind.choices)
    baseline_id = PublicId("base", required=False, allow_null=True, help_text="Needed to reassign.")
    target_reviewer_id = PublicId("user", required=False, allow_null=True, help_text="Needed to reassign.")
    notes = serializers.CharField(max_length=LONGEST_NOTES, required=False, allow_blank=True, allow_null=True)
    metadata = _metadata("`cooldown_minutes`: the window in which an execution cannot be taken back.")
    lineage = serializers.DictField(required=False, allow_null=True, help_text="Where it comes from; kept as given.")


class ReversalForm(serializers.Serializer[Any]):
    """Taking an override back."""

    execution_id = PublicId("sess")
    notes = serializers.CharField(max_length=LONGEST_NOTES, required=False, allow_blank=True, allow_null=True)
    metadata = _metadata("`cooldown_minutes`: the window in which the recommendation cannot be executed again.")


class CoachingNoteForm(serializers.Serializer[Any]):
    """A new coaching note."""

    body = serializers.CharField(max_length=LONGEST_BODY, trim_whitespace=False)
    parent_id = PublicId("coach", required=False, allow_null=True)
    moderation_state = serializers.ChoiceField(
        choices=[ModerationState.DRAFT.value, ModerationState.PUBLISHED.value], default=ModerationState.PUBLISHED.value
    )
    metadata = serializers.DictField(default=dict)


class CoachingNoteEdit(serializers.Serializer[Any]):
    """What its author may change of a coaching note."""

    body = serializers.CharField(max_length=LONGEST_BODY, trim_whitespace=False, required=False)
    metadata = serializers.DictField(required=False)
    moderation_state = serializers.ChoiceField(
        choices=[ModerationState.PUBLISHED.value], required=False, help_text="Publishes a draft."
    )
    reason = serializers.CharField(max_length=MAX_REASON, required=False, allow_blank=True)


class ModerationForm(serializers.Serializer[Any]):
    """Why a note is moderated."""

    reason = serializers.CharField(max_length=MAX_REASON, required=False, allow_blank=True, allow_null=True)


class DecisionFilter(serializers.Serializer[Any]):
    """Whose decisions."""

    execution_id = PublicId("sess")


# -- answers ----------------------------------------------------------------------------------------------------------


@extend_schema_serializer(component_name="OverrideDiff")
class Diff(serializers.Serializer[Any]):
    """One thing that a reversal changed."""

    field = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


@extend_schema_serializer(component_name="OverrideReversal")
class Reversal(serializers.Serializer[Any]):
    """Who took an override back, and what that changed."""

    id = serializers.CharField()
    actor_id = serializers.CharField()
    actor = Person()
    tier = serializers.CharField(help_text="What gave the person the right.")
    tier_level = serializers.IntegerField()
    notes = serializers.CharField(allow_blank=True)
    meta = serializers.DictField()
    diffs = Diff(many=True)
    cooldown_window_minutes = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()


class Override(serializers.Serializer[Any]):
    """What somebody decided about a recommendation."""

    id = serializers.CharField()
    recommendation_id = serializers.CharField()
    rule = serializers.ChoiceField(choices=OverrideRule.choices)
    action = serializers.ChoiceField(choices=OverrideKind.choices)
    status = serializers.ChoiceField(choices=OverrideStatus.choices)
    execution_id = serializers.CharField()
    baseline_id = serializers.CharField(allow_null=True)
    reviewer_id = serializers.CharField(help_text="Whom the recommendation is about.")
    target_reviewer_id = serializers.CharField(allow_null=True)
    actor_id = serializers.CharField()
    actor = Person()
    reversible = serializers.BooleanField()
    notes = serializers.CharField(allow_blank=True)
    meta = serializers.DictField()
    lineage = serializers.DictField(allow_null=True)
    reversal_event = Reversal(allow_null=True)
    cooldown_expires_at = serializers.DateTimeField(allow_null=True)
    cooldown_window_minutes = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ModerationEntry(serializers.Serializer[Any]):
    """One change of a coaching note."""

    state = serializers.ChoiceField(choices=ModerationState.choices)
    action = serializers.CharField()
    actor_id = serializers.CharField()
    actor_name = serializers.CharField(help_text="As it was then.")
    occurred_at = serializers.DateTimeField()
    reason = serializers.CharField(allow_null=True)


@extend_schema_serializer(component_name="CoachingNote")
class CoachingNoteAnswer(serializers.Serializer[Any]):
    """A note about an override; notes answer each other in threads."""

    id = serializers.CharField()
    override_id = serializers.CharField()
    execution_id = serializers.CharField()
    recommendation_id = serializers.CharField()
    parent_id = serializers.CharField(allow_null=True)
    thread_root_id = serializers.CharField(help_text="The first note of the thread; its own id there.")
    author_id = serializers.CharField()
    author = Person()
    body = serializers.CharField(allow_blank=True, help_text="Empty where the note was removed, except to moderators.")
    metadata = serializers.DictField()
    moderation_state = serializers.ChoiceField(choices=ModerationState.choices)
    moderation_history = ModerationEntry(many=True)
    reply_count = serializers.IntegerField(help_text="Answers on show.")
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    published_at = serializers.DateTimeField(allow_null=True)


class Actor(serializers.Serializer[Any]):
    """Who acted, under the name they had then."""

    id = serializers.CharField(allow_null=True)
    name = serializers.CharField()
    via = serializers.CharField(allow_blank=True)


@extend_schema_serializer(component_name="DecisionEntry")
class DecisionEntry(serializers.Serializer[Any]):
    """An event of the session's timeline that tells of a decision."""

    id = serializers.CharField()
    execution_id = serializers.CharField()
    entry_type = serializers.ChoiceField(choices=sorted(set(ENTRY_TYPES.values())))
    event_type = serializers.CharField()
    summary = serializers.CharField()
    payload = serializers.DictField()
    actor = Actor()
    sequence = serializers.IntegerField()
    occurred_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    prev_hash = serializers.CharField()
    hash = serializers.CharField()


@extend_schema_serializer(component_name="DecisionPage")
class DecisionPage(serializers.Serializer[Any]):
    """Decisions, newest first."""

    items = DecisionEntry(many=True)
    next_cursor = serializers.CharField(allow_null=True)
