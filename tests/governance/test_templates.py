"""Templates: versions without gaps, one latest, snapshots that stay what they were."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from biolab.kernel import append_only, security
from biolab.kernel.canonical import canonical, sha256
from biolab.kernel.errors import Conflict, Invalid, Refusal
from biolab.kernel.models import SecurityEntry
from governance_app.errors import AdministratorsOnly, TemplateArchived, TemplateDrifted, TemplateFixed
from governance_app.models import TemplateAudit, TemplateKey, TemplateSnapshot, WorkflowTemplate
from governance_app.rules.blueprint import StageBlueprint
from governance_app.selectors.approvals import compare_templates
from governance_app.services.assignments import (
    assign_template,
    choose_snapshot,
    outdated_assignments,
    resolve_snapshot,
    take_over_assignments,
    unassign_template,
)
from governance_app.services.templates import (
    archive_template,
    create_template,
    edit_template,
    publish_template,
    succeed_template,
)
from tests.factories.governance import (
    APPROVAL,
    REVIEW,
    TemplateFactory,
    make_administrator,
    make_bench,
    make_request,
    sign,
)
from tests.factories.sessions import NINE, ProtocolFactory, SessionFactory, make_member, make_team

pytestmark = pytest.mark.django_db
LATER = NINE + timedelta(hours=1)


def kinds() -> list[str]:
    return list(TemplateAudit.objects.order_by("created_at", "id").values_list("kind", flat=True))


def test_an_existing_key_gives_the_next_version_which_is_now_the_latest() -> None:
    first = TemplateFactory(template_key="release", published=True)

    second = TemplateFactory(template_key="release")

    first.refresh_from_db()
    assert (second.version, second.is_latest, second.forked_from) == (2, True, first)
    assert (first.is_latest, first.status) == (False, "published")


def test_a_fork_keeps_its_parents_key_and_grows_from_it() -> None:
    first = TemplateFactory(template_key="release")
    TemplateFactory(template_key="release")

    fork = create_template(name="Fork", forked_from=first, by=first.created_by, at=NINE)

    assert (fork.key_id, fork.version, fork.forked_from) == ("release", 3, first)


def test_a_fork_under_another_key_is_refused() -> None:
    parent = TemplateFactory()

    with pytest.raises(Invalid) as refused:
        create_template(template_key="other", name="Fork", forked_from=parent, by=parent.created_by, at=NINE)

    assert refused.value.facts["errors"][0]["pointer"] == "/template_key"
    assert not TemplateKey.objects.filter(key="other").exists()


def test_a_version_after_an_archived_one_never_takes_its_number() -> None:
    TemplateFactory(template_key="release", archived=True)

    assert TemplateFactory(template_key="release").version == 2


def _create(*, template: WorkflowTemplate, by: User, at: datetime) -> WorkflowTemplate:
    return create_template(template_key=template.key_id, name="Mine", by=by, at=at)


@pytest.mark.parametrize("write", [_create, edit_template, publish_template, archive_template, succeed_template])
def test_nobody_but_administrators_writes_templates(write: Callable[..., WorkflowTemplate]) -> None:
    template = TemplateFactory()
    person = make_member(make_team(), Role.OWNER)
    before = TemplateAudit.objects.count(), WorkflowTemplate.objects.get().updated_at

    with pytest.raises(AdministratorsOnly):
        write(template=template, by=person, at=LATER)

    assert (TemplateAudit.objects.count(), WorkflowTemplate.objects.get().updated_at) == before


@pytest.mark.parametrize(
    ("stage", "pointer"),
    [
        (StageBlueprint(name=" ", required_role="reviewer"), "/stage_blueprint/0/name"),
        (StageBlueprint(name="Review", required_role="janitor"), "/stage_blueprint/0/required_role"),
        (StageBlueprint(name="Review", required_role="qa"), "/stage_blueprint/0/required_role"),
        (StageBlueprint(name="Review", required_role="reviewer", sla_hours=0), "/stage_blueprint/0/sla_hours"),
        (StageBlueprint(name="Review", required_role="reviewer", sla_hours=1e9), "/stage_blueprint/0/sla_hours"),
        (StageBlueprint(name="Review", required_role="reviewer", quorum=0), "/stage_blueprint/0/quorum"),
        (StageBlueprint(name="Review", required_role="reviewer", meanings=("fun",)), "/stage_blueprint/0/meanings/0"),
        (
            StageBlueprint(name="Review", required_role="reviewer", metadata={"big": 2**60}),
            "/stage_blueprint/0/metadata",
        ),
    ],
)
def test_a_blueprint_that_no_ladder_can_follow_is_refused(stage: StageBlueprint, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        TemplateFactory(stage_blueprint=[stage], permitted_roles=["reviewer", "approver"])

    assert refused.value.facts["errors"][0]["pointer"] == pointer
    assert not WorkflowTemplate.objects.exists()


def test_publishing_freezes_the_canonical_text_and_its_digest() -> None:
    template = TemplateFactory(published=True, default_stage_sla_hours=12, permitted_roles=["reviewer", "approver"])

    snapshot = TemplateSnapshot.objects.get()

    assert (snapshot.template, snapshot.status, snapshot.captured_at) == (template, "published", NINE)
    assert snapshot.payload_text.encode() == canonical(snapshot.payload)
    assert snapshot.digest == sha256(snapshot.payload_text.encode())
    assert snapshot.payload["stage_blueprint"] == [REVIEW.as_wire(), APPROVAL.as_wire()]
    assert snapshot.payload["default_stage_sla_hours"] == 12
    assert kinds() == ["template.created", "template.snapshot.created", "template.published"]


def test_what_changes_the_rules_stands_in_the_security_log() -> None:
    template = TemplateFactory(published=True)
    assign_template(template=template, team=make_team(), by=template.created_by, at=NINE)
    make_request(make_bench(), template=template)

    entries = SecurityEntry.objects.filter(kind__startswith="template.").order_by("sequence")

    assert [entry.kind for entry in entries] == kinds()[:-1]
    assert kinds()[-1] == "export.snapshot.bound"
    assert entries[0].record["detail"]["template_id"] == template.public_id
    assert security.verify().valid


def test_publishing_again_changes_nothing() -> None:
    template = TemplateFactory(published=True)

    publish_template(template=template, by=template.created_by, at=LATER)

    assert TemplateSnapshot.objects.get().captured_at == NINE
    assert kinds().count("template.published") == 1


def test_a_template_without_stages_is_not_published() -> None:
    template = TemplateFactory(empty=True)

    with pytest.raises(Invalid):
        publish_template(template=template, by=template.created_by, at=LATER)

    assert WorkflowTemplate.objects.get().status == "draft"
    assert not TemplateSnapshot.objects.exists()


def test_an_archived_template_is_not_published() -> None:
    template = TemplateFactory()
    archive_template(template=template, by=template.created_by, at=NINE)

    with pytest.raises(Conflict):
        publish_template(template=template, by=template.created_by, at=LATER)

    assert not TemplateSnapshot.objects.exists()


def test_archiving_twice_changes_nothing() -> None:
    template = TemplateFactory(published=True)

    archive_template(template=template, by=template.created_by, at=NINE)
    archive_template(template=template, by=template.created_by, at=LATER)

    stored = WorkflowTemplate.objects.get()
    assert (stored.status, stored.is_latest, stored.archived_at) == ("archived", False, NINE)
    assert kinds().count("template.archived") == 1


def test_a_draft_is_edited_and_the_audit_keeps_both_sides() -> None:
    template = TemplateFactory()

    edit_template(template=template, name="Release B", stage_blueprint=[APPROVAL], by=template.created_by, at=LATER)

    stored = WorkflowTemplate.objects.get()
    assert (stored.name, [stage.name for stage in stored.stages.all()]) == ("Release B", ["Approval"])
    changes = TemplateAudit.objects.get(kind="template.edited").detail["changes"]
    assert changes[0] == {"field": "name", "before": "Release", "after": "Release B"}
    assert changes[1]["field"] == "stage_blueprint"


@pytest.mark.parametrize("trait", ["published", "archived"])
def test_only_drafts_are_edited(trait: str) -> None:
    template = TemplateFactory(**{trait: True})

    with pytest.raises(TemplateFixed):
        edit_template(template=template, name="Other", by=template.created_by, at=LATER)

    assert WorkflowTemplate.objects.get().name == "Release"
    assert "template.edited" not in kinds()


def test_a_successor_starts_with_the_content_of_its_parent() -> None:
    parent = TemplateFactory(published=True, allow_repeat_signers=True)

    draft = succeed_template(template=parent, by=parent.created_by, at=LATER)

    comparison = compare_templates(parent, draft)
    assert (draft.status, draft.version, draft.forked_from) == ("draft", 2, parent)
    assert comparison["fields"] == []
    assert [stage["change"] for stage in comparison["stages"]] == ["unchanged", "unchanged"]


def test_two_versions_are_compared_stage_by_stage() -> None:
    before = TemplateFactory(template_key="release")
    longer = StageBlueprint(name="Review", required_role="reviewer", sla_hours=48, meanings=("review",))
    after = TemplateFactory(template_key="release", name="Release B", stage_blueprint=[longer])

    comparison = compare_templates(before, after)

    assert comparison["fields"] == [{"field": "name", "before": "Release", "after": "Release B"}]
    assert [(stage["change"], stage["fields"]) for stage in comparison["stages"]] == [
        ("changed", [{"field": "sla_hours", "before": 24, "after": 48}]),
        ("removed", []),
    ]


def test_the_database_keeps_one_latest_version_per_key() -> None:
    first = TemplateFactory(template_key="release")
    TemplateFactory(template_key="release")

    with pytest.raises(IntegrityError), transaction.atomic():
        WorkflowTemplate.objects.filter(pk=first.pk).update(is_latest=True)


def test_the_database_keeps_versions_apart() -> None:
    first = TemplateFactory(template_key="release")
    TemplateFactory(template_key="release")

    with pytest.raises(IntegrityError), transaction.atomic():
        WorkflowTemplate.objects.filter(pk=first.pk).update(version=2)


# -- which template governs ------------------------------------------------------------------------------------------


def test_a_session_without_an_assignment_is_governed_by_none() -> None:
    assert resolve_snapshot(session=SessionFactory()) is None


def test_the_protocols_template_goes_before_the_teams() -> None:
    team = make_team()
    protocol = ProtocolFactory(team=team)
    session = SessionFactory(team=team, protocol=protocol)
    for_team, for_protocol = TemplateFactory(published=True), TemplateFactory(published=True)
    administrator = make_administrator()

    assign_template(template=for_team, team=team, by=administrator, at=NINE)
    assert resolve_snapshot(session=session) == for_team.snapshot
    assign_template(template=for_protocol, protocol=protocol, by=administrator, at=NINE)

    assert resolve_snapshot(session=session) == for_protocol.snapshot


def test_two_templates_at_one_level_are_a_conflict_that_names_both() -> None:
    session = SessionFactory()
    templates = [TemplateFactory(published=True, template_key=key) for key in ("alpha", "beta")]
    for template in templates:
        assign_template(template=template, team=session.team, by=make_administrator(), at=NINE)

    with pytest.raises(Conflict) as refused:
        resolve_snapshot(session=session)

    assert refused.value.code == "ambiguous_template"
    assert refused.value.facts["candidates"] == [template.public_id for template in templates]


def test_an_assigned_template_that_is_archived_is_not_passed_over_in_silence() -> None:
    session = SessionFactory()
    template = TemplateFactory(published=True)
    assign_template(template=template, team=session.team, by=make_administrator(), at=NINE)
    archive_template(template=template, by=make_administrator(), at=NINE)

    with pytest.raises(TemplateArchived):
        resolve_snapshot(session=session)


def test_an_archived_version_gives_way_to_one_in_use() -> None:
    session = SessionFactory()
    old, new = (TemplateFactory(published=True, template_key="release") for _ in range(2))
    for template in (old, new):
        assign_template(template=template, team=session.team, by=make_administrator(), at=NINE)
    archive_template(template=old, by=make_administrator(), at=NINE)

    assert resolve_snapshot(session=session) == new.snapshot


def test_an_assignment_ends_and_the_audit_keeps_it() -> None:
    session = SessionFactory()
    template = TemplateFactory(published=True)
    assignment = assign_template(template=template, team=session.team, by=make_administrator(), at=NINE)

    unassign_template(assignment=assignment, by=make_administrator(), at=LATER)

    assert resolve_snapshot(session=session) is None
    assert TemplateAudit.objects.get(kind="template.unassigned").detail["team_id"] == session.team.public_id


@pytest.mark.parametrize(
    ("trait", "refusal"), [({}, TemplateFixed), ({"archived": True}, TemplateArchived)], ids=["draft", "archived"]
)
def test_only_published_templates_are_assigned(trait: dict[str, bool], refusal: type[Refusal]) -> None:
    template = TemplateFactory(**trait)

    with pytest.raises(refusal):
        assign_template(template=template, team=make_team(), by=make_administrator(), at=NINE)

    assert not template.assignments.exists()


def test_the_same_assignment_twice_is_a_conflict() -> None:
    template, team = TemplateFactory(published=True), make_team()
    assign_template(template=template, team=team, by=make_administrator(), at=NINE)

    with pytest.raises(Conflict) as refused:
        assign_template(template=template, team=team, by=make_administrator(), at=NINE)

    assert refused.value.code == "already_assigned"
    assert kinds().count("template.assigned") == 1


def test_an_assignment_names_a_team_or_a_protocol() -> None:
    template, protocol = TemplateFactory(published=True), ProtocolFactory()

    for team, other in ((None, None), (protocol.team, protocol)):
        with pytest.raises(Invalid):
            assign_template(template=template, team=team, protocol=other, by=make_administrator(), at=NINE)

    assert not template.assignments.exists()


def test_a_named_template_must_be_published_and_own_the_named_snapshot() -> None:
    session = SessionFactory()
    draft, one, two = TemplateFactory(), TemplateFactory(published=True), TemplateFactory(published=True)

    with pytest.raises(Invalid) as unpublished:
        choose_snapshot(session=session, template_id=draft.public_id)
    with pytest.raises(Invalid) as foreign:
        choose_snapshot(session=session, template_id=one.public_id, snapshot_id=two.snapshot.public_id)

    assert unpublished.value.code == "template_draft"
    assert foreign.value.code == "snapshot_of_another_template"
    assert choose_snapshot(session=session, template_id=one.public_id) == one.snapshot
    assert choose_snapshot(session=session, snapshot_id=two.snapshot.public_id) == two.snapshot


def test_a_snapshot_that_drifted_is_refused_everywhere() -> None:
    bench = make_bench()
    template = TemplateFactory(published=True)
    request = make_request(bench, template=template)
    tamper(template.snapshot)

    with pytest.raises(TemplateDrifted):
        choose_snapshot(session=bench.session, template_id=template.public_id)
    with pytest.raises(TemplateDrifted):
        make_request(bench, template=WorkflowTemplate.objects.get())
    with pytest.raises(TemplateDrifted):
        sign(request, bench.reviewer)
    with pytest.raises(TemplateDrifted):
        assign_template(template=template, team=bench.team, by=make_administrator(), at=NINE)

    told = SecurityEntry.objects.get(kind="signature.refused").record["detail"]
    assert told["reason"] == "template_drifted"
    assert not template.assignments.exists()
    assert not request.stages.filter(status="approved").exists()
    assert template.snapshot.requests.count() == 1


def tamper(snapshot: TemplateSnapshot) -> None:
    """Change the text behind the application's back, with the triggers out of the way."""
    table = TemplateSnapshot._meta.db_table
    connection.check_constraints()
    append_only.remove(connection, table)
    try:
        TemplateSnapshot.objects.filter(pk=snapshot.pk).update(
            payload_text=snapshot.payload_text.replace("reviewer", "observer")
        )
    finally:
        connection.check_constraints()
        append_only.install(connection, table)


def test_a_newer_version_takes_over_only_when_it_is_asked_to() -> None:
    bench, by = make_bench(), make_administrator()
    first = TemplateFactory(template_key="release", published=True)
    second = TemplateFactory(template_key="release", published=True)
    other = TemplateFactory(published=True)
    for version in (first, second):
        assign_template(template=version, team=bench.team, by=by, at=NINE)
    assign_template(template=first, protocol=ProtocolFactory(), by=by, at=NINE)
    assign_template(template=other, team=bench.team, by=by, at=NINE)

    third = succeed_template(template=second, by=by, at=NINE)
    before = outdated_assignments(third).count()
    with pytest.raises(TemplateFixed):
        take_over_assignments(template=third, by=by, at=NINE)
    with pytest.raises(AdministratorsOnly):
        take_over_assignments(template=third, by=bench.lead, at=NINE)
    publish_template(template=third, by=by, at=NINE)
    held = (first.assignments.count(), third.assignments.count())
    take_over_assignments(template=third, by=by, at=LATER)

    assert (before, held) == (3, (2, 0))
    assert [first.assignments.count(), second.assignments.count(), other.assignments.count()] == [0, 0, 1]
    assert sorted((row.team_id is not None, row.protocol_id is not None) for row in third.assignments.all()) == [
        (False, True),
        (True, False),
    ]
    assert kinds().count("template.unassigned") == 3
    with pytest.raises(Conflict):
        take_over_assignments(template=third, by=by, at=LATER)
