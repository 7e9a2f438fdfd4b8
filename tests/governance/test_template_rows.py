"""Every rule of a template holds alike for those who call the service, use the API and sit at the desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from biolab.accounts.models import Team, User
from biolab.accounts.roles import Role
from governance_app.models import TemplateAssignment, TemplateAudit, WorkflowTemplate
from governance_app.rules.blueprint import StageBlueprint
from governance_app.services.assignments import assign_template, unassign_template
from governance_app.services.templates import archive_template, create_template, edit_template, publish_template
from sessions_app.models import Protocol
from tests.exports.doors import client_of
from tests.factories.governance import TemplateFactory, make_administrator, make_signer
from tests.factories.sessions import ProtocolFactory, make_team
from tests.rows import Row, assert_done_alike, assert_refused_alike, code_of, post_at_desk

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]
ROOT = "/api/governance"
PAGE = "governance_app_workflowtemplate"
STATES: dict[str, dict[str, Any]] = {
    "draft": {},
    "empty draft": {"empty": True},
    "published": {"published": True},
    "archived": {"archived": True},
    "governing": {"published": True},
}
EVERYBODY_ELSE = ("owner", "lead", "qa", "observer")
DONE = [
    Row("administrator", "create", "draft", {"key": "another"}, after="another 1 draft latest; release 1 draft latest"),
    Row("administrator", "create", "draft", after="release 1 draft; release 2 draft latest"),
    Row("administrator", "create", "published", after="release 1 published; release 2 draft latest"),
    Row("administrator", "create", "archived", after="release 1 archived; release 2 draft latest"),
    Row("administrator", "edit", "draft", {"name": "Renamed"}, after="release 1 draft latest"),
    Row("administrator", "publish", "draft", after="release 1 published latest"),
    Row("administrator", "publish", "published", after="release 1 published latest", desk=False),
    Row("administrator", "archive", "draft", after="release 1 archived"),
    Row("administrator", "archive", "published", after="release 1 archived"),
    Row("administrator", "archive", "archived", after="release 1 archived", desk=False),
    Row("administrator", "assign", "published", after="release 1 published latest; team"),
    Row(
        "administrator",
        "assign",
        "published",
        {"team": False, "protocol": True},
        after="release 1 published latest; protocol",
    ),
    Row("administrator", "unassign", "governing", after="release 1 published latest"),
]
REFUSED = [
    *[
        Row(who, operation, state, code=403)
        for who in EVERYBODY_ELSE
        for operation, state in (
            ("create", "draft"),
            ("edit", "draft"),
            ("publish", "draft"),
            ("archive", "published"),
            ("assign", "published"),
            ("unassign", "governing"),
        )
    ],
    Row("administrator", "create", "draft", {"role": "emperor"}, code=422),
    Row("administrator", "create", "draft", {"sla_hours": 0}, code=422),
    Row("administrator", "create", "draft", {"quorum": 0}, code=422),
    *[Row("administrator", "edit", state, {"name": "Renamed"}, code=409) for state in ("published", "archived")],
    Row("administrator", "publish", "empty draft", code=422),
    Row("administrator", "publish", "archived", code=409),
    Row("administrator", "assign", "draft", code=409, desk=False),
    *[Row("administrator", "assign", state, code=409) for state in ("archived", "governing")],
    Row("administrator", "assign", "published", {"protocol": True}, code=422),
]


class Desk:
    """A template in a state, a team and a protocol to govern, and people who may and may not."""

    def __init__(self, state: str) -> None:
        self.team: Team = make_team()
        self.protocol: Protocol = ProtocolFactory(team=self.team)
        self.people: dict[str, User] = {
            "administrator": make_administrator(),
            **{name: make_signer(self.team, Role(name)) for name in EVERYBODY_ELSE},
        }
        self.prefix = f"t{self.team.pk.hex[-12:]}-"
        self.template: WorkflowTemplate = TemplateFactory(template_key=f"{self.prefix}release", **STATES[state])
        self.assignment: TemplateAssignment | None = None
        if state == "governing":
            self.assignment = assign_template(
                template=self.template, team=self.team, by=self.people["administrator"], at=timezone.now()
            )

    def stands(self) -> str:
        told = []
        for one in WorkflowTemplate.objects.filter(key__key__startswith=self.prefix).order_by("key", "version"):
            latest = ["latest"] if one.is_latest else []
            told.append(" ".join([one.key_id.removeprefix(self.prefix), str(one.version), one.status, *latest]))
        for assignment in TemplateAssignment.objects.filter(template__key__key__startswith=self.prefix):
            told.append("team" if assignment.team_id else "protocol")
        return "; ".join(told)

    def written(self) -> tuple[Any, ...]:
        names = list(WorkflowTemplate.objects.order_by("pk").values_list("name", flat=True))
        return self.stands(), names, TemplateAudit.objects.count()

    def stage(self, row: Row) -> dict[str, Any]:
        right = {"name": "Review", "required_role": "reviewer", "quorum": 1}
        names = {"role": "required_role", "sla_hours": "sla_hours", "quorum": "quorum"}
        return right | {names[name]: value for name, value in row.values.items() if name in names}

    def governed(self, row: Row) -> dict[str, Any]:
        """Return what an assignment names: the team unless the row says otherwise."""
        chosen = {"team": True, "protocol": False} | row.values
        return {
            "team": self.team if chosen["team"] else None,
            "protocol": self.protocol if chosen["protocol"] else None,
        }

    def key(self, row: Row) -> str:
        return self.prefix + str(row.values.get("key", "release"))


def by_service(desk: Desk, row: Row) -> int:
    who: dict[str, Any] = {"by": desk.people[row.who], "at": timezone.now()}
    name = row.values.get("name", "Release")
    works: dict[str, Callable[[], Any]] = {
        "create": lambda: create_template(
            template_key=desk.key(row), name=name, stage_blueprint=[StageBlueprint(**desk.stage(row))], **who
        ),
        "edit": lambda: edit_template(template=desk.template, name=name, **who),
        "publish": lambda: publish_template(template=desk.template, **who),
        "archive": lambda: archive_template(template=desk.template, **who),
        "assign": lambda: assign_template(template=desk.template, **desk.governed(row), **who),
        "unassign": lambda: unassign_template(assignment=desk.assignment, **who),  # type: ignore[arg-type]
    }
    return code_of(works[row.operation])


def by_api(desk: Desk, row: Row) -> int:
    client, name = client_of(desk.people[row.who]), row.values.get("name", "Release")
    one = f"{ROOT}/templates/{desk.template.public_id}"
    if row.operation == "create":
        body = {"template_key": desk.key(row), "name": name, "stage_blueprint": [desk.stage(row)]}
        answer = client.post(f"{ROOT}/templates", body, format="json")
    elif row.operation == "edit":
        answer = client.patch(one, {"name": name}, format="json")
    elif row.operation == "assign":
        governed = desk.governed(row)
        names = {"team": "team_id", "protocol": "protocol_template_id"}
        body = {names[kind]: thing.public_id for kind, thing in governed.items() if thing is not None}
        answer = client.post(f"{one}/assignments", body, format="json")
    elif row.operation == "unassign":
        assert desk.assignment is not None
        answer = client.delete(f"{ROOT}/assignments/{desk.assignment.public_id}")
    else:
        answer = client.post(f"{one}/{row.operation}")
    return 200 if answer.status_code in {201, 204} else int(answer.status_code)


def at_desk(desk: Desk, row: Row) -> int:
    person = desk.people[row.who]
    if row.operation in {"publish", "archive"}:
        return post_at_desk(person, f"{PAGE}_{row.operation}", desk.template, {})
    form: dict[str, Any] = {
        "template_key": desk.key(row),
        "name": row.values.get("name", "Release"),
        "description": "",
        **{f"{kind}-{count}_FORMS": 0 for kind in ("stages", "assignments") for count in ("TOTAL", "INITIAL")},
    }
    if row.operation == "create":
        stage = {"id": "", "place": 0, "number": 1, **desk.stage(row)}
        form |= {"stages-TOTAL_FORMS": 1, **{f"stages-0-{name}": value for name, value in stage.items()}}
        return post_at_desk(person, f"{PAGE}_add", None, form)
    if row.operation == "assign":
        governed = {kind: thing.pk if thing is not None else "" for kind, thing in desk.governed(row).items()}
        form |= {"assignments-TOTAL_FORMS": 1, **{f"assignments-0-{kind}": key for kind, key in governed.items()}}
    elif row.operation == "unassign":
        assert desk.assignment is not None
        form |= {"assignments-TOTAL_FORMS": 1, "assignments-INITIAL_FORMS": 1}
        form |= {"assignments-0-id": desk.assignment.pk, "assignments-0-DELETE": "on"}
    return post_at_desk(person, f"{PAGE}_change", desk.template, form)


WAYS = {"service": by_service, "api": by_api, "desk": at_desk}


@pytest.mark.parametrize("row", DONE, ids=str)
def test_what_the_rules_allow_is_done_alike(row: Row) -> None:
    assert_done_alike(WAYS, Desk, row)


@pytest.mark.parametrize("state", sorted({row.state for row in REFUSED}))
def test_what_the_rules_forbid_is_refused_alike_and_nothing_is_written(state: str) -> None:
    assert_refused_alike(WAYS, Desk(state), [row for row in REFUSED if row.state == state])
