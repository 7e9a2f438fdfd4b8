"""Instruments that send to a house which may die at any moment: each sends a batch until it is acknowledged."""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from typing import Any, ClassVar

import requests
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from telemetry_app.instants import iso_us
from tests.factories.telemetry import NINE_US
from tests.faults.house import House, running_session

ROWS = 50
STEP_US = 1_001


class NoAnswerError(Exception):
    """The house did not say whether it stored the batch."""


class Scene:
    """A running session, and a token that reads it and writes to it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.session, self.token = running_session(house)
        self.headers = {"Authorization": f"Token {self.token}"}
        self.url = f"{house.url}/api/sessions/{self.session}/telemetry"

    def readings(self, channel: str) -> dict[str, float]:
        """Return what the house holds of a channel, by time."""
        found: dict[str, float] = {}
        url = f"{self.url}?channel={channel}&limit=10000"
        while url:
            answer = requests.get(url, headers=self.headers, timeout=60)
            assert answer.status_code == 200, answer.text
            found |= {reading["timestamp"]: reading["value"] for reading in answer.json()}
            url = answer.links.get("next", {}).get("url", "")
        return found

    def counts(self) -> dict[str, int]:
        """Return how many readings each channel has."""
        answer = requests.get(f"{self.url}/channels", headers=self.headers, timeout=60)
        return {item["name"]: item["count"] for item in answer.json()["items"]}


def rows_of(number: int) -> list[tuple[int, float]]:
    """Return the readings of a batch: microseconds since 1970, and values of full precision."""
    first = number * ROWS
    return [(NINE_US + place * STEP_US, math.sin(place)) for place in range(first, first + ROWS)]


class Sender(threading.Thread):
    """Sends batch after batch through one door, each again and again until it is acknowledged.

    Attributes:
        acknowledged: how many batches are; they are sent in order.
        unanswered: batches that were sent at least once without hearing what became of them.
        created: how many readings the house says each acknowledged batch brought; None where it does not say.
        fault: what went wrong that no retry mends.
    """

    channel: ClassVar[str]

    def __init__(self, scene: Scene) -> None:
        super().__init__(daemon=True)
        self.scene = scene
        self.acknowledged = 0
        self.unanswered: set[int] = set()
        self.created: list[int | None] = []
        self.fault: BaseException | None = None
        self._ending = threading.Event()

    def run(self) -> None:
        """Send until told to stop; then still until the batch at hand is acknowledged."""
        try:
            while not self._ending.is_set() or self.acknowledged in self.unanswered:
                self._try(self.acknowledged)
        except BaseException as fault:
            self.fault = fault

    def stop(self) -> None:
        """Send the batch at hand to its end, and no more.

        Raises:
            AssertionError: the house refused a batch for good, or never acknowledged it.
        """
        self._ending.set()
        self.join(60)
        assert self.fault is None, f"{self.channel}: {self.fault!r}"
        assert not self.is_alive(), f"{self.channel}: batch {self.acknowledged} was never acknowledged"

    def expected(self) -> dict[str, float]:
        """Return the readings that are acknowledged by now, by time."""
        return {iso_us(us): value for number in range(self.acknowledged) for us, value in rows_of(number)}

    def send(self, number: int) -> int | None:
        """Send a batch once; return how many readings it brought.

        Raises:
            NoAnswerError: nobody said that it is stored.
        """
        raise NotImplementedError

    def _try(self, number: int) -> None:
        try:
            created = self.send(number)
        except (NoAnswerError, OSError, WebSocketException):
            self.unanswered.add(number)
            time.sleep(0.05)
        else:
            self.created.append(created)
            self.acknowledged += 1

    def post(self, path: str, body: str) -> requests.Response:
        """Post a body to the house.

        Raises:
            NoAnswerError: the house is not well, or busy.
        """
        url, headers = self.scene.house.url + path, self.scene.headers | {"Content-Type": "application/json"}
        answer = requests.post(url, body, headers=headers, timeout=20)
        if answer.status_code >= 500 or answer.status_code == 429:
            raise NoAnswerError(answer.text)
        assert answer.ok, answer.text
        return answer


class NamedBatches(Sender):
    """Names its batches."""

    channel = "named"

    def send(self, number: int) -> int | None:
        data = [{"timestamp": iso_us(us), "channel": self.channel, "value": value} for us, value in rows_of(number)]
        body = json.dumps({"data": data, "batch_id": f"batch {number}"})
        return int(self.post(f"/api/sessions/{self.scene.session}/telemetry/batch", body).json()["created"])


class Columns(Sender):
    """Leaves it to the house to recognise a batch by its content."""

    channel = "columns"

    def send(self, number: int) -> int | None:
        times, values = zip(*rows_of(number), strict=True)
        column = {"channel": self.channel, "timestamps": [iso_us(us) for us in times], "values": values}
        path = f"/api/sessions/{self.scene.session}/telemetry/batch"
        return int(self.post(path, json.dumps({"columns": [column]})).json()["created"])


class Lines(Sender):
    """Speaks line protocol."""

    channel = "lines.value"

    def send(self, number: int) -> int | None:
        body = "".join(f"lines value={value!r} {us}\n" for us, value in rows_of(number))
        answer = self.post(f"/influx/{self.scene.session}/api/v2/write?precision=us", body)
        counts = dict(part.split("=") for part in answer.headers["X-BioLab-Counts"].split(", "))
        return int(counts["created"])


class Controller(Sender):
    """Sends through a socket, and waits for each acknowledgement."""

    channel = "controller"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        made = self.post("/api/v1/events", json.dumps({"name": self.channel}))
        self.event = made.json()["public_id"]
        server = scene.house.env.get("LIVE_URL", scene.house.url).replace("http", "ws", 1)
        self.url = f"{server}/ws/controller/telemetry?token={scene.token}"
        self.socket: ClientConnection | None = None
        self.line = contextlib.ExitStack()

    def send(self, number: int) -> int | None:
        points = [
            {"event_public_id": self.event, "timestamp": iso_us(us), "value": value} for us, value in rows_of(number)
        ]
        try:
            if self.socket is None:
                opened = connect(self.url, open_timeout=10, close_timeout=1)
                self.socket = self.line.enter_context(opened)
            self.socket.send(json.dumps({"datapoints": points}))
            ack = self._answer(self.socket)
        except BaseException:
            self.hang_up()
            raise
        assert (ack["accepted"], ack["rejected"]) == (ROWS, []), ack
        return None

    def hang_up(self) -> None:
        """Close the socket, if there is one."""
        self.socket = None
        with contextlib.suppress(OSError, WebSocketException):
            self.line.close()

    @staticmethod
    def _answer(socket: ClientConnection) -> dict[str, Any]:
        while True:
            frame = json.loads(socket.recv(timeout=20))
            if frame["type"] == "ack":
                return dict(frame)
            if frame["type"] == "error":
                raise NoAnswerError(frame["message"])

    def run(self) -> None:
        """Send as every sender does, and hang up in the end."""
        super().run()
        self.hang_up()


SENDERS = (NamedBatches, Columns, Lines, Controller)
