"""What people paste: each snippet, as it is shown, sends a reading to a real house."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from telemetry_app.snippets import Broker, Destination, snippets
from tests.faults import house

TO = Destination("https://lab.example", "bl_secret", "sess_01", broker=Broker("broker.example"))


def text_of(key: str, to: Destination) -> str:
    return {snippet.key: snippet.text for snippet in snippets(to)}[key]


def test_every_way_names_this_server_and_this_session() -> None:
    for snippet in snippets(TO):
        assert "sess_01" in snippet.text
        assert ("https://lab.example" in snippet.text) == (snippet.key != "mqtt")
        assert ("bl_secret" in snippet.text) == (snippet.key != "mqtt")


def test_without_a_session_the_ways_go_into_whichever_runs() -> None:
    ways = snippets(Destination("https://lab.example", "bl_secret"))

    assert [snippet.key for snippet in ways] == ["curl", "python"]
    assert all("https://lab.example/api/v1/bl_secret/telemetry" in snippet.text for snippet in ways)
    assert not any("None" in snippet.text for snippet in ways)


def test_the_mqtt_way_is_shown_where_a_broker_is_set_up() -> None:
    assert "-h 'broker.example' -p 1883" in text_of("mqtt", TO)
    secured = Destination("http://lab", "bl_x", "sess_01", Broker("broker.example", encrypted=True))
    assert "-p 8883 --tls-use-os-certs" in text_of("mqtt", secured)
    assert "'labs/sess_01/telemetry/temperature'" in text_of("mqtt", TO)
    assert "mqtt" not in [snippet.key for snippet in snippets(Destination("http://lab", "bl_x", "sess_01"))]


def test_the_telegraf_snippet_is_the_output_that_telegraf_reads() -> None:
    (output,) = tomllib.loads(text_of("telegraf", TO))["outputs"]["influxdb_v2"]

    assert output == {
        "urls": ["https://lab.example/influx"],
        "token": "bl_secret",
        "organization": "lab",
        "bucket": "sess_01",
        "content_encoding": "gzip",
    }


@pytest.mark.parametrize("key", ["python", "influxdb-client"])
def test_python_snippets_are_python(key: str) -> None:
    compile(text_of(key, TO), key, "exec")


class Bench:
    """A served house with one running session and a token for it."""

    def __init__(self, url: str) -> None:
        self.url = url
        pair = self.post("/api/v1/auth/login", {"email": house.ADMIN, "password": house.PASSWORD})
        self.headers = {"Authorization": f"Bearer {pair['access_token']}"}
        team_id = self.post("/api/teams", {"name": "Pasting"})["id"]
        protocol = self.post("/api/protocols", {"title": "Paste", "content": "Paste", "team_id": team_id})
        console = {"template_id": protocol["id"], "title": "Pasted"}
        self.session_id: str = self.post("/api/experiment-console/sessions", console)["execution"]["id"]
        token = {"name": "probe", "scopes": ["telemetry:write"], "team_id": team_id}
        self.secret: str = self.post("/api/v1/tokens", token)["token"]

    def post(self, path: str, body: object) -> dict[str, Any]:
        answer = requests.post(self.url + path, json=body, headers=getattr(self, "headers", {}), timeout=30)
        assert answer.ok, answer.text
        return dict(answer.json())

    def latest(self) -> dict[str, float]:
        """Return the newest value of each channel by name."""
        url = f"{self.url}/api/sessions/{self.session_id}/telemetry/latest"
        answer = requests.get(url, headers=self.headers, timeout=30)
        return {name: reading["value"] for name, reading in answer.json().items()} if answer.ok else {}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with house.embedded(tmp_path_factory.mktemp("snippets")) as running:
        yield Bench(running.url)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("key", "is_bound", "channel", "value"),
    [
        ("curl", True, "temperature", 37.1),
        ("python", True, "temperature", 37.2),
        ("influxdb-client", True, "bioreactor.temperature,vessel=R1", 37.3),
        ("curl", False, "temperature", 37.4),
        ("python", False, "temperature", 37.5),
    ],
)
def test_a_pasted_snippet_stores_its_readings(
    bench: Bench, tmp_path: Path, key: str, is_bound: bool, channel: str, value: float
) -> None:
    text = text_of(key, Destination(bench.url, bench.secret, bench.session_id if is_bound else None))
    script = tmp_path / "pasted"
    script.write_text(re.sub(r"\b37\.0\b", str(value), text))

    ran = subprocess.run(["bash" if key == "curl" else sys.executable, script], capture_output=True, text=True)

    assert ran.returncode == 0, ran.stderr
    assert bench.latest()[channel] == value
