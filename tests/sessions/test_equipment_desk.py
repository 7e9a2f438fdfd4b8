"""Equipment and calibrations at the desk."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from biolab.accounts.models import Team
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.models import SecurityEntry
from sessions_app.models import Calibration, Equipment
from tests.factories.equipment import make_equipment
from tests.factories.sessions import NINE, make_member, make_team

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NO_INLINES = {"calibrations-TOTAL_FORMS": "0", "calibrations-INITIAL_FORMS": "0"}


def desk(team: Team | None = None) -> Client:
    """Return the desk of an administrator, who leads the team where one is given."""
    client = Client()
    staff = {"role_on_platform": PlatformRole.ADMIN, "is_staff": True, "is_superuser": True}
    client.force_login(make_member(team, Role.LEAD, **staff))  # type: ignore[arg-type]
    return client


def page(model: str, name: str, *ids: object) -> str:
    """Return the address of a page of the administration."""
    return reverse(f"admin:sessions_app_{model}_{name}", args=ids)


def written() -> list[Any]:
    """Return what these pages may write."""
    return [list(table.objects.order_by("pk").values_list()) for table in (Equipment, Calibration, SecurityEntry)]


def test_equipment_is_registered_and_changed_through_the_services() -> None:
    team = make_team()
    client = desk(team)
    form = {
        "name": "Reactor",
        "code": "BR-1",
        "description": "",
        "first_due_at_0": "2026-04-01",
        "first_due_at_1": "00:00",
    }

    assert client.post(page("equipment", "add"), {"team": team.pk, **form} | NO_INLINES).status_code == 302
    equipment = Equipment.objects.get()
    assert (equipment.code, f"{equipment.first_due_at:%Y-%m-%d}") == ("BR-1", "2026-04-01")
    changed = {"name": "Bioreactor", "code": "BR-1", "description": "20 l"}
    assert client.post(page("equipment", "change", equipment.pk), changed | NO_INLINES).status_code == 302
    equipment.refresh_from_db()
    assert (equipment.name, equipment.description, equipment.version) == ("Bioreactor", "20 l", 2)
    noted = SecurityEntry.objects.order_by("sequence").values_list("kind", flat=True)
    assert [kind for kind in noted if kind.startswith("equipment.")] == ["equipment.registered", "equipment.changed"]


def test_a_calibration_is_recorded_and_never_changed() -> None:
    team = make_team()
    equipment, client = make_equipment(team), desk(team)
    form = {
        "equipment": equipment.pk,
        "performed_at_0": "2026-03-01",
        "performed_at_1": "10:00",
        "due_at_0": "2026-06-01",
        "due_at_1": "10:00",
        "reference": "DKD 7",
        "notes": "",
    }

    assert client.post(page("calibration", "add"), form).status_code == 302
    calibration = Calibration.objects.get()
    assert (calibration.equipment, calibration.reference) == (equipment, "DKD 7")
    before = written()
    assert client.get(page("calibration", "change", calibration.pk)).status_code == 200
    assert client.post(page("calibration", "change", calibration.pk), form).status_code == 403
    assert client.post(page("calibration", "delete", calibration.pk), {"post": "yes"}).status_code == 403
    assert client.post(page("equipment", "delete", equipment.pk), {"post": "yes"}).status_code == 403
    assert written() == before


@pytest.mark.parametrize(
    ("chosen", "names"), [({}, ["A", "B", "C"]), ({"overdue": "yes"}, ["B"]), ({"overdue": "no"}, ["A", "C"])]
)
def test_what_is_overdue_is_found(chosen: dict[str, str], names: list[str]) -> None:
    team = make_team()
    lead = make_member(team)
    make_equipment(team, by=lead, name="A", calibrated=(NINE - 90 * DAY, NINE + 20_000 * DAY))
    make_equipment(team, by=lead, name="B", calibrated=(NINE - 90 * DAY, NINE - DAY))
    make_equipment(team, by=lead, name="C")

    listed = desk().get(page("equipment", "changelist"), chosen)

    assert [row.name for row in listed.context["cl"].result_list] == names


def test_lists_and_pages_open_and_leave_as_csv() -> None:
    equipment = make_equipment(name="Reactor", calibrated=(NINE - 90 * DAY, NINE - DAY))
    client = desk()
    rows = {"equipment": equipment.pk, "calibration": equipment.calibrations.get().pk}

    for model, pk in rows.items():
        assert client.get(page(model, "change", pk)).status_code == 200
        chosen = {"action": "export_csv", "_selected_action": [str(pk)]}
        lines = b"".join(client.post(page(model, "changelist"), chosen)).decode()
        assert "Reactor" in lines


def test_a_superuser_gets_no_right_that_the_team_refuses() -> None:
    equipment, client = make_equipment(), desk()
    before = written()

    told = client.post(
        page("equipment", "change", equipment.pk), {"name": "Mine", "code": ""} | NO_INLINES, follow=True
    )

    assert "Your role in this team does not allow this" in told.content.decode()
    assert written() == before
