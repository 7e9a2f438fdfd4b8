"""Session sockets through real servers: daphne alone, and granian beside uvicorn with Redis in between."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.faults import house
from tests.flows import people
from tests.flows.live_lab import Lab

pytestmark = pytest.mark.xdist_group("live_sockets")  # its houses are asked for by name


def frame(opened: ClientConnection, timeout_s: float = 15) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(opened.recv(timeout=timeout_s))
    return found


def until(opened: ClientConnection, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    while not wanted(found := frame(opened)):
        pass
    return found


def sequences(opened: ClientConnection, last: int, *, seen: list[int] | None = None) -> list[int]:
    """Return the sequences of the events up to ``last``, in the order in which they came."""
    found = [] if seen is None else seen
    while not found or found[-1] < last:
        number = frame(opened, 30).get("sequence")
        if number is not None:
            found.append(number)
    return found


def close_code(opened: ClientConnection) -> int:
    """Return the code with which the server closes; frames before it are passed over."""
    try:
        while True:
            opened.recv(timeout=15)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else 0


def test_a_client_that_drops_and_returns_misses_nothing_while_four_threads_write(lab: Lab) -> None:
    writing = threading.Thread(target=lab.write, args=(120,))
    writing.start()
    last, seen, drops = 122, [], 0

    while not seen or seen[-1] < last:
        with lab.socket(f"after={seen[-1] if seen else 0}") as opened:
            assert frame(opened)["event"] == "connected"
            sequences(opened, min(last, (seen[-1] if seen else 0) + 19), seen=seen)
            drops += 1
    writing.join()

    assert drops > 5
    assert seen == list(range(1, last + 1))


def test_an_event_reaches_a_socket_soon_after_its_commit(lab: Lab) -> None:
    delays = []
    with lab.socket() as opened:
        until(opened, lambda found: found.get("event") == "presence")
        for number in range(10):
            lab.note(f"note {number}")
            written_at = time.monotonic()
            until(opened, lambda found: found.get("event") == "note.created")
            delays.append(time.monotonic() - written_at)

    assert max(delays) < 2


def test_a_reader_that_is_stuck_disturbs_nobody_and_catches_up(lab: Lab) -> None:
    big = "x" * 15_000
    with lab.socket("after=0", max_queue=1) as stuck, lab.socket("after=0") as reader:
        reading = ThreadPoolExecutor(1).submit(sequences, reader, 402)
        lab.write(400, content=big)
        at_once = reading.result(timeout=60)
        late = sequences(stuck, 402)

    assert at_once == list(range(1, 403))
    assert late == list(range(1, 403))


def test_readings_come_as_one_frame_for_all_channels_at_most_ten_times_a_second(lab: Lab) -> None:
    path = f"{lab.web}/api/sessions/{lab.sid}/telemetry/batch"
    with lab.socket() as opened, requests.Session() as http:
        until(opened, lambda found: found.get("event") == "presence")
        began = time.monotonic()
        for number in range(60):
            at = datetime.now(UTC).isoformat()
            rows = [{"timestamp": at, "channel": name, "value": number, "unit": "V"} for name in ("a", "b")]
            sent = http.post(path, json={"data": rows}, headers=people.bearer(lab.access), timeout=30)
            assert sent.status_code == 200, sent.text
        frames = []
        while not frames or frames[-1]["data"].get("b", {}).get("value") != 59:
            found = frame(opened)
            if found.get("event") == "telemetry":
                frames.append(found)
        took_s = time.monotonic() - began

    assert len(frames) <= 10 * took_s + 2
    assert set(frames[-1]["data"]) == {"a", "b"}
    assert frames[-1]["data"]["a"] | {"timestamp": ""} == {"value": 59, "unit": "V", "timestamp": ""}
    assert frames[-1]["sequence"] is None


def test_signing_out_and_revoking_close_the_socket(lab: Lab) -> None:
    signed_in = people.sign_in(lab.web)
    token = people.service_token(lab.web, lab.access)

    with lab.socket(token=signed_in["access_token"]) as opened:
        frame(opened)
        out = requests.post(
            f"{lab.web}/api/v1/auth/logout", headers=people.bearer(signed_in["access_token"]), timeout=30
        )
        signed_out = close_code(opened)
    with lab.socket(token=token["token"]) as opened:
        frame(opened)
        gone = requests.delete(
            f"{lab.web}/api/v1/tokens/{token['public_id']}", headers=people.bearer(lab.access), timeout=30
        )
        revoked = close_code(opened)
    with lab.socket(token=token["token"]) as opened:
        afterwards = close_code(opened)

    assert (out.status_code, gone.status_code) == (200, 200)
    assert [signed_out, revoked, afterwards] == [4401] * 3


def test_another_team_and_unknown_paths_are_told_by_their_code(lab: Lab) -> None:
    stranger = people.person(lab.web, lab.access, f"stranger{time.monotonic_ns()}")

    with lab.socket(token=stranger["access_token"]) as opened:
        foreign = close_code(opened)
    with connect(f"{lab.live}/ws/nothing", open_timeout=20) as opened:
        nowhere = close_code(opened)

    assert (foreign, nowhere) == (4404, 4404)


def test_a_page_of_another_site_cannot_use_the_session_cookie(lab: Lab) -> None:
    with requests.Session() as browser:
        browser.get(f"{lab.web}/sign-in", timeout=30)
        form = {"email": house.ADMIN, "password": house.PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        signed_in = browser.post(f"{lab.web}/sign-in", data=form, timeout=30, headers={"Referer": lab.web})
        cookie = f"biolab_session={browser.cookies['biolab_session']}"
    address = f"{lab.live}/ws/sessions/{lab.sid}"
    own = lab.live.replace("ws://", "http://")

    with connect(address, additional_headers={"Cookie": cookie}, origin=own) as opened:
        hello = frame(opened)
    codes = []
    for origin in ("https://evil.example", None):
        with connect(address, additional_headers={"Cookie": cookie}, origin=origin) as opened:
            codes.append(close_code(opened))

    assert signed_in.ok
    assert hello["event"] == "connected"
    assert codes == [4403, 4403]


def test_tokens_of_sockets_reach_no_log(lab: Lab) -> None:
    with lab.socket() as opened:
        frame(opened)

    assert all(lab.access not in lab.house.log(name) for name in lab.house.processes)
