"""A plain script of an ASTRA client: sessions, notes, telemetry, exports, end. No trailing slashes, only ``requests``.

python astra_script.py http://127.0.0.1:8000 bearer|token|basic SECRET
"""

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

NOTE_FIELDS = {"id", "session_id", "timestamp", "speaker", "content", "type", "tags", "created_at", "updated_at"}


class Client:
    """Talks to one server with one kind of credential."""

    def __init__(self, base: str, form: str, secret: str) -> None:
        self.base = base
        self.http = requests.Session()
        if form == "basic":
            self.http.auth = ("bench", secret)
        else:
            self.http.headers["Authorization"] = f"{form.title()} {secret}"

    def ask(self, method: str, path: str, expected: int, **sent: Any) -> requests.Response:
        """Send a request and insist on the status."""
        answer = self.http.request(method, self.base + path, allow_redirects=False, timeout=30, **sent)
        assert answer.status_code == expected, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer

    def json(self, method: str, path: str, expected: int = 200, **sent: Any) -> Any:
        """Send a request and return the JSON of the answer."""
        return self.ask(method, path, expected, **sent).json()


def sessions(client: Client) -> str:
    """Create, list, read, rename; return the id."""
    made = client.json("POST", "/api/sessions", json={"name": "Test Session", "description": "Smoke"})
    sid: str = made["id"]
    assert sid.startswith("sess_")
    assert (made["status"], made["ended_at"], made["note_count"]) == ("active", None, 0)
    assert sid in [row["id"] for row in client.json("GET", "/api/sessions")]
    assert client.json("GET", f"/api/sessions/{sid}")["name"] == "Test Session"
    assert client.json("PATCH", f"/api/sessions/{sid}", json={"name": "Renamed"})["name"] == "Renamed"
    client.ask("GET", "/api/sessions/sess_unknown", 404)
    client.ask("POST", "/api/sessions", 422, json={"name": ""})
    client.ask("POST", "/api/sessions", 400, data="{", headers={"Content-Type": "application/json"})
    return sid


def telemetry(client: Client, sid: str) -> None:
    """Send readings one by one and in a batch; read them back."""
    path, at = f"/api/sessions/{sid}/telemetry", datetime.now(UTC)
    one = {"timestamp": at.isoformat(), "channel": "battery_voltage", "value": 32.5, "unit": "V"}
    stored = client.json("POST", path, json=one)
    assert (stored["channel"], stored["value"], stored["unit"]) == ("battery_voltage", 32.5, "V")
    rows = [
        {"timestamp": (at + timedelta(seconds=n)).isoformat(), "channel": "motor_current", "value": 2.0 + n / 10}
        for n in range(5)
    ]
    assert client.json("POST", f"{path}/batch", json={"data": rows})["created"] == 5
    assert client.json("GET", f"{path}/latest", params={"channel": "motor_current"})["value"] == 2.4
    assert client.json("GET", f"{path}/channels")["channels"] == ["battery_voltage", "motor_current"]
    assert len(client.json("GET", path, params={"channel": "motor_current"})) == 5


def notes(client: Client, sid: str) -> None:
    """Write, list with every filter, read, correct, extend, delete."""
    path, at = f"/api/sessions/{sid}/notes", datetime.now(UTC).replace(microsecond=0)
    first = client.json(
        "POST",
        path,
        json={
            "timestamp": at.isoformat().replace("+00:00", ""),
            "speaker": "Engineer B",
            "content": "The pump draws more, the bath stays warm",
            "type": "observation",
            "tags": ["motor", "current"],
            "telemetry_snapshot": {"battery_voltage": 32.5, "motor_current": 2.3},
        },
    )
    assert first.keys() >= NOTE_FIELDS
    assert first["timestamp"] == at.isoformat().replace("+00:00", "Z")
    assert first["telemetry_snapshot"]["motor_current"] == 2.3
    later = (at + timedelta(seconds=30)).isoformat()
    second = client.json("POST", path, json={"timestamp": later, "content": "Stop", "type": "command"})

    def ids(**query: str) -> list[str]:
        return [row["id"] for row in client.json("GET", path, params=query)]

    assert ids() == [first["id"], second["id"]]
    assert ids(speaker="Engineer B") == ids(tag="motor") == ids(q="BATH") == [first["id"]]
    assert ids(type="command") == ids(**{"from": later}) == [second["id"]]
    assert ids(**{"from": at.isoformat(), "to": later}) == [first["id"], second["id"]]
    client.ask("GET", path, 422, params={"type": "rumour"})
    client.ask("POST", path, 422, json={"content": "No time"})

    one = f"{path}/{first['id']}"
    assert client.json("GET", one) == first
    assert client.json("PUT", one, json={"content": "The pump draws less"})["version"] == 2
    grown = client.json("PATCH", one, json={"append_content": "Stable", "timestamp": later})
    assert grown["content"].endswith("] Stable")
    assert [row["version"] for row in client.json("GET", f"{one}/history")] == [1, 2, 3]
    assert "message" in client.json("DELETE", f"{path}/{second['id']}")
    client.ask("GET", f"{path}/{second['id']}", 404)
    assert ids() == [first["id"]]


def exports(client: Client, sid: str) -> None:
    """Take the notes out as Markdown and as JSON."""
    path = f"/api/sessions/{sid}/notes/export"
    markdown = client.ask("GET", path, 200, params={"format": "markdown"})
    assert markdown.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert "filename*=UTF-8''" in markdown.headers["Content-Disposition"]
    for line in ("# Renamed", f"**Session ID:** {sid}", "**Status:** active", "## Notes", "*Tags: motor, current*"):
        assert line in markdown.text
    assert "Engineer B" in markdown.text
    assert "**Telemetry:** " in markdown.text
    exported = client.json("GET", path, params={"format": "json"})
    assert (exported["session_id"], exported["session_name"], len(exported["notes"])) == (sid, "Renamed", 1)
    client.ask("GET", path, 422, params={"format": "pdf"})


def end(client: Client, sid: str) -> None:
    """End the session, once; afterwards nothing comes in."""
    path, now = f"/api/sessions/{sid}", datetime.now(UTC).isoformat()
    ended = client.json("PATCH", path, json={"status": "ended"})
    assert (ended["status"], ended["note_count"]) == ("ended", 1)
    assert ended["ended_at"]
    client.ask("PATCH", path, 409, json={"status": "ended"})
    client.ask("PATCH", path, 409, json={"status": "active"})
    client.ask("POST", f"{path}/notes", 409, json={"timestamp": now, "content": "Too late"})
    client.ask("POST", f"{path}/telemetry", 409, json={"timestamp": now, "channel": "x", "value": 1})
    late = {"timestamp": now, "content": "Found on paper", "reason": "Written by hand"}
    assert client.json("POST", f"{path}/notes", json=late)["late_entry"] is True


def run(base: str, form: str, secret: str) -> str:
    """Go through the whole loop and return the id of the session."""
    client = Client(base, form, secret)
    sid = sessions(client)
    telemetry(client, sid)
    notes(client, sid)
    exports(client, sid)
    end(client, sid)
    return sid


if __name__ == "__main__":
    print(f"All tests passed: {run(*sys.argv[1:])}")
