"""The tables of the instruments."""

from telemetry_app.models.alarm import Alarm
from telemetry_app.models.channel import Channel
from telemetry_app.models.imports import ImportJob
from telemetry_app.models.plugin import ChannelMapping, Plugin
from telemetry_app.models.readings import Chunk, Latest, Segment
from telemetry_app.models.record import Original, Withdrawal

__all__ = [
    "Alarm",
    "Channel",
    "ChannelMapping",
    "Chunk",
    "ImportJob",
    "Latest",
    "Original",
    "Plugin",
    "Segment",
    "Withdrawal",
]
