"""Lays out the demo lab through the services that people use; doing it again changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from biolab.accounts.models import Team, User
from biolab.accounts.roles import Role
from biolab.demo import bench, people
from biolab.demo.readings import add_channels, record_run
from exports_app.models import NarrativeExport
from exports_app.services.exports import Wish, ask_export
from governance_app.models import GovernanceBaseline, WorkflowTemplate
from governance_app.rules.blueprint import StageBlueprint
from governance_app.services.assignments import assign_template
from governance_app.services.baselines import publish_baseline, review_baseline, submit_baseline
from governance_app.services.signing import cast_signature
from governance_app.services.templates import create_template, publish_template
from sessions_app.models import LabSession, Protocol
from sessions_app.services.notes import write_note
from sessions_app.services.protocols import create_protocol
from sessions_app.services.sessions import start_session
from sessions_app.services.steps import move_step
from sessions_app.states import NoteType, StepStatus

PROTOCOL: Final = "Batch fermentation of E. coli"
STEPS: Final = """\
Calibrate the pH and oxygen probes and note the offsets [10 min]
Fill the vessel with the volume of minimal medium and sterilise it [30 min]
Set 37 °C, pH 7.0 and 1 vvm of air; wait until all three are steady [30 min]
Inoculate with the strain to an optical density of 0.1 [5 min]
Follow the growth; keep dissolved oxygen above 20 % [5 h]
Take the sample of the exponential phase [10 min]
Stop the feed of air when oxygen rises: the glucose is used up [10 min]
Harvest, cool to 4 °C and take the final sample [1 h]
"""
TEMPLATE_KEY: Final = "fermentation-release"
FINISHED: Final = "Fermentation 11, strain K-12"
RUNNING: Final = "Fermentation 12, strain K-12"
RUN_HOURS: Final = 7
RECORD_HOUR: Final = 6.85
PARAMETERS: Final = {"strain": "K-12 MG1655", "volume": "1.5 l"}

# hours after the start, what was written, and of which kind
NOTES: Final = (
    (0.1, "Probes calibrated: pH offset 0.02, oxygen slope 98 %.", NoteType.OBSERVATION),
    (1.2, "Inoculated. Colour still clear, slight foam at the sparger.", NoteType.OBSERVATION),
    (3.4, "Stirrer at 700 rpm to hold the oxygen.", NoteType.COMMAND),
    (4.6, "Sample S1 taken: optical density 2.9.", NoteType.DETAIL),
    (5.9, "Oxygen jumps and base uptake stops: the glucose is used up.", NoteType.ANOMALY),
    (6.8, "Harvested 1.46 l; final optical density 7.8.", NoteType.SUMMARY),
)
# for each step: hours after the start at which it began and was done
STEP_HOURS: Final = ((0.0, 0.15), (0.15, 0.7), (0.7, 1.1), (1.1, 1.2), (1.2, 5.8), (4.5, 4.6), (5.8, 6.0), (6.0, 6.9))


@dataclass(frozen=True)
class Demo:
    """What was laid out."""

    team: Team
    people: dict[Role, User]
    finished: LabSession
    running: LabSession
    export: NarrativeExport


def lay_out(*, administrator: User, at: datetime) -> Demo:
    """Return the demo lab, made as far as it is missing.

    Args:
        administrator: publishes the template.
        at: now; the finished session ends an hour before.
    """
    team, staff = people.hire(at=at)
    protocol = Protocol.objects.filter(team=team, title=PROTOCOL).first() or create_protocol(
        team=team,
        by=staff[Role.LEAD],
        at=at,
        title=PROTOCOL,
        content=STEPS,
        variables=list(PARAMETERS),
        ordered=False,
    )
    _template(protocol, administrator=administrator, at=at)
    add_channels(team, by=staff[Role.LEAD], at=at)
    bench.set_up(team, staff, at=at)
    finished = _session(team, FINISHED) or _run(team, protocol, staff, start=at - timedelta(hours=RUN_HOURS + 1))
    export = finished.narrative_exports.order_by("version").first() or _release(finished, staff, at=at)
    _refer(finished, staff, at=at)
    running = _session(team, RUNNING) or _begin(team, protocol, staff, at=at)
    return Demo(team, staff, finished, running, export)


def _session(team: Team, name: str) -> LabSession | None:
    return LabSession.objects.filter(team=team, name=name).order_by("created_at").first()


def _template(protocol: Protocol, *, administrator: User, at: datetime) -> None:
    if WorkflowTemplate.objects.filter(key_id=TEMPLATE_KEY).exists():
        return
    template = create_template(
        template_key=TEMPLATE_KEY,
        name="Release of a fermentation record",
        description="A reviewer checks the record against the protocol, an approver releases it.",
        default_stage_sla_hours=48,
        permitted_roles=[Role.REVIEWER, Role.APPROVER],
        stage_blueprint=[
            StageBlueprint(name="Technical review", required_role=Role.REVIEWER, sla_hours=24, meanings=("review",)),
            StageBlueprint(name="Release", required_role=Role.APPROVER, sla_hours=48, meanings=("approval",)),
        ],
        by=administrator,
        at=at,
    )
    published = publish_template(template=template, by=administrator, at=at)
    assign_template(template=published, protocol=protocol, by=administrator, at=at)


def _run(team: Team, protocol: Protocol, staff: dict[Role, User], *, start: datetime) -> LabSession:
    """Run the finished session from ``start`` on, as its people and instruments would have; its last step ends it."""
    scientist, operator = staff[Role.SCIENTIST], staff[Role.OPERATOR]
    session = start_session(
        team=team,
        by=scientist,
        at=start,
        name=FINISHED,
        description="Reference batch on minimal medium with 10 g/l of glucose.",
        protocol=protocol,
        parameters=PARAMETERS,
    )
    happenings: list[tuple[float, Callable[[datetime], object]]] = [
        (hours, partial(_note, session, scientist, text, kind)) for hours, text, kind in NOTES
    ]
    for index, (began, done) in enumerate(STEP_HOURS):
        happenings.append((began, partial(_step, session, operator, index, StepStatus.IN_PROGRESS)))
        happenings.append((done, partial(_step, session, operator, index, StepStatus.COMPLETED)))
    happenings.append((RECORD_HOUR, partial(bench.write_record, session, staff)))
    happenings += record_run(session, by=operator, start=start, hours=STEP_HOURS[-1][1] - 0.1)
    for hours, happen in sorted(happenings, key=lambda happening: happening[0]):
        happen(start + timedelta(hours=hours))
    bench.sign_record(session, staff, at=start + timedelta(hours=RUN_HOURS))
    return session


def _note(session: LabSession, by: User, text: str, kind: NoteType, at: datetime) -> None:
    write_note(session=session, by=by, at=at, timestamp=at, content=text, type=kind, speaker=by.printed_name)


def _step(session: LabSession, by: User, index: int, to: StepStatus, at: datetime) -> None:
    move_step(session=session, index=index, to=to, by=by, at=at)


def _begin(team: Team, protocol: Protocol, staff: dict[Role, User], *, at: datetime) -> LabSession:
    """Start the session that the simulated bioreactor feeds, a few steps in."""
    session = start_session(
        team=team,
        by=staff[Role.SCIENTIST],
        at=at,
        name=RUNNING,
        description="Fed live by a simulated bioreactor, sixty times faster than nature.",
        protocol=protocol,
        parameters={**PARAMETERS, **bench.REQUIRED},
    )
    for index in range(4):
        _step(session, staff[Role.OPERATOR], index, StepStatus.COMPLETED, at)
    _step(session, staff[Role.OPERATOR], 4, StepStatus.IN_PROGRESS, at)
    _note(session, staff[Role.SCIENTIST], "Inoculated; the simulated reactor is connected.", NoteType.OBSERVATION, at)
    bench.write_draft(session, staff, at=at)
    return session


def _release(session: LabSession, staff: dict[Role, User], *, at: datetime) -> NarrativeExport:
    """Ask for the finished session's export and sign both stages; a worker packs it."""
    asked_at = at - timedelta(minutes=40)
    wish = Wish(notes="Record of the reference batch, for release.")
    export = ask_export(session=session, by=staff[Role.SCIENTIST], at=asked_at, wish=wish).export
    signers = ((Role.REVIEWER, "review", 20), (Role.APPROVER, "approval", 30))
    for role, meaning, minutes in signers:
        cast_signature(
            request_id=export.approval_id,
            decision="approved",
            signature=staff[role].printed_name,
            meaning=meaning,
            password=people.PASSWORD,
            by=staff[role],
            at=asked_at + timedelta(minutes=minutes),
        )
    return export


def _refer(session: LabSession, staff: dict[Role, User], *, at: datetime) -> None:
    """Make the finished session its protocol's reference, where none was ever proposed; QA decides."""
    version, quality = session.protocol_version, staff[Role.QA]
    if version is None or GovernanceBaseline.objects.filter(protocol_id=version.protocol_id).exists():
        return
    baseline = submit_baseline(
        session=session,
        name="Reference batch on minimal medium",
        description="Grew without lag on 10 g/l of glucose; every step done.",
        reviewers=[quality],
        labels=[{"key": "strain", "value": PARAMETERS["strain"]}],
        by=staff[Role.SCIENTIST],
        at=at - timedelta(minutes=9),
    )
    notes = "Growth and base uptake as expected."
    baseline = review_baseline(
        baseline=baseline, decision="approve", notes=notes, by=quality, at=at - timedelta(minutes=6)
    )
    publish_baseline(baseline=baseline, by=quality, at=at - timedelta(minutes=3))
