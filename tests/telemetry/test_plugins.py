"""`/api/v1/plugins`: devices that controllers drive, and which of our channels theirs are."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from biolab.accounts.models import Team, User
from biolab.accounts.roles import Role
from biolab.kernel.models import SecurityEntry
from telemetry_app.device_catalogue import DRIVERS
from telemetry_app.models import Channel, ChannelMapping, Plugin
from telemetry_app.services.plugins import add_plugin
from telemetry_app.services.withdrawing import withdraw_channel
from tests.factories.accounts import client_of, make_admin
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team
from tests.factories.telemetry import ChannelFactory
from tests.kernel.conftest import run_at_once

pytestmark = pytest.mark.django_db

PLUGINS = "/api/v1/plugins"
SIMULATED = {"plugin_id": "simulated", "instance_name": "Bed", "demo_mode": True, "enabled": True}
INPUT = {"channel_id": "ai1", "channel_name": "First input", "direction": "input", "unit": "V"}
PLUGIN_SHAPE = {
    "public_id",
    "plugin_id",
    "instance_name",
    "demo_mode",
    "enabled",
    "config_json",
    "created_on",
    "updated_on",
    "user_public_id",
    "channel_mappings",
}
MAPPING_SHAPE = {"public_id", "channel_id", "channel_name", "direction", "unit", "event_public_id", "created_on"}


@pytest.fixture
def team() -> Team:
    return make_team()


@pytest.fixture
def lead(team: Team) -> User:
    return make_member(team, Role.LEAD)


@pytest.fixture
def client(lead: User) -> APIClient:
    return client_of(lead)


def added(team: Team, by: User, name: str = "Bed", driver: str = "revpi") -> Plugin:
    return add_plugin(plugin=Plugin(team=team, plugin_id=driver, instance_name=name), by=by, at=NINE)


def path(plugin: Plugin, *tail: str) -> str:
    return "/".join([PLUGINS, plugin.public_id, *tail])


def test_a_first_boot_gets_a_device_whose_channels_are_ours(team: Team) -> None:
    client = client_of(make_member(team, Role.OPERATOR))

    empty = client.get(PLUGINS).json()
    made = client.post(PLUGINS, SIMULATED, format="json")
    listed = client.get(PLUGINS).json()
    mappings = client.get(f"{PLUGINS}/{made.json()['public_id']}/channels").json()

    channels = {channel.public_id: channel for channel in Channel.objects.filter(team=team)}
    assert (empty["data"], made.status_code, made.json()["status"]) == ([], 201, "success")
    assert (listed["total"], listed["data"][0].keys()) == (1, PLUGIN_SHAPE)
    assert listed["data"][0]["channel_mappings"] == mappings
    assert [mapping.keys() for mapping in mappings] == [MAPPING_SHAPE] * 9
    assert {mapping["channel_id"] for mapping in mappings} == {device.id for device in DRIVERS["simulated"]}
    assert {mapping["event_public_id"] for mapping in mappings} == channels.keys()
    heater = next(mapping for mapping in mappings if mapping["channel_id"] == "heater_power")
    assert heater["direction"] == "output"
    ours = channels[heater["event_public_id"]]
    assert (ours.name, ours.unit, ours.type) == ("Bed – Heater Power", "%", "actuator")
    assert (ours.min_value, ours.max_value) == (0, 100)


def test_a_device_that_comes_again_goes_on_with_its_channels(client: APIClient, team: Team, lead: User) -> None:
    first = added(team, lead, driver="simulated")
    before = set(Channel.objects.values_list("pk", flat=True))
    client.delete(path(first))

    again = client.post(PLUGINS, SIMULATED, format="json")

    tied = {mapping["event_public_id"] for mapping in again.json()["channel_mappings"]}
    assert set(Channel.objects.values_list("pk", flat=True)) == before
    assert tied == {channel.public_id for channel in Channel.objects.all()}


def test_a_device_without_channels_of_ours_ties_none(client: APIClient) -> None:
    made = client.post(PLUGINS, {**SIMULATED, "auto_create_events": False}, format="json").json()

    assert {mapping["event_public_id"] for mapping in made["channel_mappings"]} == {None}
    assert not Channel.objects.exists()


def test_a_channel_of_ours_in_another_unit_lets_no_device_in(client: APIClient, team: Team) -> None:
    ChannelFactory(team=team, name="Bed – Humidity", unit="bar")

    refused = client.post(PLUGINS, SIMULATED, format="json")

    assert (refused.status_code, refused.json()["code"]) == (422, "unit_mismatch")
    assert (Plugin.objects.count(), Channel.objects.count()) == (0, 1)


def test_a_device_of_an_unknown_driver_has_the_channels_that_it_is_told_of(client: APIClient, team: Team) -> None:
    ours = ChannelFactory(team=team, name="Voltage", unit="V")
    made = client.post(PLUGINS, {"plugin_id": "revpi", "instance_name": "Cabinet"}, format="json").json()
    channels = f"{PLUGINS}/{made['public_id']}/channels"

    untied = client.post(channels, INPUT, format="json")
    tied = client.put(f"{channels}/{untied.json()['public_id']}", {"event_public_id": ours.public_id}, format="json")
    seen = client.get(channels).json()
    loose = client.put(f"{channels}/{untied.json()['public_id']}", {"event_public_id": None}, format="json")
    gone = client.delete(f"{channels}/{untied.json()['public_id']}")

    assert (made["channel_mappings"], made["demo_mode"], made["enabled"]) == ([], False, True)
    assert (untied.status_code, untied.json()["event_public_id"]) == (201, None)
    assert (tied.status_code, seen[0]["event_public_id"]) == (200, ours.public_id)
    assert {name: seen[0][name] for name in INPUT} == INPUT
    assert (loose.json()["event_public_id"], gone.status_code, client.get(channels).json()) == (None, 200, [])
    assert Channel.objects.filter(pk=ours.pk).exists()


def test_a_channel_of_another_team_or_unit_or_a_withdrawn_one_is_tied_to_nothing(
    client: APIClient, team: Team, lead: User
) -> None:
    plugin = added(team, lead)
    theirs, bars = ChannelFactory(name="Theirs", unit="V"), ChannelFactory(team=team, name="Pressure", unit="bar")
    gone = ChannelFactory(team=team, name="Gone", unit="V", withdrawn_at=NINE)

    codes = [
        client.post(path(plugin, "channels"), {**INPUT, "event_public_id": event_id}, format="json").status_code
        for event_id in (theirs.public_id, bars.public_id, gone.public_id, "chan_nonsense")
    ]

    assert codes == [404, 422, 404, 422]
    assert not ChannelMapping.objects.exists()


def test_a_withdrawn_channel_is_tied_no_more(client: APIClient, team: Team, lead: User) -> None:
    plugin, ours = added(team, lead), ChannelFactory(team=team, name="Voltage", unit="V")
    client.post(path(plugin, "channels"), {**INPUT, "event_public_id": ours.public_id}, format="json")

    withdraw_channel(channel=ours, reason="broken", by=make_admin(), at=NINE)

    assert client.get(path(plugin, "channels")).json()[0]["event_public_id"] is None


def test_a_plugin_is_changed_removed_and_remembered_without_its_settings(
    client: APIClient, team: Team, lead: User
) -> None:
    plugin = added(team, lead, driver="simulated")
    tag = client.get(path(plugin))["ETag"]

    changed = client.put(path(plugin), {"enabled": False, "config_json": '{"password": "hush"}'}, format="json")
    stale = client.put(path(plugin), {"enabled": True}, format="json", headers={"If-Match": tag})
    gone = client.delete(path(plugin))

    assert (changed.status_code, changed.json()["enabled"]) == (200, False)
    assert changed.json()["config_json"] == '{"password": "hush"}'
    assert (stale.status_code, gone.status_code) == (412, 200)
    assert (Plugin.objects.count(), ChannelMapping.objects.count(), Channel.objects.count()) == (0, 0, 9)
    kept = {entry.kind: entry for entry in SecurityEntry.objects.filter(kind__startswith="plugin.")}
    assert kept.keys() == {"plugin.added", "plugin.changed", "plugin.removed"}
    assert kept["plugin.changed"].record["detail"]["settings"] == "changed"
    assert len(kept["plugin.removed"].record["detail"]["mappings"]) == 9
    assert "hush" not in "".join(entry.canonical for entry in kept.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"plugin_id": ""},
        {"plugin_id": "x" * 101},
        {"instance_name": ""},
        {"instance_name": "bell\x07"},
        {"instance_name": "x" * 256},
        {"enabled": "perhaps"},
        {"config_json": "[]"},
        {"config_json": "{"},
        {"config_json": {"a": 1}},
    ],
)
def test_what_is_no_plugin_is_refused_and_nothing_is_made(client: APIClient, wrong: dict[str, Any]) -> None:
    assert client.post(PLUGINS, {**SIMULATED, **wrong}, format="json").status_code == 422
    assert (Plugin.objects.count(), Channel.objects.count()) == (0, 0)


@pytest.mark.parametrize("wrong", [{"channel_id": ""}, {"direction": "sideways"}, {"unit": "u" * 65}])
def test_what_is_no_channel_of_a_device_is_refused(
    client: APIClient, team: Team, lead: User, wrong: dict[str, Any]
) -> None:
    plugin = added(team, lead)

    assert client.post(path(plugin, "channels"), {**INPUT, **wrong}, format="json").status_code == 422
    assert not ChannelMapping.objects.exists()


def test_a_name_and_a_channel_of_a_device_are_taken_once(client: APIClient, team: Team, lead: User) -> None:
    plugin, other = added(team, lead), added(make_team("Another"), make_admin())
    client.post(path(plugin, "channels"), INPUT, format="json")

    twice = client.post(PLUGINS, SIMULATED, format="json")
    again = client.post(path(plugin, "channels"), INPUT, format="json")
    renamed = client.put(path(added(team, lead, "Pump")), {"instance_name": "Bed"}, format="json")

    assert other.instance_name == plugin.instance_name
    assert [answer.status_code for answer in (twice, again, renamed)] == [409, 409, 409]
    assert (Plugin.objects.filter(team=team).count(), plugin.mappings.count()) == (2, 1)


def test_an_operator_adds_and_changes_nothing(team: Team, lead: User) -> None:
    plugin, client = added(team, lead), client_of(make_member(team, Role.OPERATOR))

    assert client.post(path(plugin, "channels"), INPUT, format="json").status_code == 201
    mapping = plugin.mappings.get()
    assert client.put(path(plugin), {"enabled": False}, format="json").status_code == 403
    assert client.delete(path(plugin, "channels", mapping.public_id)).status_code == 403
    assert client.delete(path(plugin)).status_code == 403
    assert Plugin.objects.get().enabled


def test_a_token_of_certain_sessions_adds_none(team: Team, lead: User) -> None:
    client = client_of(lead, session_ids=[SessionFactory(team=team).public_id])

    refused = client.post(PLUGINS, {**SIMULATED, "team_id": team.public_id}, format="json")

    assert (refused.status_code, Plugin.objects.count()) == (403, 0)


def test_the_channels_of_a_large_device_come_whole_or_say_that_there_are_more(
    client: APIClient, team: Team, lead: User
) -> None:
    plugin = added(team, lead)
    ChannelMapping.objects.bulk_create(
        ChannelMapping(plugin=plugin, channel_id_of_device=f"ai{number:03}", channel_name="Input")
        for number in range(120)
    )

    whole = client.get(path(plugin, "channels"))
    first = client.get(path(plugin, "channels?limit=100"))
    rest = client.get(first["Link"].partition(">")[0].strip("<"))

    ids = [f"ai{number:03}" for number in range(120)]
    assert ([mapping["channel_id"] for mapping in whole.json()], "Link" in whole) == (ids, False)
    assert [mapping["channel_id"] for mapping in first.json() + rest.json()] == ids


@pytest.mark.parametrize("count", [1, 4])
def test_lists_cost_the_same_queries_however_much_they_show(
    client: APIClient, team: Team, lead: User, count: int
) -> None:
    plugins = [added(team, lead, f"Bed {number}", "simulated") for number in range(count)]

    with CaptureQueriesContext(connection) as plugin_queries:
        assert len(client.get(PLUGINS).json()["data"]) == count
    with CaptureQueriesContext(connection) as channel_queries:
        assert len(client.get(path(plugins[0], "channels")).json()) == 9

    assert len(plugin_queries) == 4, plugin_queries.captured_queries  # the token, the page, its mappings, the total
    assert len(channel_queries) == 3, channel_queries.captured_queries  # the token, the plugin, the page


def test_a_channel_without_limits_has_numbers_for_controllers(client: APIClient, team: Team) -> None:
    ChannelFactory(team=team, name="pH")
    events = "/api/v1/events"

    shown = client.get(events).json()["data"][0]
    put_back = client.put(f"{events}/{shown['public_id']}", shown, format="json")

    assert (shown["min_value"], shown["max_value"]) == (-sys.float_info.max, sys.float_info.max)
    assert put_back.status_code == 200
    channel = Channel.objects.get()
    assert (channel.min_value, channel.max_value) == (None, None)


def at_the_desk() -> Client:
    desk = Client()
    desk.force_login(make_admin())
    return desk


def test_the_desk_adds_ties_and_removes_through_the_services(team: Team, lead: User) -> None:
    desk, ours = at_the_desk(), ChannelFactory(team=team, name="Voltage", unit="V")
    settings = {"plugin_id": "revpi", "instance_name": "Cabinet", "enabled": "on", "config_json": ""}
    formset = {"mappings-TOTAL_FORMS": "0", "mappings-INITIAL_FORMS": "0"}

    desk.post(reverse("admin:telemetry_app_plugin_add"), {"team": team.pk, **settings, **formset})
    plugin = Plugin.objects.get()
    mapping = {"plugin": plugin.pk, "channel_id_of_device": "ai1", "channel_name": "Input", "direction": "input"}
    desk.post(reverse("admin:telemetry_app_channelmapping_add"), {**mapping, "unit": "V", "channel": ""})
    one = ChannelMapping.objects.get()
    desk.post(reverse("admin:telemetry_app_channelmapping_change", args=[one.pk]), {"channel": ours.pk})
    page = reverse("admin:telemetry_app_plugin_change", args=[plugin.pk])
    changed = {**settings, "instance_name": "Cabinet 2", **formset}
    desk.post(page, {**changed, "mappings-TOTAL_FORMS": "0"})

    one.refresh_from_db()
    plugin.refresh_from_db()
    assert (one.channel, plugin.instance_name) == (ours, "Cabinet 2")
    assert "ai1" in desk.get(page).content.decode()
    desk.post(reverse("admin:telemetry_app_channelmapping_remove", args=[one.pk]))
    desk.post(reverse("admin:telemetry_app_plugin_remove", args=[plugin.pk]))
    assert (Plugin.objects.count(), ChannelMapping.objects.count()) == (0, 0)
    kinds = SecurityEntry.objects.filter(kind__startswith="plugin.").order_by("sequence")
    assert list(kinds.values_list("kind", flat=True)) == [
        "plugin.added",
        "plugin.mapping_added",
        "plugin.mapping_changed",
        "plugin.changed",
        "plugin.mapping_removed",
        "plugin.removed",
    ]


def test_what_a_rule_refuses_at_the_desk_is_told_and_not_written(team: Team, lead: User) -> None:
    plugin, desk = added(team, lead), at_the_desk()
    bars = ChannelFactory(team=team, name="Pressure", unit="bar")
    mapping = {"plugin": plugin.pk, "channel_id_of_device": "ai1", "channel_name": "Input", "direction": "input"}

    told = desk.post(
        reverse("admin:telemetry_app_channelmapping_add"), {**mapping, "unit": "V", "channel": bars.pk}, follow=True
    )

    assert "is recorded in bar" in told.content.decode()
    assert not ChannelMapping.objects.exists()


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_four_who_add_one_plugin_at_once_one_does(team: Team) -> None:
    people = [make_member(team, Role.OPERATOR) for _ in range(4)]

    codes = run_at_once(lambda one: client_of(one).post(PLUGINS, SIMULATED, format="json").status_code, people)

    assert sorted(codes) == [201, 409, 409, 409]
    assert (Plugin.objects.count(), Channel.objects.count(), ChannelMapping.objects.count()) == (1, 9, 9)
