"""Live clients as people have them, Socket.IO's and a browser, through real servers and the proxy in front of them."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import socketio

from tests.browser.conftest import CHROMIUM
from tests.faults import house
from tests.flows import people
from tests.flows.live_lab import Lab
from tests.services import absent

pytestmark = pytest.mark.xdist_group("live_sockets")  # its houses are asked for by name

NODE = Path(sys.executable).with_name("node")
HERE = Path(__file__).parent
LIBRARY = Path(__file__).parents[2] / "node_modules" / "socket.io-client"
PATH = "ws/socket.io"


@pytest.fixture
def address(lab: Lab) -> Iterator[str]:
    """Give the one address at which people find the house."""
    live = lab.house.env.get("LIVE_URL")
    if live is None:
        yield lab.web
        return
    with house.in_front_of(lab.web, live) as front:
        yield front


@pytest.fixture
def credentials(lab: Lab, address: str) -> dict[str, str]:
    """Give what a script is given: an address, a service token and a team."""
    token = people.service_token(lab.web, lab.access)
    team = requests.get(f"{lab.web}/api/teams", headers=people.bearer(lab.access), timeout=30).json()[-1]
    return {"url": address, "token": token["token"], "tokenId": token["public_id"], "team": team["id"]}


def printed(*command: Any) -> str:
    """Run a script and return what it prints."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Client:
    """Python's client, and what came by it."""

    def __init__(self) -> None:
        self.wire = socketio.Client(reconnection=False)
        self.came: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self.wire.on("*", lambda event, *said: self.came.put((event, *said)))
        self.wire.on("disconnect", lambda reason: self.came.put(("disconnect", reason)))
        self.wire.on("connect_error", lambda error: self.came.put(("connect_error", error)))

    def until(self, name: str) -> Any:
        """Return what comes with the next event of this name; others before it are passed over."""
        while True:
            event, said = self.came.get(timeout=20)
            if event == name:
                return said

    def sequences(self, last: int) -> list[int]:
        """Return the sequences of the events up to ``last``, in the order in which they came."""
        found: list[int] = []
        while not found or found[-1] < last:
            _, frame = self.came.get(timeout=20)
            found += [frame["sequence"]] if frame.get("sequence") else []
        return found


@contextmanager
def connected(address: str, auth: dict[str, Any], **how: Any) -> Iterator[Client]:
    client = Client()
    try:
        client.wire.connect(address, auth=auth, socketio_path=PATH, **how)
        yield client
    finally:
        client.wire.disconnect()
        client.wire.eio.http.close() if client.wire.eio.http else None


@pytest.mark.parametrize("transports", [["polling", "websocket"], ["polling"], ["websocket"]], ids="+".join)
def test_nodes_client_runs_the_whole_loop(credentials: dict[str, str], transports: list[str]) -> None:
    if not LIBRARY.exists():
        absent("socket.io-client is not installed: make dev")
    used = printed(NODE, HERE / "socket_io_loop.mjs", json.dumps({**credentials, "transports": transports}))

    assert used == transports[-1]


def test_a_browsers_web_socket_runs_the_whole_loop(credentials: dict[str, str]) -> None:
    if CHROMIUM is None:
        absent("no Chromium: install it or name it in CHROMIUM")
    signed_in = {"email": house.ADMIN, "password": house.PASSWORD}

    assert (
        printed(sys.executable, HERE / "browser_loop.py", CHROMIUM, json.dumps({**credentials, **signed_in})) == "done"
    )


@pytest.mark.parametrize("transports", [["polling", "websocket"], ["polling"]], ids="+".join)
def test_pythons_client_reads_a_long_backlog_once_and_goes_on_live(
    lab: Lab, address: str, transports: list[str]
) -> None:
    lab.write(60)

    with connected(address, {"token": lab.access, "sessionId": lab.sid, "after": 0}, transports=transports) as client:
        backlog = client.sequences(62)
        lab.note("live")
        live = client.sequences(63)
        resumed = client.wire.call("resume", {"sessionId": lab.sid, "fromIndex": 40}, timeout=20)
        again = client.sequences(63)

    assert backlog == list(range(1, 63))
    assert live == [63]
    assert resumed == {"ok": True}
    assert again == list(range(41, 64))


def test_a_page_is_known_by_its_cookie_when_it_polls_and_a_page_of_another_site_is_not(lab: Lab, address: str) -> None:
    with requests.Session() as browser:
        browser.get(f"{address}/sign-in", timeout=30)
        form = {"email": house.ADMIN, "password": house.PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        signed_in = browser.post(f"{address}/sign-in", data=form, timeout=30, headers={"Referer": address})
        cookie = {"Cookie": f"biolab_session={browser.cookies['biolab_session']}"}
    polling: dict[str, Any] = {"transports": ["polling"]}

    with connected(address, {"sessionId": lab.sid}, headers=cookie, **polling) as client:
        hello = client.until("connected")
    with pytest.raises(socketio.exceptions.ConnectionError), connected(address, {}, **polling) as client:
        pass
    with (
        pytest.raises(socketio.exceptions.ConnectionError),
        connected(address, {"sessionId": lab.sid}, headers={**cookie, "Origin": "https://evil.example"}, **polling),
    ):
        pass

    assert signed_in.ok
    assert hello["session_id"] == lab.sid


def test_tokens_of_socket_io_reach_no_log(lab: Lab, address: str) -> None:
    with connected(address, {"token": lab.access, "sessionId": lab.sid}) as client:
        client.until("connected")

    assert all(lab.access not in lab.house.log(name) for name in lab.house.processes)
