"""What a step requires, what blocks it now, and which actions would free it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final, NamedTuple, TypeGuard

APPROVE: Final = "compliance:approve"
NOTIFY: Final = "notify:approver"
REGISTER: Final = "equipment:register"
CALIBRATE: Final = "equipment:calibrate"
MAINTAIN: Final = "equipment:maintenance_request"
RESTORE: Final = "telemetry:restore"

MOST_NAMES: Final = 100
LONGEST_NAME: Final = 200
LONGEST_WINDOW_S: Final = 366 * 24 * 3600
AHEAD: Final = timedelta(minutes=5)  # a reading from farther ahead tells of a wrong clock, not of a live instrument

_NO_NAME: Final = f"Give a text of 1 to {LONGEST_NAME} printable characters."

Error = dict[str, str]


@dataclass(frozen=True, slots=True)
class ChannelWindow:
    """A channel that must have been heard within ``within_s``, between ``low`` and ``high`` (None: open)."""

    channel: str
    within_s: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one step requires before it begins.

    Attributes:
        approvals: asked of this step, and given at it.
        session_approvals: asked of every step, and given once for all of them.
        gate_keys: names under which the stages of approval ladders find this step; they block nothing.
    """

    approvals: tuple[str, ...] = ()
    session_approvals: tuple[str, ...] = ()
    equipment: tuple[str, ...] = ()
    channels: tuple[ChannelWindow, ...] = ()
    gate_keys: tuple[str, ...] = ()

    @property
    def blocks(self) -> bool:
        """Tell whether anything here can block."""
        return bool(self.approvals or self.session_approvals or self.equipment or self.channels)


class Instrument(NamedTuple):
    """A piece of equipment; ``due_at`` is when its next calibration is due, None where it needs none."""

    name: str
    due_at: datetime | None


class Heard(NamedTuple):
    """The newest reading of a channel."""

    value: float
    unit: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Bench:
    """What there is: approvals given at this step and at any, equipment by the text that names it, newest readings."""

    approved_here: frozenset[str] = frozenset()
    approved: frozenset[str] = frozenset()
    equipment: Mapping[str, Instrument] = field(default_factory=dict)
    heard: Mapping[str, Heard] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Block:
    """Why a step cannot begin, what would free it, and what the house can set going by itself.

    Attributes:
        causes: one sentence for each thing that is missing; ``reason`` tells all of them.
    """

    reason: str
    required_actions: tuple[str, ...]
    auto_triggers: tuple[str, ...]
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Requirements:
    """What the steps of one session require: what every step does, and what single steps say themselves."""

    defaults: Mapping[str, tuple[Any, ...]]
    steps: Mapping[int, Mapping[str, tuple[Any, ...]]]

    def of(self, index: int) -> Requirement:
        """Return what one step requires; what it says itself replaces the default, approvals add up."""
        own = self.steps.get(index, {})
        said = {**self.defaults, **own}
        approvals = own.get("required_approvals", ())
        everywhere = self.defaults.get("required_approvals", ())
        return Requirement(
            approvals=approvals,
            session_approvals=tuple(name for name in everywhere if name not in approvals),
            equipment=said.get("required_equipment_ids", ()),
            channels=said.get("required_channels", ()),
            gate_keys=said.get("gate_keys", ()),
        )

    def __bool__(self) -> bool:
        return bool(self.defaults or self.steps)


def block_of(requirement: Requirement, bench: Bench, *, at: datetime) -> Block | None:
    """Return what blocks a step with this requirement at a moment, or None."""
    reasons: list[str] = []
    causes: list[str] = []
    actions: list[str] = []
    triggers: list[str] = []
    missing = [name for name in requirement.approvals if name not in bench.approved_here]
    missing += [name for name in requirement.session_approvals if name not in bench.approved]
    if missing:
        reasons.append(f"Approval is missing: {', '.join(missing)}.")
        causes += [f"Approval is missing: {name}." for name in missing]
        actions += [f"{APPROVE}:{name}" for name in missing]
        triggers += [f"{NOTIFY}:{name}" for name in missing]
    for name in requirement.equipment:
        instrument = bench.equipment.get(name)
        if instrument is None:
            reasons.append(f"Equipment {name} is not registered.")
            actions.append(f"{REGISTER}:{name}")
        elif instrument.due_at is not None and instrument.due_at < at:
            reasons.append(f"The calibration of {instrument.name} was due {instrument.due_at:%Y-%m-%d %H:%M} UTC.")
            actions.append(f"{CALIBRATE}:{name}")
            triggers.append(f"{MAINTAIN}:{name}")
    for window in requirement.channels:
        trouble = _trouble_with(window, bench.heard.get(window.channel), at)
        if trouble:
            reasons.append(trouble)
            actions.append(f"{RESTORE}:{window.channel}")
    if not reasons:
        return None
    causes += reasons[1:] if missing else reasons
    return Block(" ".join(reasons), _distinct(actions), _distinct(triggers), _distinct(causes))


def split_action(action: str) -> tuple[str, str]:
    """Return the verb of an action and what it is done to: ``equipment:register`` and the rest."""
    domain, _, rest = action.partition(":")
    verb, _, subject = rest.partition(":")
    return f"{domain}:{verb}", subject


def read_requirements(parameters: Mapping[str, Any], *, steps: int) -> tuple[Requirements, list[Error]]:
    """Return what a session's parameters require of its steps, and what in them cannot be read.

    ``step_requirements`` holds what single steps require, by index; the same names beside it are the defaults of all.

    Args:
        steps: how many steps the session has.

    Returns:
        The requirements without what is wrong, and one ``{pointer, detail}`` for each thing that is.
    """
    errors: list[Error] = []
    given = {name: parameters[name] for name in _READERS if name in parameters}
    defaults = _read(given, "/parameters", errors)
    single: dict[int, dict[str, tuple[Any, ...]]] = {}
    by_step = parameters.get("step_requirements", {})
    where = "/parameters/step_requirements"
    if not isinstance(by_step, Mapping):
        errors.append(_error(where, "Give an object: requirements by the index of their step."))
        by_step = {}
    for key, asked in by_step.items():
        pointer = f"{where}/{_escaped(key)}"
        if not (key.isascii() and key.isdecimal() and len(key) <= 6 and str(int(key)) == key and int(key) < steps):
            errors.append(_error(pointer, f"There is no such step; this session has {steps}, counted from 0."))
        elif not isinstance(asked, Mapping):
            errors.append(_error(pointer, "Give an object."))
        else:
            unknown = [name for name in asked if name not in _READERS]
            errors += [_error(f"{pointer}/{_escaped(name)}", "No step can require this.") for name in unknown]
            single[int(key)] = _read({name: asked[name] for name in asked if name in _READERS}, pointer, errors)
    return Requirements(defaults, single), errors


def _read(given: Mapping[str, Any], pointer: str, errors: list[Error]) -> dict[str, tuple[Any, ...]]:
    return {name: _READERS[name](value, f"{pointer}/{name}", errors) for name, value in given.items()}


def _names(given: Any, pointer: str, errors: list[Error]) -> tuple[str, ...]:
    """Return a list of names, trimmed, each once."""
    found = []
    for place, name in _entries(given, pointer, errors):
        if _is_name(name):
            found.append(name.strip())
        else:
            errors.append(_error(place, _NO_NAME))
    return _distinct(found)


def _windows(given: Any, pointer: str, errors: list[Error]) -> tuple[ChannelWindow, ...]:
    """Return a list of channel windows."""
    found = []
    for place, window in _entries(given, pointer, errors):
        if not isinstance(window, Mapping):
            errors.append(_error(place, "Give an object with channel, within_s, and min and max where there are any."))
            continue
        before = len(errors)
        errors += [
            _error(f"{place}/{_escaped(name)}", "A channel's window has no such member.")
            for name in window
            if name not in ("channel", "min", "max", "within_s")
        ]
        channel, within_s = window.get("channel"), window.get("within_s")
        low, high = window.get("min"), window.get("max")
        if not _is_name(channel):
            errors.append(_error(f"{place}/channel", _NO_NAME))
        if not _is_number(within_s) or not 0 < within_s <= LONGEST_WINDOW_S:
            errors.append(_error(f"{place}/within_s", "Give the seconds within which it must have been heard."))
        wrong = [name for name, bound in (("min", low), ("max", high)) if not (bound is None or _is_number(bound))]
        errors += [_error(f"{place}/{name}", "Give a number.") for name in wrong]
        if not wrong and low is not None and high is not None and low > high:
            errors.append(_error(f"{place}/max", "This lies below min."))
        if len(errors) == before and _is_number(within_s):
            found.append(ChannelWindow(str(channel).strip(), within_s, low, high))
    return tuple(found)


def _entries(given: Any, pointer: str, errors: list[Error]) -> Sequence[tuple[str, Any]]:
    if not isinstance(given, list) or len(given) > MOST_NAMES:
        errors.append(_error(pointer, f"Give a list of at most {MOST_NAMES}."))
        return ()
    return [(f"{pointer}/{place}", entry) for place, entry in enumerate(given)]


_READERS: Final[dict[str, Callable[[Any, str, list[Error]], tuple[Any, ...]]]] = {
    "required_approvals": _names,
    "required_equipment_ids": _names,
    "required_channels": _windows,
    "gate_keys": _names,
}
PARAMETERS: Final = frozenset({"step_requirements", *_READERS})
"""The parameters of a session that are requirements and nothing else."""


def _trouble_with(window: ChannelWindow, heard: Heard | None, at: datetime) -> str:
    """Return what is wrong with a channel, or nothing."""
    if heard is None or not -AHEAD <= at - heard.at <= timedelta(seconds=window.within_s):
        return f"{window.channel} has sent nothing for {window.within_s:g} s."
    reads = f"{window.channel} reads {heard.value:g} {heard.unit}".rstrip()
    if not isfinite(heard.value):
        return f"{reads}."
    if window.low is not None and heard.value < window.low:
        return f"{reads}, below {window.low:g}."
    if window.high is not None and heard.value > window.high:
        return f"{reads}, above {window.high:g}."
    return ""


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_name(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and value.isprintable() and 1 <= len(value.strip()) <= LONGEST_NAME


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _error(pointer: str, detail: str) -> Error:
    return {"pointer": pointer, "detail": detail}
