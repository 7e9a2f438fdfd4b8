"""MQTT messages to batches: ``labs/{session}/telemetry/{channel}`` and ``labs/{session}/line``; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from biolab.kernel.errors import Invalid
from telemetry_app.ingest.columns import AHEAD_US, Batch, settle
from telemetry_app.ingest.epochs import epoch_us
from telemetry_app.ingest.loose import NotJSONError, loose_json, number
from telemetry_app.ingest.shapes import BAD_NAME, BAD_UNIT, MAX_NAME, MAX_UNIT, NOT_FINITE, TOO_FAR_AHEAD, TWO_UNITS
from telemetry_app.instants import parse_text

ROOT: Final = "labs"
TOPICS: Final = (f"{ROOT}/+/telemetry/#", f"{ROOT}/+/line")
MOST_BYTES: Final = 4096
BAD_TOPIC: Final = "No topic of readings."
BAD_PAYLOAD: Final = 'Neither a number nor {"ts", "value", "unit"}.'
BAD_TIME: Final = "“ts” is neither ISO 8601 with an offset nor a number that counts since 1970."


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it arrived.

    Attributes:
        stamp_us: when it arrived, microseconds since 1970; rising from message to message, so that of two readings
            without a time of their own none overwrites the other.
    """

    topic: str
    payload: bytes
    stamp_us: int


@dataclass(frozen=True, slots=True)
class Destination:
    """What a topic names; without a channel the payload is line protocol."""

    session: str
    channel: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """What one message says."""

    channel: str
    us: int
    value: float
    unit: str


def destination_of(topic: str) -> Destination | None:
    """Return what the topic names, or None; a channel's name may itself hold slashes."""
    root, _, rest = topic.partition("/")
    session, _, rest = rest.partition("/")
    kind, _, channel = rest.partition("/")
    if root != ROOT or not session:
        return None
    if kind == "line" and not channel:
        return Destination(session, None)
    return Destination(session, channel) if kind == "telemetry" and channel else None


def read_message(message: Message) -> Said:
    """Return the reading of a message to a channel.

    Raises:
        Invalid: it holds none.
    """
    destination = destination_of(message.topic)
    channel = destination.channel if destination is not None else None
    if channel is None:
        raise Invalid(BAD_TOPIC)
    if len(channel) > MAX_NAME or not channel.isprintable() or channel.isspace():
        raise Invalid(BAD_NAME)
    if len(message.payload) > MOST_BYTES:
        raise Invalid(BAD_PAYLOAD)
    try:
        body: Any = loose_json(message.payload)
    except NotJSONError:
        body = message.payload.decode("utf-8", "replace")
    told = body if isinstance(body, dict) else {"value": body}
    value, unit = number(told.get("value")), told.get("unit")
    if value is None:
        raise Invalid(NOT_FINITE if "value" in told and isinstance(body, dict) else BAD_PAYLOAD)
    if unit is not None and not (isinstance(unit, str) and len(unit) <= MAX_UNIT and unit.isprintable()):
        raise Invalid(BAD_UNIT)
    us = message.stamp_us if told.get("ts") is None else _time(told["ts"])
    if us > message.stamp_us + AHEAD_US:
        raise Invalid(TOO_FAR_AHEAD)
    return Said(channel, us, value, unit or "")


def _time(stamp: Any) -> int:
    us = None
    if isinstance(stamp, str):
        us = parse_text(stamp)
    elif isinstance(stamp, int | float) and not isinstance(stamp, bool):
        us = epoch_us(stamp)
    if us is None:
        raise Invalid(BAD_TIME)
    return us


def gather(said: Sequence[Said], *, received_us: int) -> Batch:
    """Return readings as one batch; it is named after its content, so that the same ones again change nothing.

    Raises:
        Invalid: a channel comes in two units.
    """
    units: dict[str, str] = {}
    for one in said:
        known = units.setdefault(one.channel, one.unit)
        if one.unit and known and one.unit != known:
            raise Invalid(TWO_UNITS)
        units[one.channel] = known or one.unit
    places = {name: place for place, name in enumerate(units)}
    return settle(
        names=tuple(units),
        units=tuple(units.values()),
        index=np.array([places[one.channel] for one in said], dtype=np.int64),
        times=np.array([one.us for one in said], dtype=np.int64),
        values=np.array([one.value for one in said], dtype=np.float64),
        received_us=received_us,
        timed=True,
        batch_id=None,
    )


def digest_of(messages: Sequence[Message]) -> str:
    """Return the SHA-256 of messages as they were received: length and bytes of each topic and payload, in order."""
    digest = hashlib.sha256()
    for message in messages:
        for part in (message.topic.encode(), message.payload):
            digest.update(len(part).to_bytes(4, "big"))
            digest.update(part)
    return digest.hexdigest()
