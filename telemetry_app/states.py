"""What kinds of channel there are, where a value stands against its limits, and how far an import is."""

from __future__ import annotations

from django.db.models import TextChoices

from biolab.kernel.machine import Machine, Move


class ChannelType(TextChoices):
    SENSOR = "sensor", "Sensor"
    ACTUATOR = "actuator", "Actuator"
    RANGE = "range", "Range"
    CMD_BUTTON = "cmd_button", "Command button"
    CMD_OPENED = "cmd_opened", "Opened command"
    CMD_CLOSED = "cmd_closed", "Closed command"


class Direction(TextChoices):
    """Which way the values of a device's channel go, as seen from the controller."""

    INPUT = "input", "Read from the device"
    OUTPUT = "output", "Written to the device"
    BIDIRECTIONAL = "bidirectional", "Both ways"


class Standing(TextChoices):
    """Where a channel's last value stands; remembered, so that a crossing is told once."""

    INSIDE = "inside", "Inside"
    LOW = "low", "Below minimum"
    HIGH = "high", "Above maximum"


class AlarmKind(TextChoices):
    LIMIT = "limit", "Beyond its limits"
    SILENCE = "silence", "Silent"


class ImportStatus(TextChoices):
    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


TAKE_IMPORT = Move("take", sources={ImportStatus.QUEUED, ImportStatus.RUNNING}, target=ImportStatus.RUNNING)
PAUSE_IMPORT = Move("pause", sources={ImportStatus.RUNNING}, target=ImportStatus.QUEUED)
FINISH_IMPORT = Move("finish", sources={ImportStatus.RUNNING}, target=ImportStatus.DONE)
GIVE_UP_IMPORT = Move("give up", sources={ImportStatus.QUEUED, ImportStatus.RUNNING}, target=ImportStatus.FAILED)
RETRY_IMPORT = Move("retry", sources={ImportStatus.FAILED}, target=ImportStatus.QUEUED)

IMPORT_MACHINE = Machine(field="status", moves=(TAKE_IMPORT, PAUSE_IMPORT, FINISH_IMPORT, GIVE_UP_IMPORT, RETRY_IMPORT))
