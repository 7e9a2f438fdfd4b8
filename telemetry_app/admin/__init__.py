"""The instruments at the desk: channels, alarms, what came in, imports, and tokens for what sends."""

from telemetry_app.admin.alarms import AlarmAdmin
from telemetry_app.admin.channels import ChannelAdmin
from telemetry_app.admin.imports import ImportJobAdmin
from telemetry_app.admin.plugins import ChannelMappingAdmin, PluginAdmin
from telemetry_app.admin.readings import ChunkAdmin, OriginalAdmin, SegmentAdmin, WithdrawalAdmin
from telemetry_app.admin.tokens import ServiceTokenAdmin

__all__ = [
    "AlarmAdmin",
    "ChannelAdmin",
    "ChannelMappingAdmin",
    "ChunkAdmin",
    "ImportJobAdmin",
    "OriginalAdmin",
    "PluginAdmin",
    "SegmentAdmin",
    "ServiceTokenAdmin",
    "WithdrawalAdmin",
]
