"""Every page of the administration, walked by an auditor: all of it is read, none of it changed, every list leaves."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from biolab.accounts.desk import DeskGroup
from biolab.accounts.models import Team, User
from biolab.accounts.roles import PlatformRole, Role
from biolab.accounts.services.desk import give_desk
from biolab.accounts.services.people import change_person
from biolab.kernel.admin import ListAsCsv, ReadOnlyAdmin
from biolab.kernel.errors import Conflict, Forbidden, Invalid
from biolab.kernel.models import SecurityEntry
from governance_app.policies.approvals import may_administer
from sessions_app.models import LabSession, TimelineEvent
from tests.contract.test_access import World
from tests.exports.doors import client_of as api_client_of
from tests.factories.accounts import make_admin, make_person
from tests.factories.governance import make_administrator
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]

PAGES = sorted(admin.site._registry.items(), key=lambda page: page[0]._meta.label)


def placed(group: DeskGroup, role: str) -> User:
    return give_desk(person=make_person(role), groups=[group], by=None, at=NINE)


def client_of(person: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


def address(model: Any, name: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def buttons(page: Any) -> Iterator[tuple[str, bool, bool]]:
    """Yield the address part of each button, whether it stands on one object, and whether it only reads."""
    if not isinstance(page, ListAsCsv) or not hasattr(page, "_get_base_actions_list"):
        return
    for own, found in ((True, page._get_base_actions_detail()), (False, page._get_base_actions_list())):
        for each in found:
            yield each.action_name, own, getattr(each.method, "only_reads", False)


def test_an_auditor_reads_all_and_changes_nothing_every_list_leaves_and_history_stays() -> None:
    World()
    auditor, superuser = client_of(placed(DeskGroup.AUDITORS, PlatformRole.VIEWER)), client_of(make_admin())
    colleague = client_of(make_member(make_team("Another"), Role.OWNER, is_staff=True))
    written = (TimelineEvent.objects.count(), SecurityEntry.objects.count())
    wrong, opened = [], 0

    for model, page in PAGES:
        row = model._default_manager.order_by("pk").first()
        opened += row is not None
        wrong += [f"{model._meta.label}: {told}" for told in walked(auditor, model, page, row)]
        wrong += [f"{model._meta.label}: {told}" for told in exported(auditor, colleague, model, page)]
        wrong += [f"{model._meta.label}: {told}" for told in kept(superuser, model, page, row)]

    assert not wrong, "\n".join(wrong)
    assert opened > 25
    assert (TimelineEvent.objects.count(), SecurityEntry.objects.count()) == written


def walked(auditor: Client, model: Any, page: Any, row: Any) -> Iterator[str]:
    """Yield what an auditor finds wrong with the pages of one table."""
    listed = auditor.get(address(model, "changelist"))
    if listed.status_code != 200:
        yield "its list does not open"
    if auditor.get(address(model, "add")).status_code not in {403, 404}:
        yield "something can be added"
    for name, own, reads in buttons(page):
        if reads or (own and row is None):
            continue
        path = reverse(f"admin:{name}", args=[row.pk] if own else [])
        if {auditor.get(path).status_code, auditor.post(path, {"reason": "Because"}).status_code} != {403}:
            yield f"the button {name} can be pressed"
    if row is None:
        return
    if auditor.get(address(model, "change", row.pk)).status_code != 200:
        yield "a page does not open"
    if auditor.post(address(model, "change", row.pk), {}).status_code != 403:
        yield "something can be changed"
    if auditor.get(address(model, "delete", row.pk)).status_code != 403:
        yield "something can be deleted"
    allowed = set(page.get_actions(listed.wsgi_request))
    if not allowed <= {"export_csv"}:
        yield f"rows can be chosen for {allowed}"


def exported(auditor: Client, colleague: Client, model: Any, page: Any) -> Iterator[str]:
    """Yield what is wrong with a list that leaves as CSV."""
    answer = auditor.get(address(model, "export"))
    rows = list(csv.reader(io.StringIO(b"".join(answer).decode()))) if answer.status_code == 200 else [[]]
    columns = list(page.csv_columns or page.list_display)
    shown = page.get_queryset(answer.wsgi_request).count()
    if rows[0] != columns or len(rows) != shown + 1:
        yield f"{rows[0]} and {len(rows) - 1} of {shown} leave as CSV"
    refused = colleague.get(address(model, "export"))  # whoever signs finds there what waits for them, and no more
    if refused.status_code != 403 and b"".join(refused).count(b"\r\n") != 1:
        yield "leaves for somebody who does not see it"


def kept(superuser: Client, model: Any, page: Any, row: Any) -> Iterator[str]:
    """Yield what even the highest could do to history."""
    if not getattr(model, "append_only", False) and not isinstance(page, ReadOnlyAdmin):
        return
    if isinstance(page, ReadOnlyAdmin) and superuser.get(address(model, "add")).status_code not in {403, 404}:
        yield "is history and can be added to"
    if row is not None and superuser.post(address(model, "delete", row.pk), {"post": "yes"}).status_code != 403:
        yield "is history and can be deleted"
    if row is not None and superuser.post(address(model, "change", row.pk), {}).status_code in {200, 302}:
        yield "is history and can be changed"


def test_every_list_of_the_desk_can_leave() -> None:
    assert all(isinstance(page, ListAsCsv) for _, page in PAGES)


def test_a_list_leaves_as_it_is_filtered_and_no_cell_is_a_formula() -> None:
    team = make_team("=HYPERLINK(A1)")
    make_team("Another")

    answer = client_of(make_admin()).get(address(Team, "export"), {"q": "HYPERLINK"})

    header, row = list(csv.reader(io.StringIO(b"".join(answer).decode())))
    assert row[header.index("name")] == f"'{team.name}"


def test_an_auditor_reads_every_teams_sessions_and_writes_in_none() -> None:
    session = SessionFactory()
    auditor = placed(DeskGroup.AUDITORS, PlatformRole.VIEWER)
    note = {"timestamp": "2026-03-02T09:00:00Z", "content": "I was here"}

    pages = [address(LabSession, "change", session.pk), f"/sessions/{session.public_id}"]
    written = api_client_of(auditor).post(f"/api/sessions/{session.public_id}/notes", note, format="json")

    assert [client_of(auditor).get(page).status_code for page in pages] == [200, 200]
    assert written.status_code == 403 and not session.notes.exists()
    assert LabSession.objects.visible_to(auditor).exists()
    assert not auditor.is_admin and not may_administer(auditor)


def test_a_compliance_administrator_decides_in_governance_and_reads_the_rest() -> None:
    person = placed(DeskGroup.COMPLIANCE, PlatformRole.OPERATOR)

    assert may_administer(person)
    assert person.has_perm("governance_app.change_workflowtemplate")
    assert person.has_perm("sessions_app.view_labsession")
    assert not person.has_perm("sessions_app.change_protocol")
    assert not person.has_perm("accounts.change_user")


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        ([DeskGroup.AUDITORS], PlatformRole.OPERATOR),
        ([DeskGroup.COMPLIANCE], PlatformRole.VIEWER),
        ([DeskGroup.AUDITORS, DeskGroup.COMPLIANCE], PlatformRole.VIEWER),
    ],
)
def test_a_place_needs_the_role_that_goes_with_it(groups: list[DeskGroup], role: str) -> None:
    person = make_person(role)

    with pytest.raises(Invalid):
        give_desk(person=person, groups=groups, by=make_admin(), at=NINE)

    person.refresh_from_db()
    assert not person.is_staff and not person.groups.exists()


def test_places_are_given_by_administrators_and_written_down() -> None:
    person, admin_ = make_person(PlatformRole.VIEWER), make_admin()
    with pytest.raises(Forbidden):
        give_desk(person=person, groups=[DeskGroup.AUDITORS], by=make_person(), at=NINE)

    give_desk(person=person, groups=[DeskGroup.AUDITORS], by=admin_, at=NINE)
    with pytest.raises(Conflict):
        change_person(person=person, by=admin_, at=NINE, role=PlatformRole.OPERATOR)
    ended = give_desk(person=person, groups=[], by=admin_, at=NINE)

    assert not ended.is_staff and not ended.has_perm("sessions_app.view_labsession")
    assert SecurityEntry.objects.filter(kind="person.desk").count() == 2
    assert make_administrator().is_staff


def test_the_migration_made_both_groups() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(DeskGroup.values)


def test_an_administrator_gives_and_takes_a_place_on_the_persons_page() -> None:
    person, desk = make_person(PlatformRole.OPERATOR), client_of(make_admin())
    path = address(User, "change", person.pk)
    said = {"email": person.email, "username": person.username, "full_name": "Ada"}
    said |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}

    given = desk.post(path, {**said, "role": "viewer", "desk": ["Auditors"]})
    placed_now = User.objects.get(pk=person.pk)
    read = placed_now.is_staff and placed_now.has_perm("sessions_app.view_note")
    taken = desk.post(path, {**said, "role": "operator"})
    refused = desk.post(path, {**said, "role": "operator", "desk": ["Auditors"]}, follow=True)

    person.refresh_from_db()
    assert (given.status_code, taken.status_code) == (302, 302)
    assert read
    assert (person.role, person.is_staff, person.groups.count()) == ("operator", False, 0)
    assert "An auditor changes nothing" in refused.content.decode()
