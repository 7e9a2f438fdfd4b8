"""Every API route × every kind of caller, with ids of real objects; a route that is not in the table fails."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole, Role, Scope
from biolab.accounts.services.notifications import notify
from biolab.accounts.states import Category
from exports_app.links import artifact_url
from exports_app.services.decks import ask_session_deck
from governance_app.models import TemplateSnapshot
from governance_app.services.assignments import assign_template
from sessions_app.services.logs import write_log
from sessions_app.services.notes import write_note
from telemetry_app.instants import to_us
from telemetry_app.models import Channel, Plugin
from telemetry_app.readings import ReadingKey, reading_id
from telemetry_app.services.plugins import add_plugin
from telemetry_app.states import AlarmKind
from tests.exports.doors import client_of
from tests.factories.accounts import make_token
from tests.factories.baselines import baseline_ids
from tests.factories.equipment import make_equipment
from tests.factories.exports import add_readings, make_archive, make_export, make_export_bench, make_stamp
from tests.factories.governance import TemplateFactory, make_administrator
from tests.factories.guardrails import make_simulation
from tests.factories.imports import make_failed_import
from tests.factories.notebook import make_entry, make_file
from tests.factories.overrides import override_ids
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team
from tests.factories.speech import make_recording, make_task

pytestmark = pytest.mark.django_db

# nobody; the owner of another team; in the team: an observer, a platform viewer, a scientist, its lead; an
# administrator of no team; the scientist's token of another session alone; the scientist's token whose scope reaches
# none of this
CALLERS = ("nobody", "stranger", "observer", "viewer", "member", "lead", "admin", "narrowed", "unscoped")

OPEN = (200, 200, 200, 200, 200, 200, 200, 200, 200)
FORM = (422, 422, 422, 422, 422, 422, 422, 422, 422)
LIST = (401, 200, 200, 200, 200, 200, 200, 200, 403)
READ = (401, 404, 200, 200, 200, 200, 200, 404, 403)
NO_PICTURE = (401, 404, 404, 404, 404, 404, 404, 404, 403)
WRITE = (401, 404, 403, 403, 200, 200, 403, 404, 403)
MADE = (401, 404, 403, 403, 201, 201, 403, 404, 403)
BEGUN = (401, 404, 403, 403, 200, 200, 403, 403, 403)
SENT = (401, 404, 403, 403, 204, 204, 403, 404, 403)
STEERS = (401, 404, 403, 403, 403, 200, 200, 404, 403)
OWN = (401, 404, 404, 404, 200, 404, 200, 403, 403)
MINE = (401, 200, 200, 200, 200, 200, 200, 403, 403)
TEAM = (401, 404, 200, 200, 200, 200, 200, 403, 403)
IMPORTS = (401, 404, 403, 403, 422, 422, 403, 404, 403)  # the right is asked before the file is read
SENDS = (401, 201, 201, 403, 201, 201, 201, 201, 403)
HOLDS = (401, 404, 403, 403, 403, 403, 200, 404, 403)
LEADS = (401, 404, 403, 403, 403, 200, 403, 404, 403)


def makes(status: int) -> tuple[int, ...]:
    """Return the row of a door that answers administrators alone, them with ``status``."""
    return (401, 403, 403, 403, 403, 403, status, 403, 403)


ADMIN = makes(200)

SESSION = "api/sessions/<str:sid>"
CONSOLE = "api/experiment-console/sessions/<str:execution_id>"
EXPORTS = "api/experiment-console/sessions/<str:sid>/exports/narrative"
EXPORT = f"{EXPORTS}/<str:eid>"
EQUIPMENT = "api/equipment"
DESK = "api/governance/exports/<str:eid>"
ENTRIES = "api/notebook/entries"
ENTRY = f"{ENTRIES}/<str:entry_id>"
PROMETHEUS = "prometheus/api/v1"
TEMPLATE = "api/governance/templates/<str:tid>"
AUDITS = "api/governance/sessions/<str:execution_id>/audit-reviews"
REMARK = {"notes": "Looks fine."}
ADVICE = "api/governance/recommendations/override/<str:recommendation_id>"
OVERRIDE = {"execution_id": "{execution_id}", "action": "cooldown"}
COACHING = "api/governance/overrides/<str:override_id>/coaching-notes"
COACHED = "api/governance/coaching-notes/<str:note_id>"
DECISIONS = "api/experiment-console/governance/timeline"
BASELINES = "api/governance/baselines"
DECK = {"prompt": "Yeast", "slideCount": 1}
SLIDES = [{"title": "Yeast", "body": "It grows"}]
OUTLINED = (401, 200, 200, 403, 200, 200, 200, 200, 403)
UNBUILT = (401, 404, 409, 409, 409, 409, 409, 404, 403)
DECKED = (401, 404, 403, 403, 202, 202, 403, 404, 403)
SIMULATIONS = "api/governance/guardrails/simulations"
PREVIEW = "api/experiments/<str:execution_id>/preview"
KNOWN = (401, 200, 200, 200, 200, 200, 200, 200, 200)
PREVIEWED = {"workflow_template_snapshot_id": "{snapshot_id}"}
SIDE = {"status": "ready"}
STAGE = {"index": 0, "name": "Review", "required_role": "qa", "baseline": SIDE, "simulated": SIDE}
SIMULATED = {"execution_id": "{sid}", "comparisons": [STAGE]}
BASELINE = f"{BASELINES}/<str:bid>"
SEES = (401, 404, 200, 200, 200, 200, 200, 404, 200)
DECIDES = (401, 404, 403, 403, 200, 403, 200, 404, 403)
SPEECH = f"{SESSION}/stt"
SPOKEN = f"{SPEECH}/tasks/<str:tid>"
SAID = {"tid": "spoken"}
NOTE = {"timestamp": "2026-03-02T09:00:00Z", "content": "Cloudy", "reason": "found later"}
READING = {"channel": "pH", "value": 7.0}
EVENT = {"name": "Mine", "team_id": "{team_id}"}
POINTS = "api/v1/datapoints"
POINT = {"event_public_id": "{event_id}", "value": 7.0}
LINE = "tank,side=left pH=7"
UNSIGNED: dict[str, str] = {}  # who may sign is asked before the body is read
PUT_BACK = {"notes": "again"}
PROTOCOL = {"title": "Mine", "content": "Fill", "team_id": "{team_id}"}
MEMBERS = "api/teams/<str:team_id>/members"
OTHER = {"user_id": "reviewer"}
NOTICES = "api/notifications"
EXPERIMENTS = "api/v1/experiments"
EXPERIMENT = f"{EXPERIMENTS}/<str:experiment_id>"
ONE_PLUGIN = "api/v1/plugins/<str:plugin_id>"
PLUGIN = {"plugin_id": "probe", "instance_name": "Mine", "team_id": "{team_id}"}
MAPPING = {"channel_id": "ai1", "channel_name": "First input", "direction": "input"}
SEEN = (401, 404, 200, 200, 200, 200, 200, 200, 403)
CHANGED = (401, 404, 403, 403, 403, 200, 200, 403, 403)
LOG: list[tuple[Any, ...]] = [
    ("GET", "", {}, None, LIST),
    ("POST", "", {}, {"content": "Up", "team_id": "{team_id}"}, (401, 404, 403, 403, 201, 201, 403, 403, 403)),
    ("GET", "/<str:log_id>", {}, None, READ),
    ("PUT", "/<str:log_id>", {}, {"status_type": "read"}, WRITE),
    ("DELETE", "/<str:log_id>", {}, None, WRITE),
]

# (method, route, what its ids are where not the usual, body, what each caller gets)
TABLE: list[tuple[str, str, dict[str, str], Any, tuple[int, ...]]] = [
    ("GET", "health", {}, None, OPEN),
    ("GET", "api/v1/health", {}, None, OPEN),
    ("GET", "ready", {}, None, (503,) * 9),
    ("GET", ".well-known/keys.json", {}, None, OPEN),
    ("GET", "api/schema", {}, None, OPEN),
    ("GET", "api/docs", {}, None, OPEN),
    ("POST", "api/verify", {}, {}, OPEN),
    ("POST", "api/v1/auth/login", {}, {}, FORM),
    ("POST", "api/v1/auth/refresh", {}, {}, FORM),
    ("POST", "api/token", {}, {}, FORM),
    ("POST", "api/token/refresh", {}, {}, FORM),
    ("POST", "api/v1/auth/logout", {}, {}, (401, 200, 200, 200, 200, 200, 200, 403, 403)),
    ("GET", "api/v1/auth/me", {}, None, (401, 200, 200, 200, 200, 200, 200, 200, 200)),
    ("GET", "api/v1/users", {}, None, (401, 403, 403, 403, 403, 403, 200, 403, 403)),
    ("POST", "api/v1/users", {}, {}, (401, 403, 403, 403, 403, 403, 422, 403, 403)),
    ("GET", "api/v1/users/<str:user_id>", {}, None, OWN),
    ("PUT", "api/v1/users/<str:user_id>", {}, {}, OWN),
    ("PATCH", "api/v1/users/<str:user_id>", {}, {}, OWN),
    ("DELETE", "api/v1/users/<str:user_id>", {}, None, (401, 404, 404, 404, 403, 404, 200, 403, 403)),
    ("GET", "api/v1/tokens", {}, None, MINE),
    ("POST", "api/v1/tokens", {}, {}, (401, 422, 422, 422, 422, 422, 422, 403, 403)),
    ("GET", "api/v1/tokens/<str:token_id>", {}, None, OWN),
    ("DELETE", "api/v1/tokens/<str:token_id>", {}, None, OWN),
    ("GET", "api/teams", {}, None, MINE),
    ("POST", "api/teams", {}, {}, (401, 422, 422, 403, 422, 422, 422, 403, 403)),
    ("GET", "api/teams/<str:team_id>", {}, None, TEAM),
    ("GET", "api/teams/<str:team_id>/members", {}, None, TEAM),
    ("POST", "api/teams/<str:team_id>/members", {}, {}, (401, 404, 403, 403, 403, 403, 422, 403, 403)),
    ("PATCH", f"{MEMBERS}/<str:user_id>", OTHER, {"role": "qa"}, (401, 404, 403, 403, 403, 403, 200, 403, 403)),
    ("DELETE", f"{MEMBERS}/<str:user_id>", OTHER, None, (401, 404, 403, 403, 403, 403, 204, 403, 403)),
    ("GET", NOTICES, {}, None, MINE),
    ("GET", f"{NOTICES}/stats", {}, None, MINE),
    ("POST", f"{NOTICES}/mark-all-read", {}, None, MINE),
    ("GET", f"{NOTICES}/settings", {}, None, MINE),
    ("PUT", f"{NOTICES}/settings", {}, {}, MINE),
    ("GET", f"{NOTICES}/preferences", {}, None, MINE),
    ("GET", f"{NOTICES}/preferences/<str:category>/<str:channel>", {}, None, MINE),
    ("PUT", f"{NOTICES}/preferences/<str:category>/<str:channel>", {}, {"enabled": True}, MINE),
    ("POST", f"{NOTICES}/<str:notification_id>/read", {}, None, (401, 404, 404, 404, 200, 404, 404, 403, 403)),
    ("DELETE", f"{NOTICES}/<str:notification_id>", {}, None, (401, 404, 404, 404, 204, 404, 404, 403, 403)),
    ("GET", "api/sessions", {}, None, LIST),
    ("POST", "api/sessions", {}, {"name": "Mine", "team_id": "{team_id}"}, BEGUN),
    ("GET", SESSION, {}, None, READ),
    ("PATCH", SESSION, {}, {"name": "Mine"}, WRITE),
    ("GET", f"{SESSION}/notes", {}, None, READ),
    ("POST", f"{SESSION}/notes", {}, NOTE, WRITE),
    ("GET", f"{SESSION}/notes/export", {}, None, READ),
    ("GET", f"{SESSION}/notes/<str:nid>", {}, None, READ),
    ("PUT", f"{SESSION}/notes/<str:nid>", {}, {"content": "Clear"}, WRITE),
    ("PATCH", f"{SESSION}/notes/<str:nid>", {}, {"append_content": "Clear"}, WRITE),
    ("DELETE", f"{SESSION}/notes/<str:nid>", {}, {}, WRITE),
    ("GET", f"{SESSION}/notes/<str:nid>/history", {}, None, READ),
    ("GET", f"{SPEECH}/tasks", {}, None, READ),
    ("POST", f"{SPEECH}/tasks", {}, {"audio_chunk_id": "mine"}, MADE),
    ("POST", f"{SPEECH}/upload", {}, {}, (401, 404, 403, 403, 415, 415, 403, 404, 403)),  # the right is asked first
    ("GET", SPOKEN, SAID, None, READ),
    ("PUT", SPOKEN, SAID, {"status": "processing"}, WRITE),
    ("GET", f"{SPOKEN}/audio", SAID, None, READ),
    ("POST", f"{SPOKEN}/retry", {"tid": "unheard"}, {}, WRITE),
    ("POST", f"{SPOKEN}/confirm", {"tid": "heard"}, {}, WRITE),
    ("GET", f"{SESSION}/telemetry", {}, None, READ),
    ("POST", f"{SESSION}/telemetry", {}, READING, WRITE),
    ("POST", f"{SESSION}/telemetry/batch", {}, {"data": [READING]}, WRITE),
    ("GET", f"{SESSION}/telemetry/latest", {}, None, READ),
    ("GET", f"{SESSION}/telemetry/channels", {}, None, READ),
    ("GET", f"{SESSION}/telemetry/summary", {}, None, READ),
    ("GET", f"{SESSION}/telemetry/series", {}, None, READ),
    ("POST", f"{SESSION}/telemetry/import", {}, {}, IMPORTS),
    ("POST", f"{SESSION}/telemetry/import/preview", {}, {}, IMPORTS),
    ("GET", f"{SESSION}/telemetry/imports", {}, None, READ),
    ("GET", f"{SESSION}/telemetry/imports/<str:job>", {}, None, READ),
    ("GET", f"{SESSION}/telemetry/imports/<str:job>/file", {}, None, READ),
    ("POST", f"{SESSION}/telemetry/imports/<str:job>/retry", {}, {}, (401, 404, 403, 403, 202, 202, 403, 404, 403)),
    ("GET", f"{SESSION}/telemetry/export", {}, None, READ),
    ("GET", "api/query/channel?session={sid}&name=pO2", {}, None, READ),
    ("GET", "api/query/range?session={sid}&name=pO2", {}, None, READ),
    ("GET", "api/query/events?session={sid}", {}, None, READ),
    ("GET", "api/query/search?session={sid}&q=o2", {}, None, READ),
    ("GET", "metrics/bench", {}, None, LIST),
    ("GET", f"{PROMETHEUS}/query?query=pO2", {}, None, LIST),
    ("POST", f"{PROMETHEUS}/query?query=pO2", {}, None, LIST),
    ("GET", f"{PROMETHEUS}/query_range?query=pO2&start=0&end=1&step=1", {}, None, LIST),
    ("POST", f"{PROMETHEUS}/query_range?query=pO2&start=0&end=1&step=1", {}, None, LIST),
    ("GET", f"{PROMETHEUS}/series?match[]=pO2", {}, None, LIST),
    ("POST", f"{PROMETHEUS}/series?match[]=pO2", {}, None, LIST),
    ("GET", f"{PROMETHEUS}/labels", {}, None, LIST),
    ("POST", f"{PROMETHEUS}/labels", {}, None, LIST),
    ("GET", f"{PROMETHEUS}/label/<str:name>/values", {}, None, LIST),
    ("GET", f"{PROMETHEUS}/metadata", {}, None, LIST),
    ("GET", f"{PROMETHEUS}/status/buildinfo", {}, None, LIST),
    ("POST", "influx/api/v2/write?bucket={sid}", {}, LINE, SENT),
    ("POST", "influx/<str:sid>/api/v2/write", {}, LINE, SENT),
    ("POST", "influx/write?db={sid}", {}, LINE, SENT),
    ("POST", "influx/<str:sid>/write", {}, LINE, SENT),
    ("POST", "influx/query?q=CREATE DATABASE {sid}", {}, None, (401, 404, 200, 403, 200, 200, 200, 404, 403)),
    ("POST", "influx/<str:sid>/query?q=CREATE DATABASE a", {}, None, (401, 404, 200, 403, 200, 200, 200, 404, 403)),
    ("GET", "influx/ping", {}, None, (204,) * 9),
    ("GET", "influx/<str:sid>/ping", {}, None, (204,) * 9),
    ("GET", "influx/health", {}, None, OPEN),
    ("GET", "influx/<str:sid>/health", {}, None, OPEN),
    ("GET", "influx/ready", {}, None, (503,) * 9),
    ("GET", "influx/<str:sid>/ready", {}, None, (503,) * 9),
    ("POST", "api/v1/<str:token>/telemetry", {}, {"pH": 7.0}, OPEN),
    ("POST", "api/v1/<str:token>/telemetry", {"token": "sid"}, {"pH": 7.0}, (401,) * 9),
    ("POST", f"{SESSION}/analytics/snapshots", {}, {}, MADE),
    ("POST", f"{SESSION}/qc/metrics", {}, {}, (401, 404, 403, 403, 409, 409, 403, 404, 403)),  # no limits there
    ("GET", f"{SESSION}/alarms", {}, None, READ),
    ("POST", f"{SESSION}/alarms/<str:alarm_id>/acknowledge", {}, {"comment": "Seen"}, WRITE),
    ("GET", "api/v1/events", {}, None, LIST),
    ("POST", "api/v1/events", {}, EVENT, (401, 404, 403, 403, 201, 201, 201, 403, 403)),
    ("GET", "api/v1/events/<str:event_id>", {}, None, (401, 404, 200, 200, 200, 200, 200, 200, 403)),
    ("PUT", "api/v1/events/<str:event_id>", {}, {"pinned": True}, (401, 404, 403, 403, 403, 200, 200, 403, 403)),
    ("DELETE", "api/v1/events/<str:event_id>", {}, None, (401, 404, 403, 403, 403, 403, 200, 403, 403)),
    ("GET", POINTS, {}, None, LIST),
    ("POST", POINTS, {}, POINT, (401, 404, 403, 403, 201, 201, 403, 201, 403)),
    ("POST", f"{POINTS}/batch", {}, {"datapoints": [POINT]}, SENDS),
    ("POST", f"{POINTS}/bulk", {}, {"datapoints": [POINT]}, SENDS),
    ("GET", f"{POINTS}/latest", {}, None, LIST),
    ("POST", f"{POINTS}/series", {}, {"event_public_ids": ["{event_id}"]}, LIST),
    ("GET", f"{POINTS}/<str:point_id>", {}, None, READ),
    ("DELETE", f"{POINTS}/<str:point_id>", {}, None, (401, 404, 403, 403, 403, 403, 200, 404, 403)),
    ("GET", EXPERIMENTS, {}, None, LIST),
    ("POST", EXPERIMENTS, {}, {"name": "Mine", "team_id": "{team_id}"}, (401, 404, 403, 403, 201, 201, 403, 403, 403)),
    ("GET", EXPERIMENT, {}, None, READ),
    ("PUT", EXPERIMENT, {}, {"name": "Mine"}, WRITE),
    ("PUT", f"{EXPERIMENT}/stop", {}, {}, WRITE),
    ("DELETE", EXPERIMENT, {}, None, (401, 404, 403, 403, 200, 200, 403, 404, 403)),
    ("GET", f"{EXPERIMENT}/export/csv", {}, None, READ),
    *((method, f"api/v1/{log}{rest}", *more) for log in ("logs", "logging") for method, rest, *more in LOG),
    ("GET", "api/v1/plugins", {}, None, LIST),
    ("POST", "api/v1/plugins", {}, PLUGIN, (401, 404, 403, 403, 201, 201, 201, 403, 403)),
    ("GET", ONE_PLUGIN, {}, None, SEEN),
    ("PUT", ONE_PLUGIN, {}, {"enabled": False}, CHANGED),
    ("DELETE", ONE_PLUGIN, {}, None, CHANGED),
    ("GET", f"{ONE_PLUGIN}/channels", {}, None, SEEN),
    ("POST", f"{ONE_PLUGIN}/channels", {}, MAPPING, (401, 404, 403, 403, 201, 201, 201, 403, 403)),
    ("PUT", f"{ONE_PLUGIN}/channels/<str:mapping_id>", {}, {"event_public_id": None}, CHANGED),
    ("DELETE", f"{ONE_PLUGIN}/channels/<str:mapping_id>", {}, None, CHANGED),
    ("GET", "api/experiment-console/sessions", {}, None, LIST),
    ("POST", "api/experiment-console/sessions", {}, {"template_id": "{protocol_id}"}, MADE),
    ("GET", CONSOLE, {}, None, READ),
    ("POST", f"{CONSOLE}/start", {"execution_id": "planned"}, {}, WRITE),
    ("POST", f"{CONSOLE}/pause", {}, {}, WRITE),
    ("POST", f"{CONSOLE}/resume", {"execution_id": "paused"}, {}, WRITE),
    ("POST", f"{CONSOLE}/complete", {}, {}, WRITE),
    ("POST", f"{CONSOLE}/abort", {}, {"reason": "spilt"}, LEADS),
    ("POST", f"{CONSOLE}/steps/<int:index>", {}, {"status": "completed"}, WRITE),
    ("POST", f"{CONSOLE}/steps/<int:index>/advance", {}, {}, WRITE),
    ("GET", f"{CONSOLE}/crew", {}, None, READ),
    ("POST", f"{CONSOLE}/crew", {}, {"user_id": "{reviewer}"}, MADE),
    ("DELETE", f"{CONSOLE}/crew/<str:user_id>", {"user_id": "lead"}, None, SENT),
    ("PUT", f"{CONSOLE}/legal-hold", {}, {"held": True, "reason": "A dispute."}, HOLDS),
    ("GET", f"{CONSOLE}/compare?with={{execution_id}}", {}, None, READ),
    ("POST", f"{CONSOLE}/steps/<int:index>/remediate", {}, {}, WRITE),
    ("GET", f"{CONSOLE}/timeline", {}, None, READ),
    ("GET", f"{CONSOLE}/timeline/verify", {}, None, READ),
    ("GET", "api/protocols", {}, None, LIST),
    ("POST", "api/protocols", {}, PROTOCOL, (401, 404, 403, 403, 403, 201, 403, 403, 403)),
    ("GET", "api/protocols/<str:protocol_id>", {}, None, READ),
    ("PATCH", "api/protocols/<str:protocol_id>", {}, {"title": "Mine"}, LEADS),
    ("GET", "api/protocols/<str:protocol_id>/versions", {}, None, READ),
    ("GET", EQUIPMENT, {}, None, LIST),
    ("POST", EQUIPMENT, {}, {"name": "Mine", "team_id": "{team_id}"}, (401, 404, 403, 403, 201, 201, 403, 403, 403)),
    ("GET", f"{EQUIPMENT}/<str:equipment_id>", {}, None, READ),
    ("PATCH", f"{EQUIPMENT}/<str:equipment_id>", {}, {"name": "Mine"}, WRITE),
    ("GET", f"{EQUIPMENT}/<str:equipment_id>/calibrations", {}, None, READ),
    ("POST", f"{EQUIPMENT}/<str:equipment_id>/calibrations", {}, {"due_at": "2099-01-01T00:00:00Z"}, MADE),
    ("GET", ENTRIES, {}, None, LIST),
    ("POST", ENTRIES, {}, {"title": "Mine", "execution_id": "{sid}"}, MADE),
    ("GET", f"{ENTRIES}/evidence", {}, None, LIST),
    ("GET", ENTRY, {}, None, READ),
    ("PUT", ENTRY, {}, {"title": "Mine"}, WRITE),
    ("DELETE", ENTRY, {}, None, WRITE),
    ("GET", f"{ENTRY}/versions", {}, None, READ),
    ("GET", f"{ENTRY}/export", {}, None, (401, 404, 409, 409, 409, 409, 409, 404, 403)),
    ("POST", f"{ENTRY}/sign", {}, {}, (401, 404, 403, 403, 403, 422, 403, 404, 403)),  # who, before the body
    ("POST", f"{ENTRY}/witness", {}, {}, (401, 404, 403, 403, 409, 403, 403, 404, 403)),
    ("GET", "api/data/evidence", {}, None, LIST),
    ("GET", "api/files", {}, None, LIST),
    ("POST", "api/files?execution_id={sid}", {}, "a file", MADE),
    ("GET", "api/files/<str:file_id>", {}, None, READ),
    ("GET", "api/files/<str:file_id>/download", {}, None, READ),
    ("GET", "api/files/<str:file_id>/thumbnail", {}, None, NO_PICTURE),
    ("GET", EXPORTS, {}, None, READ),
    ("POST", EXPORTS, {}, {}, MADE),
    ("GET", EXPORT, {}, None, READ),
    ("GET", f"{EXPORT}/diff?against={{archived}}", {}, None, READ),
    ("GET", f"{EXPORT}/dossier.html", {}, None, READ),
    ("GET", f"{EXPORT}/dossier.pdf", {}, None, (401, 404, 503, 503, 503, 503, 503, 404, 403)),  # no PDF in tests
    ("GET", f"{EXPORT}/artifact", {"eid": "archived"}, None, READ),
    ("GET", f"{EXPORT}/artifact.tsr", {"eid": "archived"}, None, READ),
    ("POST", f"{EXPORT}/approve", {}, UNSIGNED, (401, 404, 403, 403, 403, 403, 403, 404, 403)),
    ("POST", f"{EXPORT}/withdraw", {}, {}, (401, 404, 403, 403, 200, 403, 403, 404, 403)),
    ("POST", f"{EXPORT}/stages/<str:stage_id>/delegate", {}, {"delegate_id": "{reviewer}"}, STEERS),
    ("POST", f"{EXPORT}/stages/<str:stage_id>/reset", {}, PUT_BACK, STEERS),
    ("GET", "api/experiment-console/exports/narrative/jobs", {}, None, LIST),
    ("GET", "api/experiment-console/exports/narrative/signed/<str:link>", {}, None, OPEN),
    ("GET", DESK, {}, None, ADMIN),
    ("POST", f"{DESK}/approve", {}, UNSIGNED, (401, 403, 403, 403, 403, 403, 403, 403, 403)),
    ("POST", f"{DESK}/stages/<str:stage_id>/delegate", {}, {"delegate_id": "{reviewer}"}, ADMIN),
    ("POST", f"{DESK}/stages/<str:stage_id>/reset", {}, PUT_BACK, ADMIN),
    ("POST", f"{EXPORT}/stages/<str:stage_id>/comment", {}, REMARK, (401, 404, 200, 403, 200, 200, 200, 404, 403)),
    ("POST", f"{DESK}/stages/<str:stage_id>/comment", {}, REMARK, ADMIN),
    ("GET", AUDITS, {"execution_id": "sid"}, None, (401, 404, 200, 200, 200, 200, 200, 404, 200)),
    ("POST", AUDITS, {"execution_id": "sid"}, {}, (401, 404, 403, 403, 403, 403, 403, 404, 403)),
    ("GET", "api/governance/approvals/waiting", {}, None, LIST),
    ("GET", "api/governance/analytics", {}, None, KNOWN),
    ("POST", "api/v1/chat/generate", {}, DECK, OUTLINED),
    ("POST", "api/v1/slides/build", {}, SLIDES, OUTLINED),
    ("GET", "api/v1/slides/jobs/<str:job_id>", {"job_id": "deck"}, None, READ),
    ("GET", "api/v1/slides/download?jobId={deck}", {}, None, UNBUILT),
    ("POST", f"{SESSION}/deck", {}, {}, DECKED),
    ("POST", PREVIEW, {}, PREVIEWED, (401, 404, 200, 403, 200, 200, 200, 404, 403)),
    ("GET", SIMULATIONS, {}, None, KNOWN),
    ("POST", SIMULATIONS, {}, SIMULATED, MADE),
    ("GET", f"{SIMULATIONS}/<str:simulation_id>", {}, None, (401, 404, 200, 200, 200, 200, 200, 404, 200)),
    ("POST", f"{SIMULATIONS}/<str:simulation_id>/waive", {}, {}, (401, 404, 403, 403, 403, 403, 422, 404, 403)),
    ("GET", "api/governance/guardrails/health", {}, None, KNOWN),
    ("GET", "api/governance/recommendations/override", {}, None, KNOWN),
    ("GET", BASELINES, {}, None, (401, 200, 200, 200, 200, 200, 200, 200, 200)),
    ("POST", f"{BASELINES}/submissions", {}, {"execution_id": "{sid}", "name": "Mine"}, MADE),
    ("GET", BASELINE, {}, None, SEES),
    ("GET", f"{BASELINE}/compare?execution_id={{sid}}", {}, None, SEES),
    ("POST", f"{BASELINE}/review", {}, {"decision": "approve"}, DECIDES),
    ("POST", f"{BASELINE}/publish", {"bid": "approved"}, {}, DECIDES),
    ("POST", f"{BASELINE}/rollback", {"bid": "published"}, {"reason": "Spilt"}, HOLDS),
    ("GET", "api/governance/templates", {}, None, ADMIN),
    ("POST", "api/governance/templates", {}, {"name": "Mine", "template_key": "mine"}, makes(201)),
    ("GET", TEMPLATE, {}, None, ADMIN),
    ("PATCH", TEMPLATE, {"tid": "draft"}, {"name": "Mine"}, ADMIN),
    ("POST", f"{TEMPLATE}/publish", {"tid": "draft"}, {}, ADMIN),
    ("POST", f"{TEMPLATE}/archive", {}, {}, ADMIN),
    ("GET", f"{TEMPLATE}/snapshot", {}, None, ADMIN),
    ("GET", f"{TEMPLATE}/diff?against={{draft}}", {}, None, ADMIN),
    ("GET", f"{TEMPLATE}/audit", {}, None, ADMIN),
    ("GET", f"{TEMPLATE}/assignments", {}, None, ADMIN),
    ("POST", f"{TEMPLATE}/assignments", {}, {"protocol_template_id": "{protocol_id}"}, makes(201)),
    ("DELETE", "api/governance/assignments/<str:aid>", {}, None, makes(204)),
    *(("POST", f"{ADVICE}/{verb}", {}, OVERRIDE, STEERS) for verb in ("accept", "decline", "execute")),
    ("POST", f"{ADVICE}/reverse", {"recommendation_id": "executed"}, OVERRIDE, STEERS),
    ("GET", COACHING, {}, None, (401, 404, 200, 200, 200, 200, 200, 404, 200)),
    ("POST", COACHING, {}, {"body": "Hm"}, (401, 404, 403, 403, 201, 201, 201, 404, 403)),
    ("PATCH", COACHED, {}, {"body": "Hm"}, (401, 404, 403, 403, 200, 403, 403, 404, 403)),
    ("POST", f"{COACHED}/flag", {}, {}, STEERS),
    ("POST", f"{COACHED}/resolve", {}, {}, STEERS),
    ("POST", f"{COACHED}/remove", {}, {}, (401, 404, 403, 403, 200, 200, 200, 404, 403)),
    ("GET", f"{DECISIONS}?execution_id={{execution_id}}", {}, None, READ),
]
MOVABLE = ("planned", "paused")


def api_routes() -> Iterator[tuple[str, str]]:
    """Yield (method, route) for everything that is no page and not the admin."""
    for route, callback in _routes(get_resolver()):
        door = getattr(callback, "view_class", None)
        methods = [] if door is None else [name.upper() for name in door.http_method_names if hasattr(door, name)]
        yield from ((method, route) for method in methods if method not in ("HEAD", "OPTIONS"))


def _routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            if path.startswith(("api/", "influx/", "metrics/", "prometheus/", ".well-known/", "health", "ready")):
                yield path, entry.callback
        elif not path.startswith("admin/"):
            yield from _routes(entry, path)


def test_every_route_and_method_is_in_the_table() -> None:
    known = {(method, route.partition("?")[0]) for method, route, *_ in TABLE}

    assert set(api_routes()) == known


class World:
    """One team with a running and an ended session, a pending and a packed export, and everyone who might ask."""

    def __init__(self) -> None:
        bench = make_export_bench(readings=2)
        archive, pending = make_archive(bench), make_export(bench)
        make_stamp(archive)
        running = SessionFactory(team=bench.team, by=bench.lead, with_steps=True)
        planned, paused = (SessionFactory(team=bench.team, by=bench.lead, **{trait: True}) for trait in MOVABLE)
        add_readings(running, 1, channels=("pO2",))
        note = write_note(session=running, by=bench.lead, at=NINE, timestamp=NINE, content="Clear")
        administrator, lead = make_administrator(), bench.lead
        template = TemplateFactory(published=True, by=administrator)
        assignment = assign_template(template=template, team=make_team("Third"), by=administrator, at=NINE)
        token, secret = make_token(bench.asker)
        probe = Channel.objects.get(team=bench.team, name="pO2")
        plugin = add_plugin(
            plugin=Plugin(team=bench.team, plugin_id="simulated", instance_name="Bed"), by=lead, at=NINE
        )
        notify([bench.asker], title="Told", category=Category.SYSTEM, at=NINE)
        assert running.protocol_version is not None
        self.bench, self.running, self.note, self.probe, self.plugin = bench, running, note, probe, plugin
        self.ids = {
            "team_id": bench.team.public_id,
            "sid": running.public_id,
            "execution_id": running.public_id,
            "planned": planned.public_id,
            "paused": paused.public_id,
            "ended": bench.session.public_id,
            "index": "0",
            "name": "channel",
            "nid": note.public_id,
            "protocol_id": running.protocol_version.protocol.public_id,
            "eid": pending.public_id,
            "archived": archive.public_id,
            "stage_id": pending.approval.stages.get(sequence_index=1).public_id,
            "entry_id": make_entry(bench.lead, running).public_id,
            "file_id": make_file(bench.lead, running).public_id,
            "job": make_failed_import(running, by=bench.lead).public_id,
            "equipment_id": make_equipment(bench.team, by=bench.lead).public_id,
            "link": artifact_url(archive, person=bench.asker, at=timezone.now()).rpartition("/")[2],
            "tid": template.public_id,
            "spoken": make_recording(running, by=lead).public_id,
            "heard": make_task(running, by=lead, name="heard", status="done").public_id,
            "unheard": make_task(running, by=lead, name="unheard", status="failed").public_id,
            "draft": TemplateFactory(by=administrator).public_id,
            "aid": assignment.public_id,
            "user_id": bench.asker.public_id,
            "lead": lead.public_id,
            "reviewer": bench.reviewer.public_id,
            "token_id": token.public_id,
            "event_id": probe.public_id,
            "point_id": reading_id(ReadingKey(probe.pk, running.pk, to_us(NINE))),
            "alarm_id": running.alarms.create(channel=probe, kind=AlarmKind.SILENCE, opened_at=NINE).public_id,
            "experiment_id": running.public_id,
            "log_id": write_log(team=bench.team, by=bench.asker, at=NINE, content="Up").public_id,
            "plugin_id": plugin.public_id,
            "deck": ask_session_deck(session=running, by=bench.asker, at=NINE).public_id,
            "snapshot_id": TemplateSnapshot.objects.get(template=template).public_id,
            "simulation_id": make_simulation(running, by=bench.asker).public_id,
            "mapping_id": plugin.mappings.get(channel_id_of_device="humidity").public_id,
            "notification_id": bench.asker.notifications.get().public_id,
            "category": "telemetry",
            "channel": "email",
            "token": secret,
            **baseline_ids(running, by=lead, reviewer=bench.asker),
            **override_ids(running, by=lead, reviewer=bench.reviewer, author=bench.asker),
        }
        team, elsewhere = bench.team, SessionFactory(team=bench.team, by=lead)
        self.callers: dict[str, APIClient] = {
            "nobody": APIClient(),
            "stranger": client_of(make_member(make_team("Another"), Role.OWNER)),
            "observer": client_of(make_member(team, Role.OBSERVER)),
            "viewer": client_of(make_member(team, Role.OWNER, role_on_platform=PlatformRole.VIEWER)),
            "member": client_of(bench.asker),
            "lead": client_of(lead),
            "admin": client_of(administrator),
            "narrowed": token_client(bench.asker, session_ids=[elsewhere.public_id]),
            "unscoped": token_client(bench.asker, scopes=[Scope.GOVERNANCE_READ]),
        }

    def ask(self, caller: str, method: str, route: str, names: dict[str, str], body: Any) -> int:
        """Return the status that the caller gets; what the request changed is undone."""
        ids = {**self.ids, **({"sid": self.ids["ended"]} if route.startswith(EXPORTS) else {})}
        ids |= {name: self.ids[other] for name, other in names.items()}
        path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route).format(**ids)
        text = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
        for name, value in self.ids.items():
            text = text.replace(f'"{{{name}}}"', f'"{value}"')
        refused_apart = route.endswith(("/approve", "/sign", "/witness", "/audit-reviews"))  # written down apart
        with nullcontext() if refused_apart else transaction.atomic():
            client = APIClient() if "<str:token>" in route else self.callers[caller]  # it says itself who asks
            answer = client.generic(method, path, text, content_type="application/json")
            if answer.streaming:
                list(answer)  # the last piece closes the file behind it
            if not refused_apart:
                transaction.set_rollback(True)
        return int(answer.status_code)


def token_client(owner: User, **narrowing: Any) -> APIClient:
    """Return a client with a service token of the owner."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {make_token(owner, **narrowing)[1]}")
    return client


def test_each_caller_gets_what_the_table_says() -> None:
    world = World()

    got = [
        (method, route, tuple(world.ask(caller, method, route, names, body) for caller in CALLERS))
        for method, route, names, body, _ in TABLE
    ]

    wrong = [
        f"{method} {route}: {dict(zip(CALLERS, given, strict=True))}, expected {expected}"
        for (method, route, given), (*_, expected) in zip(got, TABLE, strict=True)
        if given != expected
    ]
    assert not wrong, "\n".join(wrong)
