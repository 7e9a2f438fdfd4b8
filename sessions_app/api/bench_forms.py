"""What `/api/sessions` reads and shows."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from biolab.kernel.schema import TIME_IN
from biolab.kernel.times import iso, iso_or_none
from sessions_app.api.console_fields import PublicId, UtcTime
from sessions_app.models import LabSession, Note, NoteVersion
from sessions_app.services.notes import MAX_CONTENT, MAX_SPEAKER, MAX_TAG, MAX_TAGS
from sessions_app.states import NoteType
from sessions_app.wording import MAX_DESCRIPTION, MAX_NAME, MAX_REASON

ACTIVE, ENDED = "active", "ended"


class BenchSessionForm(serializers.Serializer[Any]):
    """A session to start."""

    name = serializers.CharField(max_length=MAX_NAME)
    description = serializers.CharField(
        max_length=MAX_DESCRIPTION, required=False, allow_blank=True, allow_null=True, trim_whitespace=False
    )
    protocol_template_id = PublicId("proto", required=False, allow_null=True)
    team_id = PublicId("team", required=False, allow_null=True)


class BenchSessionChange(serializers.Serializer[Any]):
    """What may be changed of a session; what is left out, or null, stays."""

    name = serializers.CharField(max_length=MAX_NAME, required=False, allow_null=True)
    description = serializers.CharField(
        max_length=MAX_DESCRIPTION, required=False, allow_blank=True, allow_null=True, trim_whitespace=False
    )
    status = serializers.ChoiceField(choices=[ACTIVE, ENDED], required=False, allow_null=True)
    reason = serializers.CharField(max_length=MAX_REASON, required=False, allow_blank=True, allow_null=True)


class BenchSessionFilters(serializers.Serializer[Any]):
    """Which sessions to list."""

    status = serializers.ChoiceField(choices=[ACTIVE, ENDED], required=False)
    q = serializers.CharField(max_length=255, required=False, allow_blank=True)


class BenchSessionOut(serializers.Serializer[Any]):
    """A session as these doors show it."""

    id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=[ACTIVE, ENDED])
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    note_count = serializers.IntegerField()


class _NoteForm(serializers.Serializer[Any]):
    speaker = serializers.CharField(max_length=MAX_SPEAKER, required=False, allow_blank=True, allow_null=True)
    type = serializers.ChoiceField(choices=NoteType.choices, required=False, allow_null=True)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=MAX_TAG), max_length=MAX_TAGS, required=False, allow_null=True
    )
    reason = serializers.CharField(max_length=MAX_REASON, required=False, allow_blank=True, allow_null=True)


class NoteForm(_NoteForm):
    """A note to write; `timestamp` without an offset is UTC."""

    timestamp = UtcTime(naive="utc")
    content = serializers.CharField(max_length=MAX_CONTENT, trim_whitespace=False)
    telemetry_snapshot = serializers.DictField(required=False, allow_null=True)


class NoteChange(_NoteForm):
    """A correction; what is left out, or null, stays."""

    content = serializers.CharField(max_length=MAX_CONTENT, trim_whitespace=False, required=False, allow_null=True)


class NoteAddition(serializers.Serializer[Any]):
    """A line to add to a note."""

    append_content = serializers.CharField(max_length=MAX_CONTENT, trim_whitespace=False)
    timestamp = UtcTime(naive="utc", required=False, allow_null=True)
    telemetry_snapshot = serializers.DictField(required=False, allow_null=True)
    reason = serializers.CharField(max_length=MAX_REASON, required=False, allow_blank=True)


ADDITION_IN: dict[str, Any] = {
    "type": "object",
    "required": ["append_content"],
    "properties": {
        "append_content": {"type": "string", "minLength": 1, "maxLength": MAX_CONTENT},
        "timestamp": {**TIME_IN, "type": ["string", "null"]},
        "telemetry_snapshot": {"type": ["object", "null"], "additionalProperties": True},
        "reason": {"type": "string", "maxLength": MAX_REASON},
    },
}
"""``NoteAddition`` in the OpenAPI document, where all members of a PATCH's form may be left out."""


class NoteWithdrawal(serializers.Serializer[Any]):
    """Why a note is withdrawn."""

    reason = serializers.CharField(max_length=MAX_REASON, required=False, allow_blank=True)


class WithdrawalQuery(serializers.Serializer[Any]):
    """The same, for clients that send no body; an address holds no long text."""

    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


class NoteFilters(serializers.Serializer[Any]):
    """Which notes to list; `from` and `to` are inclusive."""

    speaker = serializers.CharField(max_length=MAX_SPEAKER, required=False, allow_blank=True)
    type = serializers.ChoiceField(choices=NoteType.choices, required=False)
    tag = serializers.CharField(max_length=MAX_TAG, required=False)
    q = serializers.CharField(max_length=255, required=False, allow_blank=True)

    def get_fields(self) -> dict[str, Any]:
        """Add the two whose names Python keeps for itself."""
        ends = {name: UtcTime(naive="utc", required=False) for name in ("from", "to")}
        return {**super().get_fields(), **ends}


class ExportQuery(serializers.Serializer[Any]):
    """The kind of file."""

    format = serializers.ChoiceField(choices=["markdown", "json"], default="markdown")


class NoteOut(serializers.Serializer[Any]):
    """A note as it reads now."""

    id = serializers.CharField()
    session_id = serializers.CharField()
    timestamp = serializers.DateTimeField()
    speaker = serializers.CharField(allow_null=True)
    content = serializers.CharField()
    type = serializers.ChoiceField(choices=NoteType.choices)
    tags = serializers.ListField(child=serializers.CharField())
    telemetry_snapshot = serializers.DictField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField()
    late_entry = serializers.BooleanField()


class NoteVersionOut(serializers.Serializer[Any]):
    """A note as it read at one version, with who, when and why."""

    version = serializers.IntegerField()
    action = serializers.ChoiceField(choices=["created", "corrected", "appended", "withdrawn"])
    content = serializers.CharField()
    speaker = serializers.CharField(allow_null=True)
    type = serializers.ChoiceField(choices=NoteType.choices)
    tags = serializers.ListField(child=serializers.CharField())
    telemetry_snapshot = serializers.DictField()
    reason = serializers.CharField(allow_blank=True)
    by = serializers.CharField(allow_null=True)
    by_name = serializers.CharField()
    at = serializers.DateTimeField()


def given(form: dict[str, Any]) -> dict[str, Any]:
    """Return the form without the values that are null, which clients send for what they leave out."""
    return {name: value for name, value in form.items() if value is not None}


class MessageOut(serializers.Serializer[Any]):
    """What was done, in a sentence."""

    message = serializers.CharField()


def session_status(session: LabSession) -> str:
    """Return the one of two words that these doors know."""
    return ENDED if session.is_ended else ACTIVE


def session_shape(session: LabSession) -> dict[str, Any]:
    """Return a session as these doors show it; it comes from ``selectors.with_note_counts``."""
    return {
        "id": session.public_id,
        "name": session.name,
        "description": session.description,
        "status": session_status(session),
        "started_at": iso_or_none(session.started_at),
        "ended_at": iso_or_none(session.ended_at),
        "note_count": vars(session)["note_count"],
    }


def note_shape(note: Note, session: LabSession) -> dict[str, Any]:
    """Return a note as its GET gives it; ``live.frames`` gives the same from the timeline."""
    return {
        "id": note.public_id,
        "session_id": session.public_id,
        "timestamp": iso(note.timestamp),
        "speaker": note.speaker or None,
        "content": note.content,
        "type": note.type,
        "tags": note.tags,
        "telemetry_snapshot": note.telemetry_snapshot,
        "created_at": iso(note.created_at),
        "updated_at": iso(note.updated_at),
        "version": note.version,
        "late_entry": note.late_entry,
    }


def version_shape(version: NoteVersion) -> dict[str, Any]:
    """Return one version of a note; who wrote it under the name of that time."""
    return {
        "version": version.version,
        "action": version.action,
        "content": version.content,
        "speaker": version.speaker or None,
        "type": version.type,
        "tags": version.tags,
        "telemetry_snapshot": version.telemetry_snapshot,
        "reason": version.reason,
        "by": version.by.public_id if version.by is not None else None,
        "by_name": version.by_name,
        "at": iso(version.at),
    }
