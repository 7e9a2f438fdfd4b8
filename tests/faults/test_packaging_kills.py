"""A worker that is killed while it packs: one archive in the end, and every attempt told."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.factories.governance import PASSWORD
from tests.faults import prepared
from tests.faults.house import House, bare_environment, embedded, wait_for

READINGS = 250_000
ROOT = Path(__file__).parents[2]


class Scene:
    """An export of a long session in a running house, seen through its public doors."""

    def __init__(self, house: House) -> None:
        self.house = house
        command = [sys.executable, "-m", "tests.faults.packaging_scene", str(READINGS)]
        done = subprocess.run(command, env=house.env, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        self.facts: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        self.tokens: dict[str, str] = {}

    def call(self, who: str, method: str, path: str, body: Any = None) -> requests.Response:
        """Call the API as one of the people, signing in first."""
        if who not in self.tokens:
            sign_in = {"email": self.facts[who], "password": PASSWORD}
            answer = requests.post(f"{self.house.url}/api/v1/auth/login", json=sign_in, timeout=30)
            self.tokens[who] = answer.json()["access_token"]
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        answer = requests.request(method, f"{self.house.url}{path}", json=body, headers=headers, timeout=120)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer

    @property
    def path(self) -> str:
        return f"/api/experiment-console/sessions/{self.facts['session']}/exports/narrative"

    def sign(self) -> None:
        """Give both signatures."""
        for who in ("reviewer", "approver"):
            body = {"status": "approved", "signature": who, "password": PASSWORD}
            self.call(who, "POST", f"{self.path}/{self.facts['export']}/approve", body)

    def export(self) -> dict[str, Any]:
        """Return the export as the list shows it."""
        (export,) = self.call("asker", "GET", self.path).json()["exports"]
        return dict(export)

    def is_packing(self, attempt: int) -> bool:
        """Tell whether that attempt is well under way."""
        jobs = self.call("asker", "GET", "/api/experiment-console/exports/narrative/jobs").json()["jobs"]
        return any(job["status"] == "processing" and job["attempt"] == attempt and job["progress"] > 0 for job in jobs)

    def is_ready(self) -> bool:
        return bool(self.export()["artifact_status"] == "ready")

    def check_one_good_archive(self, *, attempts: int) -> None:
        """Check what must hold in the end, whatever happened before."""
        export = self.export()
        assert export["packaging_attempts"] == attempts
        archive = self.call("asker", "GET", export["artifact_download_path"])
        verified = requests.post(f"{self.house.url}/api/verify", data=archive.content, timeout=300)
        assert verified.status_code == 200, f"{verified.status_code} {verified.text[:500]}"
        assert verified.json()["valid"], verified.text
        events = self.house.folder / "data" / "artifacts" / "narratives"
        assert len([path for path in events.rglob("*") if path.is_file()]) == 1
        kinds = [
            event["event_type"].rpartition(".")[2]
            for event in archive_events(self)
            if event["event_type"].startswith("narrative_export.packaging.")
        ]
        assert kinds.count("started") == attempts
        assert kinds.count("ready") == 1
        assert not {"retrying", "failed"} & set(kinds)


def archive_events(scene: Scene) -> list[dict[str, Any]]:
    """Return the session's timeline from the database of the house."""
    source = (
        "import json; from sessions_app.models import TimelineEvent as E; "
        "print(json.dumps([{'event_type': k} for k in E.objects.order_by('sequence').values_list('kind', flat=True)]))"
    )
    return list(json.loads(scene.house.manage("shell", "--no-imports", "-c", source).splitlines()[-1]))


@pytest.mark.slow
@pytest.mark.sqlite_only
def test_embedded_mode_killed_while_packing_resumes_on_the_next_start(tmp_path: Path) -> None:
    with embedded(tmp_path) as house:
        scene = Scene(house)
        scene.sign()
        wait_for(lambda: scene.is_packing(1), timeout_s=60, every_s=0.05, doing="for the first attempt")

        house.kill("serve")
        house.start()
        house.wait_until_served()

        wait_for(scene.is_ready, timeout_s=120, every_s=0.5, doing="for the archive")
        scene.check_one_good_archive(attempts=2)


@pytest.mark.slow
@pytest.mark.services
def test_a_worker_killed_twice_while_packing_is_replaced(service_house: House) -> None:
    scene = Scene(service_house)
    scene.sign()
    for attempt in (1, 2):
        wait_for(
            lambda attempt=attempt: scene.is_packing(attempt),  # type: ignore[misc]
            timeout_s=90,
            every_s=0.05,
            doing=f"for attempt {attempt}",
        )
        service_house.kill("worker")
        service_house.start("worker")

    wait_for(scene.is_ready, timeout_s=120, every_s=0.5, doing="for the archive")

    scene.check_one_good_archive(attempts=3)


KILLS = 10


@pytest.mark.sqlite_only
def test_a_worker_killed_at_any_point_of_packing_leaves_one_archive(tmp_path: Path) -> None:
    env = bare_environment(tmp_path)
    prepared.lay_out_data(tmp_path / "data", env)
    env |= {"DJANGO_SETTINGS_MODULE": "biolab.settings.test", "BIOLAB_TEST_DATA": str(tmp_path / "data")}
    command = [sys.executable, "-m", "tests.faults.packaging_points", str(KILLS)]

    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    print(f"{KILLS} kills between act 1 and act {told[0]['acts']} of packing, nothing lost")
    for number, kill in enumerate(told, 1):
        assert kill["killed"], kill
        assert kill["attempts"] in (1, 2), kill  # killed before it took the job, or after it was through: one
        assert kill["told_attempts"] == list(range(1, kill["attempts"] + 1)), kill
        assert (kill["status"], kill["archives"], kill["is_whole"], kill["ready"]) == ("ready", 1, True, number + 1), (
            kill
        )
    assert sum(kill["attempts"] == 2 for kill in told) >= KILLS - 3
