"""Instruments' own clients, unmodified, against real houses: InfluxDB's, ThingsBoard's, and bodies without a length."""

from __future__ import annotations

import gzip
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from influxdb_client import InfluxDBClient, Point, WriteOptions, WritePrecision
from influxdb_client.client.write.retry import WritesRetry
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from tb_device_http import TBHTTPDevice

from biolab import private_services
from tests.faults import house
from tests.flows import people
from tests.flows.conftest import EMBEDDED, SERVICE

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


@dataclass
class Bench:
    """A running session of a house, and the token of its instruments."""

    house: house.House

    @cached_property
    def access(self) -> str:
        return str(people.sign_in(self.house.url)["access_token"])

    @cached_property
    def token(self) -> str:
        return str(people.service_token(self.house.url, self.access, scopes=["telemetry:write"])["token"])

    def session(self) -> str:
        """Return a new session, which runs."""
        answer = requests.post(
            f"{self.house.url}/api/sessions", json={"name": "Pump"}, headers=people.bearer(self.access), timeout=30
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def channels(self, sid: str) -> dict[str, int]:
        """Return how many readings each channel has."""
        answer = requests.get(
            f"{self.house.url}/api/sessions/{sid}/telemetry/channels", headers=people.bearer(self.access), timeout=30
        )
        return {item["name"]: item["count"] for item in answer.json()["items"]}

    def client(self, url: str = "", **how: Any) -> InfluxDBClient:
        return InfluxDBClient(url=url or f"{self.house.url}/influx", token=self.token, org="lab", **how)


@pytest.fixture(scope="module", params=[EMBEDDED, SERVICE])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Give a house with a team to work in."""
    folder = tmp_path_factory.mktemp("clients")
    if request.param == "embedded":
        with house.embedded(folder, LOG_LEVEL="INFO") as running:
            yield Bench(running)
        return
    database = os.environ["BIOLAB_TEST_DATABASE_URL"]
    with (
        private_services.redis(tmp_path_factory.mktemp("redis")) as redis_url,
        house.service(
            folder, database_url=database, redis_url=redis_url, DEFAULT_TEAM_NAME="Main lab", LOG_LEVEL="INFO"
        ) as running,
    ):
        yield Bench(running)


def points(count: int, *, series: int = 5) -> list[Point]:
    return [
        Point("tank").tag("side", f"no. {i % series}").field("pH", 7 + i / 1000).time(START + timedelta(seconds=i))
        for i in range(count)
    ]


def test_influxdbs_client_finds_the_server_and_writes_what_it_can_write(bench: Bench) -> None:
    sid = bench.session()

    with bench.client(enable_gzip=True) as client:
        assert client.ping()
        assert client.version().startswith("2.")
        write = client.write_api(write_options=SYNCHRONOUS)
        write.write(bucket=sid, record=points(10, series=2))
        write.write(bucket=sid, record='pump,side=left on=true,turns=12i,note="a \\"word\\""')
        write.write(bucket=sid, record={"measurement": "room", "fields": {"t": 21.5}, "time": START})
        write.write(bucket=sid, record="room t=21.6 1700000000", write_precision=WritePrecision.S)

    assert bench.channels(sid) == {
        "tank.pH,side=no. 0": 5,
        "tank.pH,side=no. 1": 5,
        "pump.on,side=left": 1,
        "pump.turns,side=left": 1,
        "room.t": 2,
    }


def test_influxdbs_client_writes_in_the_background_in_batches(bench: Bench) -> None:
    sid, failed = bench.session(), []

    with bench.client(enable_gzip=True) as client:
        options = WriteOptions(batch_size=1_000, flush_interval=500)
        with client.write_api(write_options=options, error_callback=lambda *told: failed.append(told)) as write:
            for point in points(4_500):
                write.write(bucket=sid, record=point)

    assert failed == []
    assert sum(bench.channels(sid).values()) == 4_500


def test_what_influxdbs_client_sends_again_is_stored_once(bench: Bench) -> None:
    sid, tried = bench.session(), []
    options = WriteOptions(batch_size=100, flush_interval=500, retry_interval=10, max_retry_delay=20)

    with (
        losing_the_first_answer(bench.house.url) as url,
        bench.client(f"{url}/influx") as client,
        client.write_api(write_options=options, retry_callback=lambda *told: tried.append(told)) as write,
    ):
        write.write(bucket=sid, record=points(100))

    assert len(tried) == 1
    assert bench.channels(sid) == {f"tank.pH,side=no. {i}": 20 for i in range(5)}


def test_influxdbs_client_is_told_what_is_wrong_and_does_not_try_again(bench: Bench) -> None:
    sid, tried = bench.session(), []
    eager = WritesRetry(total=3, retry_interval=0.01, retry_callback=tried.append, allowed_methods=["POST"])

    with bench.client(retries=eager) as client:
        write = client.write_api(write_options=SYNCHRONOUS)
        told = {}
        for bucket, line in ((sid, "ok f=1\nnot ok"), ("telegraf", "ok f=1")):
            with pytest.raises(ApiException) as refused:
                write.write(bucket=bucket, record=line)
            told[refused.value.status] = refused.value.message

    assert told == {
        400: "unable to parse 'not ok': invalid field format",
        404: 'bucket not found: "telegraf"',
    }
    assert tried == []
    assert bench.channels(sid) == {}


def test_thingsboards_client_feeds_the_session_of_its_token(bench: Bench) -> None:
    sid = bench.session()
    token = people.service_token(bench.house.url, bench.access, session_ids=[sid])["token"]
    device = TBHTTPDevice(bench.house.url, token, "pump")

    assert device.test_connection()
    for place in range(3):
        at = START.replace(tzinfo=None) + timedelta(seconds=place)
        device.send_telemetry({"flow": place, "state": "on"}, timestamp=at, queued=False)

    assert bench.channels(sid) == {"flow": 3}
    assert not TBHTTPDevice(bench.house.url, "bl_unknown").test_connection()


def test_tokens_in_addresses_reach_no_log(bench: Bench) -> None:
    sid, path = bench.session(), "/influx/write"
    for secret, status in ((bench.token, 204), ("mistyped-secret", 401)):
        asked = {"db": sid, "u": "pump", "p": secret}
        answer = requests.post(bench.house.url + path, data="m f=1", params=asked, timeout=30)
        assert answer.status_code == status
        answer = requests.post(f"{bench.house.url}/api/v1/{secret}/telemetry", json={}, timeout=30)
        assert answer.status_code == (200 if status == 204 else 401)

    def logs() -> str:
        return "".join(bench.house.log(name) for name in bench.house.processes)

    house.wait_for(lambda: logs().count(path) >= 2, timeout_s=20, doing="for the requests' lines")
    assert "u=pump&p=" in logs()
    assert bench.token not in logs()
    assert "mistyped-secret" not in logs()


def test_a_packed_body_without_a_length_arrives_whole_through_every_server(bench: Bench) -> None:
    servers = {"web": bench.house.url}
    if "LIVE_URL" in bench.house.env:
        servers["live"] = bench.house.env["LIVE_URL"]
    with house.in_front_of(bench.house.url, servers.get("live", bench.house.url)) as front:
        servers["front"] = front

        for url in servers.values():
            sid = bench.session()
            assert post_chunked(url, f"/influx/{sid}/api/v2/write?precision=ms", bench.token) == 204
            assert bench.channels(sid) == {"big.value": 20_000}


def post_chunked(url: str, path: str, token: str) -> int:
    """POST 20,000 lines in gzip by pieces of 1,000 bytes, without a Content-Length, and return the status."""
    first = int(START.timestamp() * 1000)
    body = gzip.compress("".join(f"big value={i / 7} {first + i}\n" for i in range(20_000)).encode())
    parts = urlsplit(url)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Token {token}\r\nConnection: close\r\n"
        "Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
    )
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=60) as connection:
        connection.sendall(head.encode())
        for start in range(0, len(body), 1_000):
            piece = body[start : start + 1_000]
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        connection.sendall(b"0\r\n\r\n")
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return int(answer.split(b" ")[1])


@contextmanager
def losing_the_first_answer(upstream: str) -> Iterator[str]:
    """Pass POSTs on, and answer the first with 503 although it went through; give the address."""
    lost: list[int] = []

    class Relay(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            answer = requests.post(upstream + self.path, data=body, headers=headers, timeout=30)
            status = answer.status_code
            if not lost:
                lost.append(status)
                status = 503
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Relay) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
    assert lost == [204]
