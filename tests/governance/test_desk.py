"""The compliance desk in Django admin: every button asks a service, and a refusal is told in its own words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from governance_app.models import (
    ApprovalRequest,
    ApprovalStage,
    Signature,
    StageAction,
    TemplateAssignment,
    TemplateAudit,
    WorkflowTemplate,
)
from governance_app.services.approvals import StageSpec
from governance_app.services.assignments import assign_template
from tests.factories.governance import (
    PASSWORD,
    Bench,
    TemplateFactory,
    make_administrator,
    make_bench,
    make_request,
    make_signer,
    sign,
)
from tests.factories.sessions import make_team

pytestmark = pytest.mark.django_db
TEMPLATES = "admin:governance_app_workflowtemplate"
REQUESTS = "admin:governance_app_approvalrequest"


def client_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def desk() -> Client:
    return client_of(make_administrator(is_superuser=True))


@pytest.fixture
def bench() -> Bench:
    return make_bench()


def told(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def stage_fields(place: int, number: int, **values: Any) -> dict[str, Any]:
    fields = {"id": "", "place": number, "name": "Review", "required_role": "reviewer", "quorum": 1, **values}
    return {f"stages-{place}-{name}": value for name, value in fields.items()}


def template_form(*stages: dict[str, Any], held: int = 0, **values: Any) -> dict[str, Any]:
    form = {
        "template_key": "release",
        "name": "Release",
        "description": "",
        "stages-TOTAL_FORMS": len(stages),
        "stages-INITIAL_FORMS": held,
        "assignments-TOTAL_FORMS": 0,
        "assignments-INITIAL_FORMS": 0,
        **values,
    }
    for stage in stages:
        form |= stage
    return form


# -- templates -------------------------------------------------------------------------------------------------------


def test_a_template_is_drafted_with_its_stages_in_the_order_of_their_numbers(desk: Client) -> None:
    answer = desk.post(
        reverse(f"{TEMPLATES}_add"),
        template_form(
            stage_fields(0, 20, name="Approval", required_role="approver", sla_hours="48"),
            stage_fields(1, 10, meanings=["review"], stage_step_indexes="0, 2", stage_gate_keys="ph"),
            default_stage_sla_hours="12",
        ),
    )

    template = WorkflowTemplate.objects.get()
    assert answer.status_code == 302, answer.context["errors"]
    assert [(stage.position, stage.name, stage.meanings) for stage in template.stages.all()] == [
        (1, "Review", ["review"]),
        (2, "Approval", []),
    ]
    assert (template.stages.all()[0].stage_step_indexes, template.stages.all()[0].stage_gate_keys) == ([0, 2], ["ph"])
    assert (template.key_id, template.default_stage_sla_hours, template.status) == ("release", 12, "draft")
    assert list(TemplateAudit.objects.values_list("kind", flat=True)) == ["template.created"]


def test_two_stages_of_a_draft_change_places(desk: Client) -> None:
    template = TemplateFactory(template_key="release")
    first, second = template.stages.all()

    answer = desk.post(
        reverse(f"{TEMPLATES}_change", args=[template.pk]),
        template_form(
            stage_fields(0, 2, id=first.pk, name="Review", sla_hours="24"),
            stage_fields(1, 1, id=second.pk, name="Approval", required_role="approver"),
            held=2,
        ),
    )

    assert answer.status_code == 302, answer.context["errors"]
    assert [stage.name for stage in template.stages.order_by("position")] == ["Approval", "Review"]
    assert TemplateAudit.objects.filter(kind="template.edited").count() == 1


def test_what_is_wrong_with_a_stage_is_told_beside_it_and_nothing_is_kept(desk: Client) -> None:
    answer = desk.post(
        reverse(f"{TEMPLATES}_add"),
        template_form(stage_fields(0, 1, sla_hours="-1", quorum=0, stage_step_indexes="one"), permitted_roles=["qa"]),
    )

    assert answer.status_code == 200
    assert "Give the indexes of steps" in answer.content.decode()
    assert not WorkflowTemplate.objects.exists()


def test_a_role_the_template_does_not_permit_is_refused_in_place(desk: Client) -> None:
    answer = desk.post(reverse(f"{TEMPLATES}_add"), template_form(stage_fields(0, 1), permitted_roles=["qa"]))

    assert "does not permit the role" in answer.content.decode()
    assert not WorkflowTemplate.objects.exists()


def test_a_published_template_is_shown_and_not_edited(desk: Client) -> None:
    template = TemplateFactory(published=True)
    address = reverse(f"{TEMPLATES}_change", args=[template.pk])

    page = desk.get(address).content.decode()
    desk.post(address, template_form(name="Other"))

    assert template.snapshot.digest in page
    assert 'name="name"' not in page
    assert WorkflowTemplate.objects.get().name == "Release"


def test_a_team_is_assigned_and_unassigned_on_the_templates_page(desk: Client) -> None:
    template, team = TemplateFactory(published=True), make_team()
    address = reverse(f"{TEMPLATES}_change", args=[template.pk])
    new = {"assignments-TOTAL_FORMS": 1, "assignments-0-team": team.pk, "assignments-0-protocol": ""}

    desk.post(address, template_form(**new))
    assignment = TemplateAssignment.objects.get()
    gone = {
        "assignments-TOTAL_FORMS": 1,
        "assignments-INITIAL_FORMS": 1,
        "assignments-0-id": assignment.pk,
        "assignments-0-DELETE": "on",
    }
    desk.post(address, template_form(**gone))

    assert assignment.team == team
    assert not TemplateAssignment.objects.exists()
    kinds = list(TemplateAudit.objects.order_by("created_at", "id").values_list("kind", flat=True))
    assert kinds[-2:] == ["template.assigned", "template.unassigned"]


def test_buttons_publish_succeed_and_archive(desk: Client) -> None:
    template = TemplateFactory()
    publish, succeed, archive = (
        reverse(f"{TEMPLATES}_{button}", args=[template.pk]) for button in ("publish", "new_version", "archive")
    )

    asked = desk.get(publish)
    desk.post(publish)
    succeeded = desk.post(succeed)
    archived = desk.post(archive)

    template.refresh_from_db()
    draft = WorkflowTemplate.objects.get(version=2)
    assert (asked.status_code, template.snapshot.version) == (200, 1)
    assert (draft.status, succeeded.url) == ("draft", reverse(f"{TEMPLATES}_change", args=[draft.pk]))
    assert (template.status, archived.status_code) == ("archived", 302)


def test_a_newer_version_is_offered_to_govern_in_the_others_place(desk: Client) -> None:
    by = make_administrator()
    first, team = TemplateFactory(template_key="release", published=True), make_team()
    assign_template(template=first, team=team, by=by, at=timezone.now())
    second = TemplateFactory(template_key="release", published=True)
    button = reverse(f"{TEMPLATES}_take_over", args=[second.pk])

    offered = button in desk.get(reverse(f"{TEMPLATES}_change", args=[second.pk])).content.decode()
    desk.post(button)
    still = button in desk.get(reverse(f"{TEMPLATES}_change", args=[second.pk])).content.decode()

    assert (offered, still) == (True, False)
    assert TemplateAssignment.objects.get().template == second


def test_publishing_a_template_without_stages_is_told_in_plain_words(desk: Client) -> None:
    template = TemplateFactory(empty=True)

    answer = desk.post(reverse(f"{TEMPLATES}_publish", args=[template.pk]))

    assert told(answer) == ["A template needs at least one stage before it is published."]
    assert WorkflowTemplate.objects.get().status == "draft"


def test_versions_are_listed_and_compared(desk: Client) -> None:
    first = TemplateFactory(template_key="release", published=True)
    second = TemplateFactory(template_key="release", name="Release B", stage_blueprint=())

    page = desk.get(reverse(f"{TEMPLATES}_change", args=[second.pk])).content.decode()
    comparison = desk.get(reverse(f"{TEMPLATES}_compare", args=[second.pk, first.pk])).content.decode()

    assert reverse(f"{TEMPLATES}_compare", args=[second.pk, first.pk]) in page
    assert "Release B" in comparison
    assert "removed" in comparison


@pytest.mark.parametrize(
    "model", ["workflowtemplate", "templatesnapshot", "templateaudit", "signature", "approvalrequest"]
)
def test_every_list_opens_and_exports(desk: Client, bench: Bench, model: str) -> None:
    request = make_request(bench, template=TemplateFactory(published=True))
    sign(request, bench.reviewer)
    address = reverse(f"admin:governance_app_{model}_changelist")
    rows = {
        "workflowtemplate": WorkflowTemplate,
        "templateaudit": TemplateAudit,
        "signature": Signature,
        "approvalrequest": ApprovalRequest,
    }
    keys = [str(row.pk) for row in rows[model].objects.all()] if model in rows else [str(request.snapshot_id)]

    listed = desk.get(address)
    exported = desk.post(address, {"action": "export_csv", "_selected_action": keys})
    one = desk.get(reverse(f"admin:governance_app_{model}_change", args=[keys[0]]))

    assert (listed.status_code, one.status_code) == (200, 200)
    assert exported["Content-Type"].startswith("text/csv")
    assert len(b"".join(exported.streaming_content).splitlines()) == len(keys) + 1


@pytest.mark.parametrize("model", ["templatesnapshot", "templateaudit", "signature"])
def test_history_is_read_only_even_for_a_superuser(desk: Client, bench: Bench, model: str) -> None:
    sign(make_request(bench, template=TemplateFactory(published=True)), bench.reviewer)
    key = {
        "templatesnapshot": ApprovalRequest.objects.get().snapshot_id,
        "templateaudit": TemplateAudit.objects.all()[0].pk,
        "signature": Signature.objects.get().pk,
    }[model]

    codes = [
        desk.get(reverse(f"admin:governance_app_{model}_add")).status_code,
        desk.post(reverse(f"admin:governance_app_{model}_change", args=[key]), {"kind": "x"}).status_code,
        desk.post(reverse(f"admin:governance_app_{model}_delete", args=[key]), {"post": "yes"}).status_code,
    ]

    assert codes == [403, 403, 403]


def test_a_signature_is_checked_on_its_page(desk: Client, bench: Bench) -> None:
    sign(make_request(bench), bench.reviewer)

    page = desk.get(reverse("admin:governance_app_signature_change", args=[Signature.objects.get().pk]))

    assert "It holds: record, seal and timeline agree." in page.content.decode()


def test_templates_are_for_administrators(bench: Bench) -> None:
    bench.reviewer.is_staff = True
    bench.reviewer.save(update_fields=["is_staff"])
    template = TemplateFactory()
    client = client_of(bench.reviewer)

    codes = {
        client.get(reverse(f"{TEMPLATES}_changelist")).status_code,
        client.get(reverse(f"{TEMPLATES}_change", args=[template.pk])).status_code,
        client.post(reverse(f"{TEMPLATES}_add"), template_form(stage_fields(0, 1))).status_code,
    }

    assert codes == {403}
    assert WorkflowTemplate.objects.count() == 1


# -- requests --------------------------------------------------------------------------------------------------------


@pytest.fixture
def staff(bench: Bench) -> Bench:
    for person in (bench.reviewer, bench.approver, bench.lead, bench.outsider):
        person.is_staff = True
        person.save(update_fields=["is_staff"])
    return bench


def page_of(request: ApprovalRequest) -> str:
    return reverse(f"{REQUESTS}_change", args=[request.pk])


def signing(request: ApprovalRequest, **changes: Any) -> dict[str, Any]:
    return {
        "operation": "sign",
        "decision": "approved",
        "signature": "R. Viewer",
        "meaning": "approval",
        "notes": "",
        "password": PASSWORD,
        "content_digest": request.content_digest,
        "stage_id": request.stages.get(sequence_index=1).public_id,
        **changes,
    }


def test_a_stage_is_signed_on_the_requests_page(staff: Bench) -> None:
    request = make_request(staff, path="/exports/1")
    client = client_of(staff.reviewer)

    page = client.get(page_of(request)).content.decode()
    answer = client.post(page_of(request), signing(request))

    assert 'type="password"' in page
    assert 'href="/exports/1"' in page
    assert (answer.status_code, told(answer)) == (302, ["Signed."])
    assert Signature.objects.get().typed == "R. Viewer"


def test_a_wrong_password_is_told_and_signs_nothing(staff: Bench) -> None:
    request = make_request(staff)

    answer = client_of(staff.reviewer).post(page_of(request), signing(request, password="guess"))

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "The password is wrong. Nothing was signed." in page
    assert "guess" not in page
    assert 'value="R. Viewer"' in page
    assert not Signature.objects.exists()


def test_what_changed_since_the_page_was_read_is_not_signed(staff: Bench) -> None:
    request = make_request(staff)

    answer = client_of(staff.reviewer).post(page_of(request), signing(request, content_digest="0" * 64))

    assert "Read it again" in answer.content.decode()
    assert not Signature.objects.exists()


def test_who_may_not_sign_reads_why(staff: Bench) -> None:
    request = make_request(staff)

    page = client_of(staff.approver).get(page_of(request)).content.decode()
    answer = client_of(staff.approver).post(page_of(request), signing(request))

    assert "This stage is signed by the role Reviewer" in page
    assert 'type="password"' not in page
    assert answer.status_code == 422
    assert not Signature.objects.exists()


def test_a_stage_is_rejected_with_the_meaning_of_a_rejection(staff: Bench) -> None:
    request = make_request(staff)

    client_of(staff.reviewer).post(page_of(request), signing(request, decision="rejected", notes="Gap in the pH."))

    assert Signature.objects.get().meaning == "rejection"
    assert ApprovalRequest.objects.get().state == "rejected"


def test_a_lead_delegates_and_puts_back_on_the_page(staff: Bench) -> None:
    request = make_request(staff)
    other = make_signer(staff.team, Role.REVIEWER)
    client, stage = client_of(staff.lead), request.stages.get(sequence_index=1)
    due = (timezone.now() + timedelta(days=2)).replace(microsecond=0)

    delegated = client.post(
        page_of(request),
        {
            "operation": "delegate",
            "stage": stage.pk,
            "delegate": other.pk,
            "due_at_0": due.strftime("%Y-%m-%d"),
            "due_at_1": due.strftime("%H:%M:%S"),
            "notes": "On leave.",
        },
    )
    stage.refresh_from_db()
    held = (stage.status, stage.delegated_to, stage.due_at)
    put_back = client.post(page_of(request), {"operation": "reset", "stage": stage.pk, "notes": "Wrong person."})
    commented = client.post(page_of(request), {"operation": "comment", "stage": stage.pk, "notes": "Done."})

    stage.refresh_from_db()
    assert [told(answer)[-1] for answer in (delegated, put_back, commented)] == [
        "Delegated.",
        "Put back.",
        "Comment written.",
    ]
    assert held == ("delegated", other, due)
    assert (stage.status, stage.delegated_to) == ("in_progress", None)
    assert list(StageAction.objects.order_by("id").values_list("action_type", flat=True)) == [
        "delegated",
        "reset",
        "comment",
    ]


def test_a_refusal_of_the_rules_is_shown_on_the_page(staff: Bench) -> None:
    request = make_request(staff)

    answer = client_of(staff.lead).post(
        page_of(request),
        {
            "operation": "delegate",
            "stage": request.stages.get(sequence_index=1).pk,
            "delegate": staff.approver.pk,
            "notes": "",
        },
    )

    assert "could not sign this stage" in answer.content.decode()
    assert ApprovalStage.objects.filter(delegated_to__isnull=False).count() == 0


def test_another_teams_request_is_not_there(staff: Bench) -> None:
    request = make_request(staff)
    client = client_of(staff.outsider)

    listed = client.get(reverse(f"{REQUESTS}_changelist"))
    answers = [client.get(page_of(request)), client.post(page_of(request), signing(request))]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert str(request) not in listed.content.decode()
    assert not Signature.objects.exists()


def test_an_administrator_reads_and_does_not_sign(desk: Client, staff: Bench) -> None:
    request = make_request(staff)

    answer = desk.post(page_of(request), signing(request))

    assert answer.status_code == 422
    assert not Signature.objects.exists()


def test_the_list_shows_what_waits_and_what_is_overdue(staff: Bench) -> None:
    overdue = make_request(
        staff,
        stages=[StageSpec(required_role=Role.REVIEWER, sla_hours=1)],
        at=timezone.now() - timedelta(hours=30),
        label="Late one",
    )
    make_request(staff, stages=[StageSpec(required_role=Role.APPROVER)], at=timezone.now(), label="Calm one")
    done = make_request(staff, stages=[StageSpec(required_role=Role.REVIEWER)], at=timezone.now(), label="Done one")
    sign(done, staff.reviewer)
    client, address = client_of(staff.reviewer), reverse(f"{REQUESTS}_changelist")

    shown = {
        waiting: [
            name
            for name in ("Late one", "Calm one", "Done one")
            if name in client.get(f"{address}?waiting={waiting}").content.decode()
        ]
        for waiting in ("me", "somebody", "overdue")
    }

    assert shown == {"me": ["Late one"], "somebody": ["Late one", "Calm one"], "overdue": ["Late one"]}
    page = client.get(page_of(overdue)).content.decode()
    assert "overdue by" in page
    assert f"Not signed yet: {staff.reviewer}" in page
