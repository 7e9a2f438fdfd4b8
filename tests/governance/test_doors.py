"""The doors of governance: who passes, what they answer, and with which codes."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from rest_framework.test import APIClient

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from governance_app.models import TemplateAssignment, WorkflowTemplate
from tests.factories.governance import TemplateFactory, make_administrator, make_bench, make_request, sign
from tests.factories.sessions import ProtocolFactory, make_member, make_team

pytestmark = pytest.mark.django_db

BLUEPRINT = [
    {"name": "Review", "required_role": "reviewer", "sla_hours": 24, "meanings": ["review"]},
    {"name": "Approval", "required_role": "approver", "stage_step_indexes": [0, 2], "stage_gate_keys": ["ph"]},
]


def client_of(person: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(person)
    return client


@pytest.fixture
def client() -> APIClient:
    return client_of(make_administrator())


def post_template(client: APIClient, **changes: Any) -> Any:
    body = {"template_key": "release", "name": "Release", "stage_blueprint": BLUEPRINT, "publish": True, **changes}
    return client.post("/api/governance/templates", body)


def test_a_template_is_created_published_and_read_back(client: APIClient) -> None:
    made = post_template(client, default_stage_sla_hours=12, permitted_roles=["reviewer", "approver"])

    body = made.json()
    read = client.get(f"/api/governance/templates/{body['id']}").json()
    assert made.status_code == 201
    assert read == body
    assert body["id"].startswith("tmpl_")
    assert (body["version"], body["status"], body["is_latest"]) == (1, "published", True)
    assert body["published_snapshot_id"].startswith("snap_")
    assert body["stage_blueprint"][1] == {
        "name": "Approval",
        "required_role": "approver",
        "sla_hours": None,
        "quorum": 1,
        "meanings": [],
        "stage_step_indexes": [0, 2],
        "stage_gate_keys": ["ph"],
        "assignee_id": None,
        "metadata": {},
    }
    snapshot = client.get(f"/api/governance/templates/{body['id']}/snapshot").json()
    assert (snapshot["status"], snapshot["snapshot_payload"]["stage_blueprint"]) == (
        "published",
        body["stage_blueprint"],
    )


def test_the_list_shows_the_latest_in_use_and_all_of_them_on_request(client: APIClient) -> None:
    post_template(client, template_key="b")
    post_template(client, template_key="b", publish=False)
    post_template(client, template_key="a")
    gone = post_template(client, template_key="c").json()
    client.post(f"/api/governance/templates/{gone['id']}/archive")

    latest = client.get("/api/governance/templates").json()
    everything = client.get("/api/governance/templates?include_all=true").json()

    assert [(row["template_key"], row["version"]) for row in latest] == [("a", 1), ("b", 2)]
    assert [(row["template_key"], row["version"]) for row in everything] == [("a", 1), ("b", 2), ("b", 1), ("c", 1)]
    assert latest[1]["published_snapshot_id"] is None


def test_the_list_is_paged_without_losing_a_row(client: APIClient) -> None:
    for key in ("a", "b", "b", "b", "c"):
        post_template(client, template_key=key)
    seen, address = [], "/api/governance/templates?include_all=1&limit=2"

    while address:
        answer = client.get(address)
        seen += [(row["template_key"], row["version"]) for row in answer.json()]
        link = answer.headers.get("Link", "")
        address = link.partition(">")[0].lstrip("<").partition("testserver")[2]

    assert seen == [("a", 1), ("b", 3), ("b", 2), ("b", 1), ("c", 1)]


def test_lists_cost_the_same_however_long(client: APIClient, django_assert_max_num_queries: Any) -> None:
    for key in "abcdef":
        post_template(client, template_key=key)

    with django_assert_max_num_queries(8):
        assert len(client.get("/api/governance/templates").json()) == 6


def test_a_draft_is_edited_with_its_tag(client: APIClient) -> None:
    draft = post_template(client, publish=False)
    address = f"/api/governance/templates/{draft.json()['id']}"

    edited = client.patch(address, {"name": "Release B"}, headers={"If-Match": draft.headers["ETag"]})
    stale = client.patch(address, {"name": "Release C"}, headers={"If-Match": draft.headers["ETag"]})

    assert (edited.status_code, edited.json()["name"], len(edited.json()["stage_blueprint"])) == (200, "Release B", 2)
    assert stale.status_code == 412
    assert WorkflowTemplate.objects.get().name == "Release B"


def test_moves_answer_the_template_and_keep_their_codes(client: APIClient) -> None:
    draft = post_template(client, publish=False).json()
    address = f"/api/governance/templates/{draft['id']}"

    codes = [
        client.post(f"{address}/publish").status_code,
        client.post(f"{address}/publish").status_code,
        client.patch(address, {"name": "Other"}).status_code,
        client.post(f"{address}/archive").status_code,
        client.post(f"{address}/archive").status_code,
        client.post(f"{address}/publish").status_code,
    ]

    assert codes == [200, 200, 409, 200, 200, 409]


def test_two_versions_are_compared(client: APIClient) -> None:
    first = post_template(client).json()
    second = post_template(client, stage_blueprint=BLUEPRINT[:1]).json()

    diff = client.get(f"/api/governance/templates/{second['id']}/diff?against={first['id']}").json()

    assert [stage["change"] for stage in diff["stages"]] == ["unchanged", "removed"]
    assert (diff["before"]["version"], diff["after"]["version"]) == (1, 2)
    assert client.get(f"/api/governance/templates/{second['id']}/diff").status_code == 422


def test_assignments_are_made_listed_and_ended(client: APIClient) -> None:
    template = post_template(client).json()
    protocol = ProtocolFactory()
    address = f"/api/governance/templates/{template['id']}/assignments"

    made = client.post(address, {"protocol_template_id": protocol.public_id, "metadata": {"why": "SOP 7"}})
    again = client.post(address, {"protocol_template_id": protocol.public_id})
    both = client.post(address, {"protocol_template_id": protocol.public_id, "team_id": protocol.team.public_id})
    unknown = client.post(address, {"team_id": "team_nowhere"})
    listed = client.get(address).json()
    ended = client.delete(f"/api/governance/assignments/{made.json()['id']}")
    gone = client.delete(f"/api/governance/assignments/{made.json()['id']}")

    assert (made.status_code, again.status_code, both.status_code, unknown.status_code) == (201, 409, 422, 404)
    assert listed == [made.json()]
    assert listed[0]["protocol_template_id"] == protocol.public_id
    assert (ended.status_code, gone.status_code) == (204, 404)
    assert not TemplateAssignment.objects.exists()
    audit = client.get(f"/api/governance/templates/{template['id']}/audit").json()
    assert [entry["kind"] for entry in audit] == [
        "template.unassigned",
        "template.assigned",
        "template.published",
        "template.snapshot.created",
        "template.created",
    ]


BAD_TEMPLATES: list[tuple[dict[str, Any], int, str]] = [
    ({"template_key": "bad key"}, 422, "/template_key"),
    ({"template_key": None}, 422, "/template_key"),
    ({"name": ""}, 422, "/name"),
    ({"stage_blueprint": []}, 422, "/stage_blueprint"),
    ({"stage_blueprint": [{"name": "X", "required_role": "king"}]}, 422, "/stage_blueprint/0/required_role"),
    (
        {"stage_blueprint": [{"name": "X", "required_role": "qa", "sla_hours": 0}]},
        422,
        "/stage_blueprint/0/sla_hours",
    ),
    (
        {"stage_blueprint": [{"name": "X", "required_role": "qa", "sla_hours": True}]},
        422,
        "/stage_blueprint/0/sla_hours",
    ),
    ({"stage_blueprint": [{"name": "X"}]}, 422, "/stage_blueprint/0/required_role"),
    ({"stage_blueprint": "none"}, 422, "/stage_blueprint"),
    ({"permitted_roles": ["qa"]}, 422, "/stage_blueprint/0/required_role"),
    ({"default_stage_sla_hours": -1}, 422, "/default_stage_sla_hours"),
    ({"forked_from_id": "tmpl_nowhere"}, 404, ""),
    ({"stage_blueprint": [{"name": "X", "required_role": "qa", "assignee_id": "user_nowhere"}]}, 404, ""),
]


@pytest.mark.parametrize(("changes", "code", "pointer"), BAD_TEMPLATES)
def test_a_bad_template_is_told_what_is_wrong_and_not_kept(
    client: APIClient, changes: dict[str, Any], code: int, pointer: str
) -> None:
    answer = post_template(client, **changes)

    body = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (code, "application/problem+json")
    assert not pointer or pointer in [error["pointer"].replace("/non_field_errors", "") for error in body["errors"]]
    assert not WorkflowTemplate.objects.exists()


@pytest.mark.parametrize("role", [Role.OWNER, Role.APPROVER, None])
def test_everybody_else_is_told_that_templates_are_not_theirs(role: Role | None) -> None:
    template = TemplateFactory(published=True)
    person = make_member(make_team() if role else None, role or Role.OBSERVER)
    client, address = client_of(person), f"/api/governance/templates/{template.public_id}"
    before = template.audit_entries.count()

    codes = {
        client.get("/api/governance/templates").status_code,
        post_template(client).status_code,
        client.get(address).status_code,
        client.patch(address, {"name": "Mine"}).status_code,
        client.post(f"{address}/publish").status_code,
        client.post(f"{address}/archive").status_code,
        client.get(f"{address}/snapshot").status_code,
        client.get(f"{address}/diff?against={template.public_id}").status_code,
        client.get(f"{address}/audit").status_code,
        client.get(f"{address}/assignments").status_code,
        client.post(f"{address}/assignments", {"team_id": "team_x"}).status_code,
        client.delete("/api/governance/assignments/asg_x").status_code,
    }

    assert codes == {403}
    assert (template.audit_entries.count(), WorkflowTemplate.objects.count()) == (before, 1)


def test_staff_in_the_group_of_compliance_administrators_pass() -> None:
    person = make_member(None, is_staff=True)
    person.groups.add(Group.objects.get(name="Compliance administrators"))

    assert client_of(User.objects.get(pk=person.pk)).get("/api/governance/templates").status_code == 200


def test_nobody_passes_without_credentials() -> None:
    assert APIClient().get("/api/governance/templates").status_code == 401
    assert APIClient().get("/api/governance/approvals/waiting").status_code == 401


def test_what_waits_is_listed_for_who_may_sign_it() -> None:
    bench = make_bench()
    request = make_request(bench, path="/exports/1")

    mine = client_of(bench.reviewer).get("/api/governance/approvals/waiting").json()
    others = client_of(bench.approver).get("/api/governance/approvals/waiting").json()
    sign(request, bench.reviewer)
    later = client_of(bench.reviewer).get("/api/governance/approvals/waiting").json()

    assert others == later == []
    assert (mine[0]["export_id"], mine[0]["stage_id"]) == (request.subject_id, request.stages.all()[0].public_id)
    assert (mine[0]["content_digest"], mine[0]["path"]) == (request.subject_digest, "/exports/1")
