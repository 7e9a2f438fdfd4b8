"""Take in the readings of a session that was read from an archive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import numpy as np

from biolab.accounts.models import User
from sessions_app import turnstile
from sessions_app.models import LabSession
from telemetry_app import stores
from telemetry_app.codec import Times, Values
from telemetry_app.ingest.columns import settle
from telemetry_app.instants import to_us
from telemetry_app.models import Channel
from telemetry_app.stores.base import Intake, Seal, Source


def adopt_readings(
    *,
    session: LabSession,
    units: Mapping[str, str],
    runs: Iterable[tuple[str, Times, Values]],
    sha256: str,
    by: User,
    at: datetime,
) -> dict[str, Seal]:
    """Store the readings in the caller's transaction and return the seal of each channel by its name in the archive.

    A channel of the team that has the name and the unit takes them; else one is made, with its unit in its name where
    the name means something else here.

    Args:
        units: of each channel by its name in the archive.
        runs: stretches of one channel each, times rising.
        sha256: of the archive.
    """
    turnstile.pass_through(session.pk)
    channels = {name: _channel(session, name, unit, by, at) for name, unit in units.items()}
    for number, (name, times, values) in enumerate(runs):
        batch = settle(
            names=(name,),
            units=(units[name],),
            index=np.zeros(len(times), dtype=np.int64),
            times=times,
            values=values,
            received_us=to_us(at),
            timed=True,
            batch_id=f"{sha256}:{number}",
        )
        intake = Intake(
            session_id=session.pk,
            channel_ids=(channels[name].pk,),
            batch=batch,
            batch_id=f"{sha256}:{number}",
            source=Source(key=by.public_id, person_id=by.pk, address_kind="archive"),
            body_sha256=sha256,
            received_at=at,
        )
        stores.current().append(intake)
    seals: dict[UUID, Seal] = stores.current().seal(session.pk)
    return {name: seals[channel.pk] for name, channel in channels.items() if channel.pk in seals}


def _channel(session: LabSession, name: str, unit: str, by: User, at: datetime) -> Channel:
    here = Channel.objects.in_use().filter(team=session.team)
    taken = here.filter(name=name).first()
    if taken is not None and taken.unit != unit:
        name = f"{name[:180]} [{unit}]"
    found = here.filter(name=name, unit=unit).first()
    if found is not None:
        return found
    return Channel.objects.create(team=session.team, name=name, unit=unit, created_by=by, created_at=at)
