"""How bodies and answers are described in the schema; the doors read and write them without serializers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

NUMBER = {
    "oneOf": [
        {"type": "number"},
        {"type": "boolean"},
        {"type": "string", "pattern": r"^[-+]?([0-9]{1,200}\.?[0-9]{0,99}|\.[0-9]{1,99})([eE][-+]?[0-9]{1,2})?$"},
    ]
}
TIME = {
    "type": ["string", "null"],
    "format": "date-time",
    "minLength": 1,
    "description": "With an offset; left out, or null: the moment of receipt.",
}
NAME = {"type": "string", "minLength": 1, "maxLength": 255}
UNIT = {"type": ["string", "null"], "maxLength": 64}

READING_IN = {
    "type": "object",
    "required": ["channel", "value"],
    "properties": {"timestamp": TIME, "channel": NAME, "value": NUMBER, "unit": UNIT},
}
COLUMN_IN = {
    "type": "object",
    "required": ["channel", "values"],
    "properties": {
        "channel": NAME,
        "unit": UNIT,
        "timestamps": {"type": "array", "items": TIME},
        "values": {"type": "array", "items": NUMBER},
    },
}
BATCH_ID = {"type": ["string", "null"], "minLength": 1, "maxLength": 255}
BATCH_IN = {
    "oneOf": [
        {
            "type": "object",
            "required": ["data"],
            "properties": {
                "batch_id": BATCH_ID,
                "data": {"type": "array", "minItems": 1, "maxItems": 100_000, "items": READING_IN},
            },
        },
        {
            "type": "object",
            "required": ["columns"],
            "properties": {
                "batch_id": BATCH_ID,
                "columns": {"type": "array", "minItems": 1, "items": COLUMN_IN},
            },
        },
    ]
}


class ReadingOut(serializers.Serializer[None]):
    """A reading."""

    id = serializers.CharField()
    session_id = serializers.CharField()
    timestamp = serializers.DateTimeField()
    channel = serializers.CharField()
    value = serializers.FloatField()
    unit = serializers.CharField(allow_blank=True)


class BatchOut(serializers.Serializer[None]):
    """What came of a batch; ``created`` is 0 where it was already stored."""

    created = serializers.IntegerField()
    late = serializers.IntegerField()
    flagged = serializers.IntegerField()
    batch_id = serializers.CharField()


class ChannelItem(serializers.Serializer[None]):
    """What a session holds of one channel."""

    name = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    count = serializers.IntegerField()
    first = serializers.DateTimeField()
    last = serializers.DateTimeField()
    min = serializers.FloatField()
    max = serializers.FloatField()


class ChannelsOut(serializers.Serializer[None]):
    """The channels with readings: their names, sorted, and what each holds."""

    channels = serializers.ListField(child=serializers.CharField())
    items = serializers.ListField(child=ChannelItem())


class SummaryItem(ChannelItem):
    """What a session holds of one channel, with its settings; ``mean`` is null beyond float64."""

    id = serializers.CharField()
    mean = serializers.FloatField(allow_null=True)
    last_value = serializers.FloatField()
    type = serializers.CharField()
    min_value = serializers.FloatField(allow_null=True)
    max_value = serializers.FloatField(allow_null=True)
    pinned = serializers.BooleanField()


class SummaryOut(serializers.Serializer[None]):
    """All readings of a session in a few figures; times are null before the first reading."""

    session_id = serializers.CharField()
    readings = serializers.IntegerField()
    first = serializers.DateTimeField(allow_null=True)
    last = serializers.DateTimeField(allow_null=True)
    channels = serializers.ListField(child=SummaryItem())


class ImportOut(serializers.Serializer[None]):
    """An import; ``rows_total`` is null until the whole file has been checked."""

    id = serializers.CharField()
    session_id = serializers.CharField()
    status = serializers.ChoiceField(["queued", "running", "done", "failed"])
    file_name = serializers.CharField()
    format = serializers.ChoiceField(["csv", "parquet"])
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    rows_total = serializers.IntegerField(allow_null=True)
    rows_done = serializers.IntegerField()
    created = serializers.IntegerField()
    late = serializers.IntegerField()
    flagged = serializers.IntegerField()
    error = serializers.CharField(allow_blank=True)
    errors: Any = serializers.ListField(
        child=serializers.CharField(), help_text="What is wrong, by line; the first 20."
    )
    attempts = serializers.IntegerField()
    asked_by = serializers.CharField()
    mapping = serializers.JSONField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class ImportPage(serializers.Serializer[None]):
    """Imports of a session, newest first."""

    items = ImportOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class PreviewReading(serializers.Serializer[None]):
    """A reading as it would be stored."""

    timestamp = serializers.DateTimeField()
    channel = serializers.CharField()
    value = serializers.FloatField()
    unit = serializers.CharField(allow_blank=True)


class PreviewOut(serializers.Serializer[None]):
    """How a file would be read: its first rows as text, its first readings, and what is wrong among them."""

    mapping = serializers.JSONField()
    sample = serializers.ListField(child=serializers.ListField(child=serializers.CharField(allow_null=True)))
    readings = PreviewReading(many=True)
    errors: Any = serializers.ListField(child=serializers.CharField())


_NUMBERS = {"type": "array", "items": {"type": ["number", "null"]}}
SERIES_OUT = {
    "type": "object",
    "required": ["time", "series", "decimated", "raw_count"],
    "properties": {
        "time": {"type": "array", "items": {"type": "string", "format": "date-time"}},
        "series": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": dict.fromkeys(("value", "min", "max", "avg"), _NUMBERS),
            },
        },
        "decimated": {"type": "boolean"},
        "raw_count": {"type": "integer"},
    },
}
LATEST_OUT = {"type": "object", "description": "One reading, or readings by channel."}

CHANNEL = OpenApiParameter("channel", str, description="Only this channel; may be given several times.", many=True)
RANGE = [
    OpenApiParameter("from", OpenApiTypes.DATETIME, description="Not before; with an offset."),
    OpenApiParameter("to", OpenApiTypes.DATETIME, description="Not after; with an offset."),
]
LIMIT = OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 1000})
CURSOR = OpenApiParameter("cursor", str, description="From the Link header of the page before.")
CHANNELS = OpenApiParameter("channels", str, description="Names with commas between; left out: all with readings.")
MAX_POINTS = OpenApiParameter("max_points", {"type": "integer", "minimum": 10, "maximum": 10_000, "default": 2000})
