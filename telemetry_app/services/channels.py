"""Channels by name: found, made where they are new, and kept to one unit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.policies import require
from biolab.accounts.roles import Right
from biolab.kernel import security
from biolab.kernel.errors import Conflict, Invalid
from biolab.kernel.ids import typeid
from sessions_app.policies import require_room_for_more
from telemetry_app.limits import Limits
from telemetry_app.models import Channel, Latest
from telemetry_app.services.holding import hold_all_open
from telemetry_app.services.watching import judge_again
from telemetry_app.stores.admission import ChannelRow, channels_named
from telemetry_app.units import same_unit

UNIT_MISMATCH: Final = "unit_mismatch"


@dataclass(frozen=True, slots=True)
class Known:
    """What taking in a reading needs to know of its channel."""

    id: UUID
    name: str
    unit: str
    limits: Limits

    @property
    def public_id(self) -> str:
        return typeid(Channel.id_prefix, self.id)


def resolve_channels(
    *,
    team_id: UUID,
    names: Sequence[str],
    units: Sequence[str],
    by: User | None,
    at: datetime,
    rows: Sequence[ChannelRow] | None = None,
) -> dict[str, Known]:
    """Return the team's channels by name; unknown ones are made, and one without a unit takes the one it is sent.

    Args:
        units: as ``names``; empty where none was sent.
        rows: what is known of these channels; asked for where it is not given.

    Raises:
        Invalid: a channel is recorded in another unit.
    """
    sent = dict(zip(names, units, strict=True))
    known = _known(channels_named(team_id, sent) if rows is None else rows)
    missing = sorted(sent.keys() - known.keys())
    if missing:
        # By name, so that two batches that make the same channels wait for each other in one order.
        made = [Channel(team_id=team_id, name=name, unit=sent[name], created_by=by, created_at=at) for name in missing]
        Channel.objects.bulk_create(made, ignore_conflicts=True)
        known |= _known(channels_named(team_id, missing))
    errors = []
    for name, unit in sorted(sent.items()):
        channel = known[name]
        if not unit or (channel.unit and same_unit(unit, channel.unit)):
            continue
        if channel.unit:
            detail = f"“{name}” is recorded in {channel.unit}, not in {unit}."
            errors.append({"pointer": "", "detail": detail, "channel": name})
        else:
            Channel.objects.filter(pk=channel.id, unit="").update(unit=unit)
            known[name] = Known(channel.id, name, unit, channel.limits)
    if errors:
        raise Invalid(errors[0]["detail"], code=UNIT_MISMATCH, errors=errors[:20])
    return known


def channels_at_hand(rows: Sequence[ChannelRow], names: Sequence[str], units: Sequence[str]) -> dict[str, Known] | None:
    """Return the channels of a batch by name, if all are among ``rows``, without limits and in the units sent."""
    known = _known(rows)
    plain = all(
        name in known and not known[name].limits.any and unit in ("", known[name].unit)
        for name, unit in zip(names, units, strict=True)
    )
    return known if plain else None


def _known(rows: Iterable[ChannelRow]) -> dict[str, Known]:
    return {name: Known(key, name, unit, Limits(low, high)) for key, name, unit, low, high in rows}


@transaction.atomic
def add_channel(*, channel: Channel, by: User, at: datetime) -> Channel:
    """Store a new channel and say so in the security log.

    Raises:
        Forbidden: the person neither runs sessions in the team, whose readings make channels too, nor administers the
            instance; or a token of certain sessions speaks for them.
        Invalid: its minimum lies above its maximum.
        Conflict: the team has a channel of this name.
    """
    require_room_for_more(by)
    if not by.is_admin:
        require(by, Right.RUN, channel.team_id)
    _require_order(channel)
    _require_free_name(channel)
    channel.created_by, channel.created_at = by, at
    channel.save()
    security.note("channel.added", person=by, at=at, channel_id=channel.public_id, **_settings(channel))
    return channel


@transaction.atomic
def adjust_channel(*, channel: Channel, by: User, at: datetime) -> Channel:
    """Store changed limits, type or pin of a channel, with both sides in the security log.

    Its newest reading in each live session is judged by the new limits at once.

    Name, team and a unit once given stay as they are: readings and seals are named after them.

    Raises:
        Forbidden: the person neither leads in the team nor administers the instance.
        Invalid: its minimum lies above its maximum.
    """
    _require_steward(by, channel)
    _require_order(channel)
    hold_all_open(channel.team_id)
    stored = Channel.objects.select_for_update().get(pk=channel.pk)
    before, limits = _settings(stored), stored.limits
    for name in ("min_value", "max_value", "type", "pinned"):
        setattr(stored, name, getattr(channel, name))
    stored.unit = stored.unit or channel.unit
    after = _settings(stored)
    if after != before:
        stored.save(update_fields=["min_value", "max_value", "type", "pinned", "unit"])
        security.note("channel.changed", person=by, at=at, channel_id=stored.public_id, before=before, after=after)
        if stored.limits != limits:
            judge_again(Known(stored.pk, stored.name, stored.unit, stored.limits), by=by, at=at)
    return stored


@transaction.atomic
def change_channel(*, channel: Channel, by: User, at: datetime, **changes: Any) -> Channel:
    """Store some changed fields of a channel, with both sides in the security log.

    Args:
        changes: by name of the field; a name or a unit may change until the channel has a reading.

    Raises:
        Forbidden: the person neither leads in the team nor administers the instance.
        Invalid: its minimum lies above its maximum.
        Conflict: the team has a channel of this name, or readings are recorded under the old name or unit.
    """
    require_room_for_more(by)
    _require_steward(by, channel)
    hold_all_open(channel.team_id)
    stored = Channel.objects.select_for_update().get(pk=channel.pk)
    named = stored.name, stored.unit
    for field, value in changes.items():
        setattr(stored, field, value)
    if stored.name != named[0]:
        _require_free_name(stored)
    if (stored.name != named[0] or (named[1] and stored.unit != named[1])) and _has_readings(stored):
        raise Conflict(
            f"Readings are recorded as “{named[0]}” in {named[1] or 'no unit'}; add another channel instead.",
            code="channel_has_readings",
        )
    if (stored.name, stored.unit) != named:
        before, after = {"name": named[0], "unit": named[1]}, {"name": stored.name, "unit": stored.unit}
        stored.save(update_fields=["name", "unit"])
        security.note("channel.renamed", person=by, at=at, channel_id=stored.public_id, before=before, after=after)
    return adjust_channel(channel=stored, by=by, at=at)


def _has_readings(channel: Channel) -> bool:
    """Tell whether readings of the channel are stored, or were and have been withdrawn."""
    return Latest.objects.filter(channel=channel).exists() or channel.withdrawals.exists()


def _require_free_name(channel: Channel) -> None:
    if Channel.objects.in_use().filter(team_id=channel.team_id, name=channel.name).exists():
        raise Conflict(f"The team has a channel “{channel.name}” already.", code="channel_exists")


def _require_steward(by: User, channel: Channel) -> None:
    if not by.is_admin:
        require(by, Right.EDIT_PROTOCOLS, channel.team_id)


def _require_order(channel: Channel) -> None:
    low, high = channel.min_value, channel.max_value
    if low is not None and high is not None and low > high:
        detail = "The minimum lies above the maximum."
        raise Invalid(detail, errors=[{"pointer": "/min_value", "detail": detail}])


def _settings(channel: Channel) -> dict[str, Any]:
    return {
        "name": channel.name,
        "unit": channel.unit,
        "type": channel.type,
        "min_value": channel.min_value,
        "max_value": channel.max_value,
        "pinned": channel.pinned,
    }
