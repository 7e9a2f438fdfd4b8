"""Every list door × how many queries it asks, pinned; and as many for a longer list, whoever its rows are by."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from biolab.accounts.models import Membership
from biolab.accounts.roles import Role
from biolab.accounts.services.notifications import notify
from biolab.accounts.states import Category
from biolab.kernel.ids import find
from governance_app.models import OverrideAction, WorkflowTemplate
from governance_app.services.assignments import assign_template
from governance_app.services.audit_reviews import sign_audit_review
from governance_app.services.templates import write_audit
from sessions_app.models import Equipment, NotebookEntry, Protocol
from sessions_app.services.equipment import record_calibration
from sessions_app.services.logs import write_log
from sessions_app.services.notebook import change_entry
from sessions_app.services.notes import correct_note, write_note
from sessions_app.services.protocols import change_protocol
from telemetry_app.models import ChannelMapping, Plugin
from telemetry_app.services.plugins import add_mapping, add_plugin
from telemetry_app.states import AlarmKind
from tests.contract.test_access import World
from tests.exports.doors import client_of
from tests.factories.accounts import make_token
from tests.factories.baselines import propose
from tests.factories.equipment import make_equipment
from tests.factories.exports import add_readings, approve, make_export
from tests.factories.governance import PASSWORD, TemplateFactory, make_administrator, make_signer
from tests.factories.guardrails import make_simulation
from tests.factories.imports import make_failed_import
from tests.factories.notebook import make_entry, make_file
from tests.factories.overrides import make_coaching_note
from tests.factories.sessions import NINE, ProtocolFactory, SessionFactory, make_member, make_team
from tests.factories.speech import make_task

pytestmark = pytest.mark.django_db

LONGER_BY = 2
_numbers = itertools.count(1)


class Bench(World):
    """The world of the access table, in which every list can be made longer, mostly by somebody new."""

    def person(self, role: Role = Role.LEAD) -> Any:
        """Return somebody new in the team who may sign."""
        return make_member(self.bench.team, role)

    def session(self) -> None:
        SessionFactory(team=self.bench.team, by=self.person(), with_steps=True, completed=True)

    def note_written(self) -> None:
        number, by = next(_numbers), self.person()
        at = NINE + timedelta(seconds=number)
        write_note(session=self.running, by=by, at=at, timestamp=at, content=f"Clear {number}")

    def note_corrected(self) -> None:
        self.note = correct_note(note=self.note, by=self.person(), at=NINE, content=f"Clear {next(_numbers)}")

    def crew(self) -> None:
        self.running.crew.add(self.person())

    def protocol(self) -> None:
        ProtocolFactory(team=self.bench.team, by=self.person())

    def protocol_version(self) -> None:
        assert self.running.protocol_version is not None
        protocol = Protocol.objects.get(pk=self.running.protocol_version.protocol_id)
        change_protocol(protocol=protocol, by=self.person(), at=NINE, content=f"Fill {next(_numbers)}")

    def equipment(self) -> None:
        by = self.person()
        make_equipment(self.bench.team, by=by, calibrated=(NINE, NINE + timedelta(days=30)))

    def calibration(self) -> None:
        kept = Equipment.objects.order_by("pk").first()
        assert kept is not None
        at = NINE + timedelta(seconds=next(_numbers))
        record_calibration(equipment=kept, by=self.person(), at=at, performed_at=at, due_at=at + timedelta(days=1))

    def entry(self) -> None:
        make_entry(self.person(), self.running)

    def entry_version(self) -> None:
        entry = NotebookEntry.objects.order_by("created_at", "pk").first()
        assert entry is not None
        change_entry(entry=entry, by=entry.created_by, at=NINE, content=f"Changed {next(_numbers)}")

    def file(self) -> None:
        make_file(self.person(), self.running, data=f"a,b\n1,{next(_numbers)}\n".encode())

    def team(self) -> None:
        Membership.objects.create(team=make_team(), user=self.bench.lead, role=Role.LEAD)

    def token(self) -> None:
        make_token(self.bench.lead, team=self.bench.team)

    def notification(self) -> None:
        notify([self.bench.lead], title=f"Told {next(_numbers)}", category=Category.SYSTEM, at=NINE)

    def speech(self) -> None:
        make_task(self.running, by=self.person(), name=f"chunk {next(_numbers)}")

    def log(self) -> None:
        write_log(team=self.bench.team, by=self.person(), at=NINE, content="Up")

    def channel(self) -> None:
        add_readings(self.running, 2, channels=(f"channel {next(_numbers)}",))

    def imported(self) -> None:
        make_failed_import(self.running, by=self.person())

    def alarm(self) -> None:
        by, at = self.person(), NINE + timedelta(seconds=next(_numbers))
        self.running.alarms.create(
            channel=self.probe,
            kind=AlarmKind.SILENCE,
            opened_at=at,
            closed_at=at,
            acknowledged_by=by,
            acknowledged_at=at,
        )

    def plugged(self) -> None:
        name = f"Bed {next(_numbers)}"
        plugin = Plugin(team=self.bench.team, plugin_id="simulated", instance_name=name)
        add_plugin(plugin=plugin, by=self.person(), at=NINE)

    def mapped(self) -> None:
        name = f"wire {next(_numbers)}"
        mapping = ChannelMapping(plugin=self.plugin, channel_id_of_device=name, channel_name=name, direction="input")
        add_mapping(mapping=mapping, by=self.bench.lead, at=NINE)

    def simulated(self) -> None:
        make_simulation(self.running, by=self.person(Role.SCIENTIST))

    def export(self) -> None:
        make_export(self.bench, by=self.person(Role.SCIENTIST))

    def job(self) -> None:
        approve(make_export(self.bench, by=self.person(Role.SCIENTIST)), self.bench)

    def template(self) -> None:
        TemplateFactory(published=True, by=make_administrator())

    def template_changed(self) -> None:
        template = find(WorkflowTemplate.objects.all(), self.ids["tid"])
        write_audit(template, "edited", by=make_administrator(), at=NINE, name=f"Mine {next(_numbers)}")

    def assigned(self) -> None:
        template = find(WorkflowTemplate.objects.all(), self.ids["tid"])
        assign_template(template=template, team=make_team(), by=make_administrator(), at=NINE)

    def coached(self) -> None:
        override = find(OverrideAction.objects.all(), self.ids["override_id"])
        make_coaching_note(override, self.person(), body=f"Why {next(_numbers)}?")

    def audited(self) -> None:
        auditor = make_signer(self.bench.team, Role.QA)
        self.running.refresh_from_db()
        sign_audit_review(
            session=self.running,
            first_sequence=1,
            last_sequence=1,
            signature="Q",
            password=PASSWORD,
            by=auditor,
            at=NINE,
        )

    def baseline(self) -> None:
        propose(self.running, by=self.person(), reviewer=self.person())


PINNED: dict[str, tuple[str, Callable[[Bench], Any], int]] = {
    "/api/v1/users": ("admin", Bench.person, 2),
    "/api/v1/tokens": ("lead", Bench.token, 2),
    "/api/teams": ("lead", Bench.team, 2),
    "/api/teams/{team_id}/members": ("lead", Bench.person, 2),
    "/api/notifications": ("lead", Bench.notification, 1),
    "/api/sessions": ("lead", Bench.session, 1),
    "/api/sessions?q=run": ("lead", Bench.session, 1),
    "/api/sessions/{sid}/notes": ("lead", Bench.note_written, 2),
    "/api/sessions/{sid}/notes?q=clear&type=observation": ("lead", Bench.note_written, 2),
    "/api/sessions/{sid}/notes/{nid}/history": ("lead", Bench.note_corrected, 3),
    "/api/sessions/{sid}/stt/tasks": ("lead", Bench.speech, 2),
    "/api/query/search?session={sid}&q=channel": ("lead", Bench.channel, 3),
    "/api/sessions/{sid}/telemetry": ("lead", Bench.channel, 6),
    "/api/sessions/{sid}/telemetry/imports": ("lead", Bench.imported, 2),
    "/api/sessions/{sid}/alarms": ("lead", Bench.alarm, 2),
    "/api/experiment-console/sessions": ("lead", Bench.session, 1),
    "/api/experiment-console/sessions/{execution_id}/crew": ("lead", Bench.crew, 2),
    "/api/experiment-console/sessions/{execution_id}/timeline": ("lead", Bench.note_written, 2),
    "/api/experiment-console/governance/timeline?execution_id={execution_id}": ("lead", Bench.coached, 2),
    "/api/governance/overrides/{override_id}/coaching-notes": ("lead", Bench.coached, 4),
    "/api/experiment-console/sessions/{sid}/exports/narrative": ("lead", Bench.export, 9),
    "/api/experiment-console/exports/narrative/jobs": ("lead", Bench.job, 6),
    "/api/protocols": ("lead", Bench.protocol, 2),
    "/api/protocols/{protocol_id}/versions": ("lead", Bench.protocol_version, 2),
    "/api/equipment": ("lead", Bench.equipment, 1),
    "/api/equipment/{equipment_id}/calibrations": ("lead", Bench.calibration, 2),
    "/api/notebook/entries": ("lead", Bench.entry, 1),
    "/api/notebook/entries/evidence": ("lead", Bench.entry, 1),
    "/api/notebook/entries/{entry_id}/versions": ("lead", Bench.entry_version, 2),
    "/api/files": ("lead", Bench.file, 1),
    "/api/data/evidence?limit=1000": ("lead", Bench.file, 1),
    "/api/v1/experiments": ("lead", Bench.session, 2),
    "/api/v1/logs?page_size=100": ("lead", Bench.log, 2),
    "/api/v1/logging?page_size=100": ("lead", Bench.log, 2),
    "/api/v1/events": ("lead", Bench.channel, 2),
    "/api/v1/datapoints": ("lead", Bench.channel, 15),
    "/api/v1/datapoints/latest": ("lead", Bench.channel, 3),
    "/api/v1/plugins": ("lead", Bench.plugged, 3),
    "/api/v1/plugins/{plugin_id}/channels": ("lead", Bench.mapped, 2),
    "/api/query/events?session={sid}": ("lead", Bench.note_written, 2),
    "/api/governance/guardrails/simulations": ("lead", Bench.simulated, 1),
    "/api/governance/guardrails/health": ("lead", Bench.export, 9),
    "/api/governance/sessions/{execution_id}/audit-reviews": ("lead", Bench.audited, 4),
    "/api/governance/baselines": ("lead", Bench.baseline, 3),
    "/api/governance/templates": ("admin", Bench.template, 5),
    "/api/governance/templates/{tid}/audit": ("admin", Bench.template_changed, 6),
    "/api/governance/templates/{tid}/assignments": ("admin", Bench.assigned, 6),
    "/api/governance/approvals/waiting": ("reviewer", Bench.export, 3),
}
NOT_GROWING = {"/api/notifications/preferences"}  # one row for each category and way
BOOKKEEPING = ("BEGIN", "SAVEPOINT", "RELEASE", "COMMIT", "SET ")


def rows_of(answer: Any) -> list[Any]:
    """Return the list in an answer, whatever its member is called."""
    told = answer.json()
    if isinstance(told, list):
        return told
    return next(value for value in told.values() if isinstance(value, list))


def asked(client: APIClient, path: str) -> tuple[int, int]:
    """Return how many queries a list takes, and how many rows it has."""
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path)
    assert answer.status_code == 200, f"{path}: {answer.content.decode()[:300]}"
    return sum(not query["sql"].startswith(BOOKKEEPING) for query in queries), len(rows_of(answer))


def test_every_list_door_is_pinned() -> None:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    schemas = document["components"]["schemas"]
    lists = set()
    for path, methods in document["paths"].items():
        answer = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        schema = answer.get("application/json", {}).get("schema", {})
        members = schemas.get(schema.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
        if schema.get("type") == "array" or {"next_cursor", "page_size"} & set(members):
            lists.add(path)

    assert lists - NOT_GROWING == {path.partition("?")[0] for path in PINNED}


def test_a_list_takes_its_pinned_number_of_queries_however_long_it_is() -> None:
    bench = Bench()
    callers = {**bench.callers, "reviewer": client_of(bench.bench.reviewer)}
    wrong = []

    for path, (caller, grow, pinned) in PINNED.items():
        ids = {**bench.ids, **({"sid": bench.ids["ended"]} if "exports/narrative" in path else {})}
        address = path.format(**ids)
        asked(callers[caller], address)  # whatever is read once and kept
        short = asked(callers[caller], address)
        for _ in range(LONGER_BY):
            grow(bench)
        longer = asked(callers[caller], address)
        if not (short[0] == longer[0] == pinned and longer[1] > short[1]):
            wrong.append(
                f"{path}: {short[0]} queries for {short[1]} rows, {longer[0]} for {longer[1]}; pinned {pinned}"
            )

    assert not wrong, "\n".join(wrong)
