"""A house that is killed while it takes a file in, and while messages arrive: every reading is there once."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.faults.house import House, embedded, running_session, wait_for
from tests.telemetry.mosquitto import Broker

ROWS = 400_000
MESSAGES = 6_000
START = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)


class Scene:
    """A running session in a running house, and a token that may write to it."""

    def __init__(self, house: House) -> None:
        self.session, self.token = running_session(house)
        self.url = f"{house.url}/api/sessions/{self.session}/telemetry"

    def get(self, rest: str) -> Any:
        """Return the answer of one of the session's doors."""
        return requests.get(f"{self.url}{rest}", headers={"Authorization": f"Token {self.token}"}, timeout=30).json()

    def counts(self) -> dict[str, int]:
        return {item["name"]: item["count"] for item in self.get("/channels")["items"]}

    def hand_in(self, text: str) -> str:
        """Hand a file in and return the id of its import."""
        headers = {"Authorization": f"Token {self.token}"}
        answer = requests.post(f"{self.url}/import", files={"file": ("bench.csv", text)}, headers=headers, timeout=60)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])


def restart(house: House) -> None:
    house.kill("serve")
    house.start()
    house.wait_until_served()


def rows() -> str:
    start_s = int(START.timestamp())
    return "time,a,b\n" + "".join(f"{start_s + i},{i},{i % 7}\n" for i in range(ROWS))


@pytest.mark.slow
@pytest.mark.sqlite_only
def test_a_house_killed_in_the_middle_stores_every_reading_once(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    broker.start()
    with embedded(tmp_path) as house:
        scene = Scene(house)
        job = scene.hand_in(rows())
        wait_for(lambda: scene.get(f"/imports/{job}")["rows_done"] > 0, timeout_s=60, every_s=0.02)
        house.env |= {"MQTT_URL": broker.url, "MQTT_TOKEN": scene.token, "LOG_LEVEL": "INFO"}
        restart(house)
        half = scene.get(f"/imports/{job}")
        wait_for(lambda: "mqtt_subscribed" in house.log("serve"), timeout_s=60, doing="for the bridge")

        messages = [
            (
                f"labs/{scene.session}/telemetry/pH",
                json.dumps({"ts": (START + timedelta(seconds=i)).isoformat(), "value": i}),
            )
            for i in range(MESSAGES)
        ]
        sender = threading.Thread(target=broker.publish, args=(messages,))
        sender.start()
        wait_for(lambda: scene.counts().get("pH", 0) > 0, timeout_s=60, every_s=0.01, doing="for the first messages")
        restart(house)
        sender.join()

        wait_for(lambda: scene.get(f"/imports/{job}")["status"] == "done", timeout_s=120, every_s=0.5)
        wait_for(lambda: scene.counts().get("pH") == MESSAGES, timeout_s=60, every_s=0.2, doing="for the messages")
        done = scene.get(f"/imports/{job}")
        assert half["rows_done"] < ROWS
        assert (done["rows_done"], done["created"]) == (ROWS, 2 * ROWS)
        assert scene.counts() == {"a": ROWS, "b": ROWS, "pH": MESSAGES}
    broker.stop()
