"""The main job, one stage after the other, through a running house's public doors alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import requests

from tests.faults.house import PASSWORD, House, wait_for
from tests.flows import people
from tests.flows.recording import Recording, record

CREW = {"sofia": "scientist", "rita": "reviewer", "arno": "approver", "otto": "operator"}
STEPS = ("Prime the pump", "Open valve 1 by a third", "Watch the flow", "Close valve 1")
BATCH_S = 115


class Job:
    """A team with its people, a protocol under a two-stage template, and one session of it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.recording: Recording = record()
        self.access = {"admin": str(people.sign_in(house.url)["access_token"])}
        self.ids = {name: self._join(name) for name in CREW}
        team = self.ask("admin", "POST", "/api/teams", 201, json={"name": "Pump stand"})
        self.team = str(team["id"])
        for name, role in CREW.items():
            member = {"user_id": self.ids[name], "role": role}
            self.ask("admin", "POST", f"/api/teams/{self.team}/members", 201, json=member)
        protocol = {"title": "Valve test", "content": "\n".join(STEPS), "ordered": True, "team_id": self.team}
        self.protocol = str(self.ask("admin", "POST", "/api/protocols", 201, json=protocol)["id"])
        self.template = self._template()
        wish = {"template_id": self.protocol, "title": "Valve 1, replayed"}
        made = self.ask("sofia", "POST", "/api/experiment-console/sessions", 201, json=wish)
        self.sid = str(made["execution"]["id"])

    def _join(self, name: str) -> str:
        signed_in = people.person(self.house.url, self.access["admin"], name)
        self.access[name] = signed_in["access_token"]
        return str(signed_in["public_id"])

    def _template(self) -> str:
        stages = [
            {"name": "Review", "required_role": "reviewer", "sla_hours": 24, "meanings": ["review"]},
            {"name": "Release", "required_role": "approver", "sla_hours": 48},
        ]
        wish = {"template_key": "pump-release", "name": "Release of a pump test", "stage_blueprint": stages}
        draft = self.ask("admin", "POST", "/api/governance/templates", 201, json=wish)
        path = f"/api/governance/templates/{draft['id']}"
        assert self.ask("admin", "POST", f"{path}/publish", 200)["status"] == "published"
        self.ask("admin", "POST", f"{path}/assignments", 201, json={"protocol_template_id": self.protocol})
        return str(draft["id"])

    # --- asking -------------------------------------------------------------------------------------------------------

    def request(self, who: str, method: str, path: str, **sent: Any) -> requests.Response:
        """Send one request as one of the people, or with a token given as it is."""
        headers = people.bearer(self.access.get(who, who)) | sent.pop("headers", {})
        return requests.request(method, self.house.url + path, headers=headers, timeout=120, **sent)

    def ask(self, who: str, method: str, path: str, expected: int, **sent: Any) -> Any:
        """Send one request, insist on the status and return the JSON of the answer."""
        answer = self.request(who, method, path, **sent)
        assert answer.status_code == expected, f"{method} {path}: {answer.status_code} {answer.text[:800]}"
        return answer.json() if answer.content else None

    @property
    def console(self) -> str:
        return f"/api/experiment-console/sessions/{self.sid}"

    @property
    def exports(self) -> str:
        return f"{self.console}/exports/narrative"

    @property
    def telemetry(self) -> str:
        return f"/api/sessions/{self.sid}/telemetry"

    def timeline(self) -> list[dict[str, Any]]:
        """Return every event of the session, oldest first, page by page."""
        found: list[dict[str, Any]] = []
        while True:
            after = found[-1]["sequence"] if found else 0
            query = {"after": str(after), "limit": "50"}
            page = self.ask("sofia", "GET", f"{self.console}/timeline", 200, params=query)["events"]
            if not page:
                return found
            found += page

    # --- the stages of the job ----------------------------------------------------------------------------------------

    @cached_property
    def instrument(self) -> str:
        """A token that may write readings of this session and nothing else."""
        wish = {"scopes": ["telemetry:write"], "session_ids": [self.sid]}
        return str(people.service_token(self.house.url, self.access["sofia"], **wish)["token"])

    def stream(self) -> list[tuple[int, dict[str, Any]]]:
        """Send the recording in batches, every third one twice, and return (readings sent, answer) of each."""
        answers = []
        for number, first in enumerate(range(0, len(self.recording.times), BATCH_S)):
            last = first + BATCH_S
            as_rows = {"data": self.recording.rows(first, last), "batch_id": f"part-{number}"}
            body = {"columns": self.recording.columns(first, last)} if number % 2 else as_rows
            for _ in range(2 if number % 3 == 0 else 1):
                told = self.ask(self.instrument, "POST", f"{self.telemetry}/batch", 200, json=body)
                answers.append((BATCH_S * len(self.recording.values), told))
        return answers

    def read_back(self, limit: int) -> Iterator[dict[str, Any]]:
        """Yield every reading of the session, newest first, page by page as the ``Link`` header leads."""
        url: str | None = f"{self.house.url}{self.telemetry}?limit={limit}"
        while url:
            answer = requests.get(url, headers=people.bearer(self.access["otto"]), timeout=60)
            assert answer.status_code == 200, answer.text
            yield from answer.json()
            url = answer.links["next"]["url"] if "next" in answer.links else None

    def write(self, notes: int) -> None:
        """Do the steps and write notes, as two people at the bench would."""
        for index in range(len(STEPS) - 1):
            for _ in range(2):
                self.ask("otto", "POST", f"{self.console}/steps/{index}/advance", 200)
        for number in range(notes):
            note = {"timestamp": datetime.now(UTC).isoformat(), "content": f"Flow looks steady ({number})"}
            self.ask("sofia", "POST", f"/api/sessions/{self.sid}/notes", 200, json=note)

    def end(self) -> None:
        """Finish the last step, which completes the session."""
        for _ in range(2):
            self.ask("otto", "POST", f"{self.console}/steps/{len(STEPS) - 1}/advance", 200)

    def export(self, who: str = "sofia", **wish: Any) -> dict[str, Any]:
        """Ask for an export with one event of the timeline as evidence."""
        event = next(event for event in self.timeline() if event["event_type"] == "step.transition")
        evidence = [{"event_id": event["id"], "label": "The first step"}]
        found: dict[str, Any] = self.ask(who, "POST", self.exports, 201, json={"attachments": evidence, **wish})
        return found

    def sign(self, who: str, export: dict[str, Any], **sent: Any) -> requests.Response:
        """Sign the current stage."""
        body = {"status": "approved", "signature": who.title(), "password": PASSWORD, **sent}
        return self.request(who, "POST", f"{self.exports}/{export['id']}/approve", json=body)

    def reread(self, export: dict[str, Any]) -> dict[str, Any]:
        """Return the export as it stands."""
        found: dict[str, Any] = self.ask("sofia", "GET", f"{self.exports}/{export['id']}", 200)
        return found

    def download(self, export: dict[str, Any], path: Path) -> float:
        """Wait for the archive, save it, and return how long the wait took in seconds."""
        began = time.monotonic()
        wait_for(lambda: self.reread(export)["artifact_status"] == "ready", doing="for the archive", every_s=0.5)
        waited_s = time.monotonic() - began
        answer = self.request("sofia", "GET", self.reread(export)["artifact_download_path"])
        assert answer.status_code == 200, answer.text
        path.write_bytes(answer.content)
        return waited_s
