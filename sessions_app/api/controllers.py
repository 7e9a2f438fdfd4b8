"""What the doors that controllers know have in common: how experiments and log entries look, and what is read."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from biolab.accounts.api.forms import Done, Numbered
from biolab.accounts.models import User
from biolab.kernel.ids import typeid
from biolab.kernel.times import iso, iso_or_none
from sessions_app.api.console_fields import PublicId, UtcTime
from sessions_app.models import LabSession, LogEntry
from sessions_app.models.log import MAX_CONTENT
from sessions_app.states import Severity
from sessions_app.wording import MAX_NAME, MAX_REASON

TAGS = ["controllers"]
READ, UNREAD = "read", "unread"


class ExperimentForm(serializers.Serializer[Any]):
    """What an experiment is called."""

    name = serializers.CharField(max_length=MAX_NAME)


class NewExperimentForm(ExperimentForm):
    """An experiment to start; without `team_id` of the caller's only team."""

    team_id = PublicId("team", required=False, allow_null=True)


class ExperimentReason(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=MAX_REASON, required=False, allow_blank=True)


class ExperimentChange(ExperimentReason):
    """A new name; null leaves it. `reason` is needed once the experiment has stopped."""

    name = serializers.CharField(max_length=MAX_NAME, required=False, allow_null=True)


class ExperimentOut(serializers.Serializer[Any]):
    """A session as controllers see it."""

    public_id = serializers.CharField()
    name = serializers.CharField()
    started_on = serializers.DateTimeField(allow_null=True)
    stopped_on = serializers.DateTimeField(allow_null=True)
    user_public_id = serializers.CharField()


class ExperimentDone(ExperimentOut, Done):
    """That it is done, and the experiment."""


class ExperimentsOut(Numbered):
    """One page of experiments."""

    data = ExperimentOut(many=True)  # type: ignore[assignment]


class LogForm(serializers.Serializer[Any]):
    """A line for the log; without `team_id` of the caller's only team."""

    content = serializers.CharField(max_length=MAX_CONTENT)
    logging_type = serializers.ChoiceField(choices=Severity.choices, default=Severity.INFO)
    team_id = PublicId("team", required=False, allow_null=True)


class LogChange(serializers.Serializer[Any]):
    """What may be changed of a line, its words by its author alone; what is left out, or null, stays."""

    status_type = serializers.ChoiceField(choices=[READ, UNREAD], required=False, allow_null=True)
    content = serializers.CharField(max_length=MAX_CONTENT, required=False, allow_null=True)


class LogFilters(serializers.Serializer[Any]):
    """Which lines to list; the dates are inclusive, and UTC without an offset."""

    logging_type = serializers.ChoiceField(choices=Severity.choices, required=False)
    status_type = serializers.ChoiceField(choices=[READ, UNREAD], required=False)
    search = serializers.CharField(max_length=255, required=False, allow_blank=True)
    from_date = UtcTime(naive="utc", required=False)
    to_date = UtcTime(naive="utc", required=False)


class LogOut(serializers.Serializer[Any]):
    """A line of the log."""

    public_id = serializers.CharField()
    content = serializers.CharField()
    logging_type = serializers.ChoiceField(choices=Severity.choices)
    status_type = serializers.ChoiceField(choices=[READ, UNREAD])
    created_on = serializers.DateTimeField()
    user_public_id = serializers.CharField(allow_null=True)


class LogDone(LogOut, Done):
    """That it is done, and the line."""


class LogsOut(Numbered):
    """One page of the log."""

    data = LogOut(many=True)  # type: ignore[assignment]


def experiment_shape(session: LabSession) -> dict[str, Any]:
    """Return a session as controllers see it."""
    return {
        "public_id": session.public_id,
        "name": session.name,
        "started_on": iso_or_none(session.started_at),
        "stopped_on": iso_or_none(session.ended_at),
        "user_public_id": typeid(User.id_prefix, session.created_by_id),
    }


def log_shape(entry: LogEntry) -> dict[str, Any]:
    """Return a line of the log as controllers see it."""
    return {
        "public_id": entry.public_id,
        "content": entry.content,
        "logging_type": entry.type,
        "status_type": UNREAD if entry.read_at is None else READ,
        "created_on": iso(entry.created_at),
        "user_public_id": None if entry.author_id is None else typeid(User.id_prefix, entry.author_id),
    }
