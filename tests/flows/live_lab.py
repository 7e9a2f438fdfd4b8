"""One session of a running house, for those who watch it live."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

from tests.faults import house
from tests.flows import people


class Lab:
    """A running server, a person, and one session."""

    def __init__(self, running: house.House) -> None:
        self.web = running.url
        self.live = running.env.get("LIVE_URL", running.url).replace("http://", "ws://")
        self.house = running
        self.access = str(people.sign_in(self.web)["access_token"])
        self.sid = self.new_session()

    def new_session(self) -> str:
        headers = people.bearer(self.access)
        team = requests.post(f"{self.web}/api/teams", json={"name": "Live"}, headers=headers, timeout=30)
        assert team.status_code == 201, team.text
        sent = {"name": "Live", "team_id": team.json()["id"]}
        made = requests.post(f"{self.web}/api/sessions", json=sent, headers=headers, timeout=30)
        assert made.status_code == 200, made.text
        return str(made.json()["id"])

    def note(self, content: str, http: requests.Session | None = None) -> None:
        written = (http or requests).post(
            f"{self.web}/api/sessions/{self.sid}/notes",
            json={"timestamp": datetime.now(UTC).isoformat(), "content": content},
            headers=people.bearer(self.access),
            timeout=60,
        )
        assert written.status_code == 200, written.text

    def write(self, count: int, *, threads: int = 4, content: str = "note") -> None:
        """Write ``count`` notes with several writers at once."""

        def some(share: int) -> None:
            with requests.Session() as http:
                for number in range(share):
                    self.note(f"{content} {number}", http)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(some, [count // threads] * threads))

    @contextmanager
    def socket(self, query: str = "", *, token: str | None = None, **more: Any) -> Iterator[ClientConnection]:
        address = f"{self.live}/ws/sessions/{self.sid}?token={token or self.access}&{query}"
        with connect(address, open_timeout=20, close_timeout=2, **more) as opened:
            yield opened
