"""Exports in the states that tests ask for, made by the services; and readings to go with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from biolab.accounts.models import Team, User
from biolab.accounts.roles import Role
from exports_app.models import ArchiveStamp, NarrativeExport
from exports_app.services.evidence import EvidenceAsked
from exports_app.services.exports import Wish, ask_export
from exports_app.services.packaging import pack_export
from governance_app.services.approvals import StageSpec
from sessions_app.models import LabSession
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from telemetry_app import stores
from telemetry_app.instants import SECOND_US, to_us
from tests.factories.governance import Bench, make_signer, sign
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team
from tests.factories.telemetry import make_batch, make_channels, make_intake

TEN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
TWO_STAGES = (
    StageSpec(required_role=Role.REVIEWER, name="Review", sla_hours=24),
    StageSpec(required_role=Role.APPROVER, name="Approval", sla_hours=48),
)


def make_export_bench(*, ended: bool = True, readings: int = 0, team: Team | None = None) -> Bench:
    """Return a session with steps, and readings of two channels if asked for, and a person for each part."""
    team = team or make_team()
    lead = make_signer(team, Role.LEAD)
    session = SessionFactory(team=team, by=lead, with_steps=True)
    if readings:
        add_readings(session, readings)
    if ended:
        session = move_session(session=session, move=COMPLETE, by=lead, at=NINE + timedelta(minutes=30))
    return Bench(
        team=team,
        session=session,
        asker=make_signer(team, Role.SCIENTIST),
        reviewer=make_signer(team, Role.REVIEWER),
        approver=make_signer(team, Role.APPROVER),
        lead=lead,
        outsider=make_member(None),
    )


def add_readings(session: LabSession, count: int, *, channels: Sequence[str] = ("pH", "temperature")) -> None:
    """Store ``count`` readings of each channel, one a second from nine o'clock."""
    known = make_channels(session, *channels)
    start = to_us(NINE)
    for place, name in enumerate(channels):
        rows = [(name, start + number * SECOND_US, 7.0 + place + (number % 10) / 10) for number in range(count)]
        stores.current().append(make_intake(session, known, make_batch(rows)))


def make_export(bench: Bench, *, by: User | None = None, at: datetime = TEN, **wish: Any) -> NarrativeExport:
    """Return an export of the bench's session, waiting for two signatures unless ``stages`` says otherwise."""
    if "template_id" not in wish and "snapshot_id" not in wish:
        wish.setdefault("stages", TWO_STAGES)
    return ask_export(session=bench.session, by=by or bench.asker, at=at, wish=Wish(**wish)).export


def evidence_of(session: LabSession, sequence: int = 1, **more: Any) -> EvidenceAsked:
    """Return one event of the session as evidence to ask for."""
    event = session.events.get(sequence=sequence)
    return EvidenceAsked(evidence_type="timeline_event", reference_id=event.public_id, **more)


def approve(export: NarrativeExport, bench: Bench, *, at: datetime = TEN) -> NarrativeExport:
    """Sign both stages and return the export, queued."""
    sign(export.approval, bench.reviewer, at=at + timedelta(minutes=1))
    sign(export.approval, bench.approver, at=at + timedelta(minutes=2))
    return fresh(export)


def pack(export: NarrativeExport, *, at: datetime = TEN + timedelta(minutes=3)) -> NarrativeExport:
    """Pack what is due, as a worker would, at a time that stands still."""
    pack_export(export_id=export.pk, clock=lambda: at)
    return fresh(export)


def make_archive(bench: Bench, **wish: Any) -> NarrativeExport:
    """Return an export that is approved and packed."""
    return pack(approve(make_export(bench, **wish), bench))


def make_stamp(export: NarrativeExport, *, at: datetime = TEN) -> ArchiveStamp:
    """Return a time stamp of the export's archive, by an authority that nobody checked."""
    return ArchiveStamp.objects.create(
        export=export,
        checksum=export.artifact_checksum,
        stamped_at=at,
        authority="Somebody",
        answer=b"an answer",
        received_at=at,
        created_at=at,
    )


def fresh(export: NarrativeExport) -> NarrativeExport:
    """Return the export as the database has it."""
    return NarrativeExport.objects.told().get(pk=export.pk)


def kinds(session: LabSession, prefix: str = "narrative_export") -> list[str]:
    """Return the kinds of the session's events about exports, in order, without their common beginning."""
    events = session.events.filter(kind__startswith=prefix).order_by("sequence")
    return [kind.removeprefix(f"{prefix}.") for kind in events.values_list("kind", flat=True)]
