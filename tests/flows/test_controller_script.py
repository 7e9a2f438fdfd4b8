"""A bench controller as labs run it: signs in, makes its channels, polls, streams and reads back, in both houses."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from biolab import private_services
from tests.faults import house
from tests.flows import people

SENSORS = [
    {"name": "Temperature Reactor", "min_value": 20.0, "max_value": 500.0, "unit": "°C", "type": "sensor"},
    {"name": "Volume Flow", "min_value": 0.0, "max_value": 40.0, "unit": "m³/h", "type": "sensor"},
    {"name": "Valve Position", "min_value": 0.0, "max_value": 100.0, "unit": "%", "type": "actuator"},
]


class Controller:
    """The controller: knows the server's addresses and an account, and reads no page but the first."""

    def __init__(self, running: house.House, email: str = house.ADMIN) -> None:
        self.base = f"{running.url}/api/v1"
        self.live = running.env.get("LIVE_URL", running.url).replace("http://", "ws://")
        self.http = requests.Session()
        self.token = str(people.sign_in(running.url, email)["access_token"])
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        self.events: dict[str, str] = {}

    def get(self, path: str) -> Any:
        answer = self.http.get(f"{self.base}{path}", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        answer = self.http.post(f"{self.base}{path}", json=body, timeout=30)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def seed_if_empty(self) -> None:
        """Make the channels on the first boot, and learn their ids from the first page as on every boot."""
        if not self.get("/events")["data"]:
            for sensor in SENSORS:
                assert self.post("/events", sensor)["status"] == "success"
        self.events = {event["name"]: event["public_id"] for event in self.get("/events/")["data"]}

    def points(self, *values: Any) -> list[dict[str, Any]]:
        """Return a value for each of the first channels, without a time, as a poll gives them."""
        names = [sensor["name"] for sensor in SENSORS]
        return [
            {"value": value, "event_public_id": self.events[name]} for name, value in zip(names, values, strict=False)
        ]

    def latest(self) -> dict[str, float]:
        """Return what actuators are set from: the newest value of each channel."""
        named = {event_id: name for name, event_id in self.events.items()}
        return {named[point["event_public_id"]]: float(point["value"]) for point in self.get("/datapoints/latest")}

    @contextmanager
    def socket(self, path: str, token: str | None = None) -> Iterator[ClientConnection]:
        with connect(f"{self.live}{path}?token={token or self.token}", open_timeout=20, close_timeout=2) as opened:
            yield opened


class DeviceController(Controller):
    """A controller of today: the house tells it which devices to drive and what their channels are called here."""

    def boot(self) -> None:
        """Set the simulated device up where nobody has set up anything, then load what there is."""
        if not self.plugins() and not self.get("/events")["data"]:
            device = {"plugin_id": "simulated", "instance_name": "Simulated Device", "demo_mode": True, "enabled": True}
            self.post("/plugins", device)
        for event in self.get("/events")["data"]:
            assert isinstance(event["min_value"], float) and isinstance(event["max_value"], float)
        self.to_event = {
            mapping["channel_id"]: mapping["event_public_id"]
            for plugin in self.plugins()
            for mapping in self.get(f"/plugins/{plugin['public_id']}/channels")
            if mapping["event_public_id"]
        }
        self.post("/logging", {"content": "Controller started – plugin sensor polling active", "logging_type": "info"})

    def plugins(self) -> list[dict[str, Any]]:
        return [plugin for plugin in self.get("/plugins")["data"] if plugin.get("enabled", True)]

    def polled(self, **values: Any) -> dict[str, Any]:
        """Return what one poll of the device's channels sends."""
        return {
            "datapoints": [{"value": value, "event_public_id": self.to_event[name]} for name, value in values.items()]
        }

    def outputs(self) -> dict[str, float]:
        """Return what the device's channels are set to: the newest value of each."""
        named = {event_id: name for name, event_id in self.to_event.items()}
        latest = self.get("/datapoints/latest")
        return {named[point["event_public_id"]]: float(point["value"]) for point in latest}

    def exported(self, experiment: str) -> list[dict[str, str]]:
        answer = self.http.get(f"{self.base}/experiments/{experiment}/export/csv", timeout=30)
        answer.raise_for_status()
        return list(csv.DictReader(io.StringIO(answer.text, newline="")))

    def logged(self) -> list[str]:
        """Return the first page of the log, oldest first."""
        return [entry["content"] for entry in reversed(self.get("/logs")["data"])]


def say(opened: ClientConnection, body: Any) -> dict[str, Any]:
    """Send a frame and return the answer; the server's own pings are passed over."""
    opened.send(json.dumps(body))
    return heard(opened)


def keep_sending(opened: ClientConnection, body: Any) -> None:
    for _ in range(100):
        say(opened, body)


def heard(opened: ClientConnection) -> dict[str, Any]:
    while (frame := json.loads(opened.recv(timeout=15))) == {"type": "ping"}:
        pass
    found: dict[str, Any] = frame
    return found


def seen(opened: ClientConnection, wanted: dict[str, float]) -> dict[str, Any]:
    """Read the stream until each of these channels has shown its value; return the session each came in."""
    waiting, sessions = dict(wanted), {}
    while waiting:
        frame = heard(opened)
        assert frame["type"] == "datapoints_batch", frame
        for point in frame["datapoints"]:
            if waiting.get(point["event_public_id"]) == point["value"]:
                del waiting[point["event_public_id"]]
                sessions[point["event_public_id"]] = point["experiment_public_id"]
    return sessions


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("embedded", marks=[pytest.mark.sqlite_only]),
        pytest.param("service", marks=[pytest.mark.services]),
    ],
)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[house.House]:
    folder = tmp_path_factory.mktemp("controller")
    if request.param == "embedded":
        with house.embedded(folder) as found:
            yield found
        return
    database = os.environ["BIOLAB_TEST_DATABASE_URL"]
    with (
        private_services.redis(tmp_path_factory.mktemp("redis")) as redis_url,
        house.service(folder, database_url=database, redis_url=redis_url, DEFAULT_TEAM_NAME="Main lab") as found,
    ):
        yield found


def test_a_controller_runs_its_bench_unmodified(running: house.House) -> None:
    controller = Controller(running)
    controller.seed_if_empty()
    assert set(controller.events) == {sensor["name"] for sensor in SENSORS}

    before = controller.post("/datapoints/batch", {"datapoints": controller.points(21.5, 3.0, 50)})
    experiment = requests.post(
        f"{running.url}/api/sessions",
        json={"name": "Fluidised bed"},
        headers=people.bearer(controller.token),
        timeout=30,
    ).json()["id"]

    with (
        controller.socket("/ws/datapoints/stream") as watching,
        controller.socket("/ws/controller/telemetry") as sending,
    ):
        assert heard(watching)["type"] == "connected"
        assert say(watching, {"type": "ping"}) == {"type": "pong"}
        assert say(sending, {"type": "ping"}) == {"type": "pong"}
        acks = [say(sending, {"datapoints": controller.points(str(20 + i), i)}) for i in range(30)]
        unknown = say(
            sending, {"datapoints": [{"value": 1, "event_public_id": "gone"}, *controller.points("warm", 41)]}
        )
        sessions = seen(
            watching, {controller.events["Temperature Reactor"]: 49.0, controller.events["Volume Flow"]: 41.0}
        )

    assert before["message"].startswith("3 datapoints")
    assert acks == [{"type": "ack", "accepted": 2, "rejected": []}] * 30
    assert unknown["accepted"] == 1
    assert [one["code"] for one in unknown["rejected"]] == ["unknown_event", "invalid_value"]
    assert set(sessions.values()) == {experiment}
    assert controller.latest() == {"Temperature Reactor": 49.0, "Volume Flow": 41.0, "Valve Position": 50.0}
    first = controller.get("/datapoints?page=1&page_size=100")
    assert first["total"] == len(first["data"]) == 64
    assert {point["experiment_public_id"] for point in first["data"]} == {None, experiment}
    reboot = Controller(running)
    reboot.seed_if_empty()
    assert reboot.events == controller.events


def test_a_controller_whose_token_ends_is_told_by_the_code(running: house.House) -> None:
    controller = Controller(running)
    controller.seed_if_empty()
    made = people.service_token(running.url, controller.token)
    total = controller.get("/datapoints")["total"]

    with controller.socket("/ws/controller/telemetry", made["token"]) as sending:
        stored = say(sending, controller.points(30)[0])
        gone = controller.http.delete(f"{controller.base}/tokens/{made['public_id']}", timeout=30)
        with pytest.raises(ConnectionClosed) as closed:
            keep_sending(sending, controller.points(31)[0])

    assert (stored["accepted"], gone.status_code) == (1, 200)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    assert controller.get("/datapoints")["total"] == total + 1


@pytest.mark.parametrize("transport", ["http", "websocket"])
def test_a_controller_of_today_drives_a_device_through_an_experiment(running: house.House, transport: str) -> None:
    root = people.sign_in(running.url)["access_token"]
    person = people.person(running.url, str(root), f"bed-{transport}")
    bearer = people.bearer(str(person["access_token"]))
    requests.post(f"{running.url}/api/teams", json={"name": f"Bed {transport}"}, headers=bearer, timeout=30)
    controller = DeviceController(running, f"bed-{transport}@lab.example")
    controller.boot()
    DeviceController(running, f"bed-{transport}@lab.example").boot()
    assert (len(controller.plugins()), len(controller.to_event)) == (1, 9)

    experiment = controller.post("/experiments", {"name": "Fluidised bed"})["public_id"]
    polls = [controller.polled(temp_reactor=str(250 + i), humidity=50.5, volume_flow=i) for i in range(5)]
    if transport == "http":
        messages = [controller.post("/datapoints/batch", poll)["message"] for poll in polls]
        assert messages == ["3 datapoints stored."] * 5
    else:
        with controller.socket("/ws/controller/telemetry") as sending:
            assert say(sending, {"type": "ping"}) == {"type": "pong"}
            assert [say(sending, poll)["accepted"] for poll in polls] == [3] * 5
    controller.post("/datapoints", {"event_public_id": controller.to_event["heater_power"], "value": "40.0"})
    outputs, stop = controller.outputs(), f"{controller.base}/experiments/{experiment}/stop"
    running_one = controller.get(f"/experiments/{experiment}")
    stops = [controller.http.put(stop, timeout=30).status_code for _ in range(2)]
    controller.post("/datapoints/batch", controller.polled(humidity=51))
    rows = controller.exported(experiment)
    gone = controller.http.delete(f"{controller.base}/experiments/{experiment}", timeout=30)

    assert outputs == {"temp_reactor": 254.0, "humidity": 50.5, "volume_flow": 4.0, "heater_power": 40.0}
    assert (running_one["name"], running_one["stopped_on"], stops) == ("Fluidised bed", None, [200, 409])
    assert len(rows) == 16
    assert [row["timestamp"] for row in rows] == sorted(row["timestamp"] for row in rows)
    assert {row["event_name"] for row in rows} == {
        f"Simulated Device – {name}" for name in ("Temperature Reactor", "Humidity", "Volume Flow", "Heater Power")
    }
    assert {row["event_public_id"] for row in rows} < set(controller.to_event.values())
    first = controller.get(f"/datapoints/{rows[0]['datapoint_public_id']}")
    assert (first["experiment_public_id"], first["value"]) == (experiment, float(rows[0]["value"]))
    assert (gone.status_code, controller.get("/experiments")["total"]) == (200, 0)
    told = controller.logged()
    assert [line for line in told if "logged in" not in line] == [
        "Controller started – plugin sensor polling active",
        "Controller started – plugin sensor polling active",
        "Experiment “Fluidised bed” started.",
        "Experiment “Fluidised bed” stopped.",
    ]
    assert told.count(f"bed-{transport} logged in.") == 3


def test_a_channel_that_an_instrument_made_does_not_keep_a_controller_from_starting(running: house.House) -> None:
    controller = DeviceController(running)
    session = controller.post("/experiments", {"name": "Probe"})["public_id"]
    reading = {"channel": "pO2", "value": 40.0}
    url = f"{running.url}/api/sessions/{session}/telemetry"
    assert requests.post(url, json=reading, headers=people.bearer(controller.token), timeout=30).status_code == 200

    controller.boot()

    made = next(event for event in controller.get("/events")["data"] if event["name"] == "pO2")
    assert made["min_value"] < 40.0 < made["max_value"]
    assert controller.http.put(f"{controller.base}/experiments/{session}/stop", timeout=30).status_code == 200
