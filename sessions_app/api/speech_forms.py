"""What `/api/sessions/{sid}/stt` reads and shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from sessions_app.services.notes import MAX_CONTENT
from sessions_app.services.recordings import LONGEST_S, MAX_CHUNK_ID
from sessions_app.services.transcripts import MAX_ERROR, MAX_WORDS
from sessions_app.states import SpeechStatus
from sessions_app.wording import MAX_REASON

SHOWN = (
    "audio_chunk_id",
    "duration_seconds",
    "status",
    "transcript",
    "error",
    "confidence",
    "engine",
    "attempts",
    "media_type",
    "size",
    "sha256",
    "note_id",
    "reviewed_by",
    "reviewed_at",
    "created_at",
    "updated_at",
)


class _Duration(serializers.Serializer[Any]):
    duration_seconds = serializers.FloatField(min_value=0, max_value=LONGEST_S, required=False, allow_null=True)


class SpeechForm(_Duration):
    """A recording that a module outside keeps and transcribes."""

    audio_chunk_id = serializers.CharField(max_length=MAX_CHUNK_ID)


class RecordingForm(_Duration):
    """What comes beside a recording."""

    audio_chunk_id = serializers.CharField(max_length=MAX_CHUNK_ID, required=False)


class WordForm(serializers.Serializer[Any]):
    """One word and when it was spoken, in seconds from the start."""

    word = serializers.CharField(max_length=255, trim_whitespace=False)
    start = serializers.FloatField(min_value=0, max_value=LONGEST_S)
    end = serializers.FloatField(min_value=0, max_value=LONGEST_S)
    confidence = serializers.FloatField(min_value=0, max_value=1, allow_null=True, default=None)


class SpeechReport(serializers.Serializer[Any]):
    """What a module outside made of a recording; what is left out, or null, stays."""

    status = serializers.ChoiceField(choices=SpeechStatus.choices)
    transcript = serializers.CharField(max_length=MAX_CONTENT, required=False, allow_null=True, allow_blank=True)
    error = serializers.CharField(max_length=MAX_ERROR, required=False, allow_null=True, allow_blank=True)
    confidence = serializers.FloatField(min_value=0, max_value=1, required=False, allow_null=True)
    words = serializers.ListField(child=WordForm(), max_length=MAX_WORDS, required=False, allow_null=True)


class SpeechConfirmation(serializers.Serializer[Any]):
    """What was said; left out, the transcript as it reads. `reason` is needed once the session has ended."""

    transcript = serializers.CharField(max_length=MAX_CONTENT, required=False, allow_null=True)
    reason = serializers.CharField(max_length=MAX_REASON, required=False, allow_blank=True)


class WordOut(serializers.Serializer[Any]):
    word = serializers.CharField()
    start = serializers.FloatField(help_text="Seconds from the start.")
    end = serializers.FloatField(help_text="Seconds from the start.")
    confidence = serializers.FloatField(allow_null=True, help_text="0 to 1.")


class SpeechOut(serializers.Serializer[Any]):
    """A recording and its transcript; nobody has confirmed it while `reviewed_by` is null."""

    id = serializers.CharField()
    session_id = serializers.CharField()
    audio_chunk_id = serializers.CharField()
    duration_seconds = serializers.FloatField(allow_null=True)
    status = serializers.ChoiceField(choices=SpeechStatus.choices)
    transcript = serializers.CharField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    confidence = serializers.FloatField(allow_null=True, help_text="0 to 1.")
    words = WordOut(many=True)
    engine = serializers.ChoiceField(choices=["external", "local", "remote"])
    attempts = serializers.IntegerField()
    media_type = serializers.CharField(allow_blank=True, help_text="What its content is, whatever its name says.")
    size = serializers.IntegerField(help_text="Bytes.")
    sha256 = serializers.CharField(allow_blank=True, help_text="Empty where the recording is kept elsewhere.")
    note_id = serializers.CharField(allow_null=True)
    reviewed_by = serializers.CharField(allow_null=True)
    reviewed_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    audio_url = serializers.CharField(allow_null=True)


def speech_shape(told: Mapping[str, Any], words: list[dict[str, Any]], session_id: str) -> dict[str, Any]:
    """Return a task as its GET gives it, from what the timeline tells of it; the two are always alike.

    Args:
        words: those of its row, which the timeline seals.
    """
    path = f"/api/sessions/{session_id}/stt/tasks/{told['task_id']}"
    return {
        "id": told["task_id"],
        "session_id": session_id,
        **{name: told[name] for name in SHOWN},
        "words": words,
        "audio_url": f"{path}/audio" if told["sha256"] else None,
    }
