"""Templates, requests and signers in the states that tests ask for, made by the services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import factory

from biolab.accounts.models import Team, User
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.canonical import sha256
from governance_app.models import ApprovalRequest, WorkflowTemplate
from governance_app.rules.blueprint import StageBlueprint
from governance_app.services.approvals import StageSpec, Subject, open_request
from governance_app.services.signing import cast_signature
from governance_app.services.templates import archive_template, create_template
from sessions_app.models import LabSession
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team

PASSWORD = "correct horse battery"
REVIEW = StageBlueprint(name="Review", required_role=Role.REVIEWER, sla_hours=24, meanings=("review",))
APPROVAL = StageBlueprint(name="Approval", required_role=Role.APPROVER, sla_hours=48)
_numbers = iter(range(1, 10**9))


def make_administrator(**fields: Any) -> User:
    """Return a compliance administrator, in no team."""
    number = next(_numbers)
    fields = {"username": f"administrator{number}", "role": PlatformRole.ADMIN, "is_staff": True, **fields}
    return User.objects.create_user(f"administrator{number}@biolab.example", fields.pop("password", PASSWORD), **fields)


def make_signer(team: Team, role: Role, **fields: Any) -> User:
    """Return a member of ``team`` who knows ``PASSWORD``."""
    return make_member(team, role, **{"password": PASSWORD, **fields})


class TemplateFactory(factory.Factory[WorkflowTemplate]):
    """A draft of two stages, review then approval.

    Traits: ``published``, ``archived`` (published before); ``empty`` has no stages.
    """

    class Meta:
        model = WorkflowTemplate

    class Params:
        published = factory.Trait(publish=True)
        archived = factory.Trait(publish=True, archive=True)
        empty = factory.Trait(stage_blueprint=())

    template_key = factory.Sequence(lambda number: f"release-{number}")
    name = "Release"
    stage_blueprint: Any = (REVIEW, APPROVAL)
    by = factory.LazyFunction(make_administrator)
    at = NINE
    archive = False

    @classmethod
    def _create(cls, model_class: type[WorkflowTemplate], *args: Any, **kwargs: Any) -> WorkflowTemplate:
        archive = kwargs.pop("archive")
        template = create_template(**kwargs)
        return archive_template(template=template, by=kwargs["by"], at=kwargs["at"]) if archive else template


@dataclass
class Bench:
    """A session with people who can climb its ladders."""

    team: Team
    session: LabSession
    asker: User
    reviewer: User
    approver: User
    lead: User
    outsider: User


def make_bench() -> Bench:
    """Return a finished session of a team with one person for each part; the outsider is in no team."""
    team = make_team()
    lead = make_signer(team, Role.LEAD)
    return Bench(
        team=team,
        session=SessionFactory(team=team, by=lead, completed=True),
        asker=make_signer(team, Role.SCIENTIST),
        reviewer=make_signer(team, Role.REVIEWER),
        approver=make_signer(team, Role.APPROVER),
        lead=lead,
        outsider=make_member(None, password=PASSWORD),
    )


def make_request(
    bench: Bench, *, stages: Any = None, template: WorkflowTemplate | None = None, at: datetime = NINE, **subject: Any
) -> ApprovalRequest:
    """Return a pending request of two stages, or of those given, or by a published template."""
    number = next(_numbers)
    if template is None and stages is None:
        stages = [
            StageSpec(required_role=Role.REVIEWER, name="Review", sla_hours=24),
            StageSpec(required_role=Role.APPROVER, name="Approval", sla_hours=48),
        ]
    wanted = {
        "prefix": "narrative_export",
        "key": "export_id",
        "id": f"exp_{number}",
        "digest": sha256(f"dossier {number}".encode()),
        "label": f"Narrative {number}",
        **subject,
    }
    return open_request(
        session=bench.session,
        subject=Subject(**wanted),
        by=bench.asker,
        at=at,
        stages=stages or (),
        snapshot=template.published_snapshot if template is not None else None,
    )


def sign(request: ApprovalRequest, person: User, *, at: datetime = NINE, **changes: Any) -> ApprovalRequest:
    """Approve the current stage as ``person``, with whatever is given instead."""
    wanted: dict[str, Any] = {
        "request_id": request.pk,
        "decision": "approved",
        "signature": person.printed_name,
        "password": PASSWORD,
        "by": person,
        "at": at,
        **changes,
    }
    return cast_signature(**wanted)
