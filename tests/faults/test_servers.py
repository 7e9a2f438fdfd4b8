"""Every server we ship takes bodies whole, refuses those beyond the limit in words that arrive, and ends cleanly."""

import gzip
import http.client
import json
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from websockets.sync.client import connect

from telemetry_app.ingest.columns import MAX_ROWS
from tests.faults.house import ADMIN, PASSWORD, House, in_front_of, running_session, status, wait_for

LIMIT = 10 * 1024 * 1024
PACKED = {"Content-Encoding": "gzip"}
ATTEMPTS = 5
"""An answer that comes before its body was read is not lost every time."""


def post_chunked(url: str, path: str, pieces: Iterator[bytes]) -> tuple[int, dict[str, object]]:
    """POST JSON piece by piece, without a Content-Length."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request("POST", path, pieces, {"Content-Type": "application/json"}, encode_chunked=True)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def credentials() -> Iterator[bytes]:
    """Yield a sign-in of about 200 kB in small pieces."""
    yield b'{"email": "' + ADMIN.encode() + b'",'
    for _ in range(50):
        yield b" " * 4096
    yield b'"password": "' + PASSWORD.encode() + b'"}'


def check_chunked(url: str) -> None:
    code, answer = post_chunked(url, "/api/v1/auth/login", credentials())

    assert code == 200, answer
    assert answer["access_token"]


def check_too_large(url: str) -> None:
    code, answer = post_chunked(url, "/api/v1/auth/login", iter([b" " * 65536] * 200))

    assert code == 413
    assert answer["status"] == 413


def batch(channel: str, count: int, *, size: int = 0) -> bytes:
    """Return a batch of readings, a millisecond apart, filled up with spaces to a size in bytes."""
    times = [f"2026-01-02T03:{i // 60_000:02}:{i // 1000 % 60:02}.{i % 1000:03}Z" for i in range(count)]
    rows = [{"timestamp": at, "channel": channel, "value": i} for i, at in enumerate(times)]
    return json.dumps({"data": rows}).encode().ljust(size)


@cache
def refused_bodies() -> dict[str, tuple[bytes, dict[str, str], int, dict[str, Any]]]:
    """Return bodies that no server may take: what is sent, with which headers, the status and what the answer says."""
    too_large = {"code": "body_too_large", "limit_bytes": LIMIT}
    return {
        "a byte too many": (b" " * (LIMIT + 1), {}, 413, too_large),
        "unpacks to four times too many": (gzip.compress(b" " * (4 * LIMIT)), PACKED, 413, too_large),
        "a row too many": (gzip.compress(batch("c", MAX_ROWS + 1)), PACKED, 413, {"limit_rows": MAX_ROWS}),
        "broken off": (gzip.compress(batch("c", 10))[:-4], PACKED, 400, {"code": "malformed_json"}),
        "from nobody": (b" " * LIMIT, {"Authorization": "Token bl_unknown"}, 401, {}),
    }


def check_at_the_limit(house: House, scene: tuple[str, str], servers: dict[str, str]) -> None:
    session, token = scene
    path = f"/api/sessions/{session}/telemetry"
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    for server, url in servers.items():
        for what, (body, more, status_, told) in refused_bodies().items():
            for _ in range(ATTEMPTS if len(body) >= LIMIT else 1):
                answer = requests.post(f"{url}{path}/batch", data=body, headers=headers | more, timeout=60)
                assert answer.status_code == status_, (server, what, answer.text)
                assert {name: answer.json()[name] for name in told} == told, (server, what)
        whole = requests.post(f"{url}{path}/batch", batch(server, MAX_ROWS, size=LIMIT), headers=headers, timeout=60)
        assert (whole.status_code, whole.json()["created"]) == (200, MAX_ROWS), (server, whole.text)

    items = requests.get(f"{house.url}{path}/channels", headers=headers, timeout=60).json()["items"]
    assert {item["name"]: (item["count"], item["max"]) for item in items} == dict.fromkeys(
        servers, (MAX_ROWS, MAX_ROWS - 1)
    )


def check_a_full_frame(house: House, url: str) -> None:
    """Check that a controller may send as many rows in one frame as the contract says, with ids and times at length."""
    _, token = running_session(house)
    headers = {"Authorization": f"Token {token}"}
    made = requests.post(f"{house.url}/api/v1/events", json={"name": "pump"}, headers=headers, timeout=30).json()
    at = "2026-01-02T03:04:{:02}.{:06}+00:00"
    rows = [
        {"event_public_id": made["public_id"], "timestamp": at.format(i // 1000, i), "value": i / 7}
        for i in range(10_000)
    ]
    frame = json.dumps({"datapoints": rows})
    assert len(frame) > 1024 * 1024
    with connect(f"{url.replace('http', 'ws', 1)}/ws/controller/telemetry?token={token}") as socket:
        socket.send(frame)
        assert json.loads(socket.recv(timeout=30)) == {"type": "ack", "accepted": 10_000, "rejected": []}


@pytest.mark.sqlite_only
def test_embedded_mode_takes_a_controllers_full_frame(embedded_house: House) -> None:
    check_a_full_frame(embedded_house, embedded_house.url)


@pytest.mark.services
def test_the_live_server_takes_a_controllers_full_frame(service_house: House) -> None:
    check_a_full_frame(service_house, service_house.env["LIVE_URL"])


@pytest.mark.sqlite_only
def test_embedded_mode_takes_chunked_bodies_whole(embedded_house: House) -> None:
    check_chunked(embedded_house.url)
    check_too_large(embedded_house.url)


@pytest.mark.sqlite_only
def test_embedded_mode_takes_bodies_at_the_limit_and_refuses_more_in_words(embedded_house: House) -> None:
    check_at_the_limit(embedded_house, running_session(embedded_house), {"embedded": embedded_house.url})


@pytest.mark.sqlite_only
def test_embedded_mode_beats_within_seconds(embedded_house: House) -> None:
    wait_for(lambda: status(f"{embedded_house.url}/ready") == 200, timeout_s=40, doing="for the first heartbeat")


@pytest.mark.sqlite_only
def test_embedded_mode_serves_again_after_a_kill_and_ends_cleanly_on_ctrl_c(embedded_house: House) -> None:
    embedded_house.kill("serve")
    assert status(f"{embedded_house.url}/health") == 0

    embedded_house.start()
    embedded_house.wait_until_served()
    check_chunked(embedded_house.url)

    assert embedded_house.interrupt("serve") == 0
    assert "BioLab has stopped." in embedded_house.log("serve")
    assert "Traceback" not in embedded_house.log("serve")


@pytest.mark.services
def test_the_web_server_takes_chunked_bodies_whole(service_house: House) -> None:
    check_chunked(service_house.url)
    check_too_large(service_house.url)


@pytest.mark.services
def test_the_live_server_takes_chunked_bodies_whole(service_house: House) -> None:
    check_chunked(service_house.env["LIVE_URL"])
    check_too_large(service_house.env["LIVE_URL"])


@pytest.mark.services
def test_every_server_takes_bodies_at_the_limit_and_refuses_more_in_words(service_house: House) -> None:
    web, live = service_house.url, service_house.env["LIVE_URL"]
    with in_front_of(web, live) as front:
        servers = {"web": web, "live": live, "front": front}
        check_at_the_limit(service_house, running_session(service_house), servers)


@pytest.mark.services
def test_service_mode_becomes_ready_once_the_clock_beats(service_house: House) -> None:
    wait_for(lambda: status(f"{service_house.url}/ready") == 200, timeout_s=60, doing="for the first heartbeat")
