"""A worker that is killed while it builds a deck: one job completed, one file, and every attempt counted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import prepared
from tests.faults.house import bare_environment

KILLS = 8


@pytest.mark.sqlite_only
def test_a_worker_killed_at_any_point_of_a_deck_leaves_one_file(tmp_path: Path) -> None:
    env = bare_environment(tmp_path)
    prepared.lay_out_data(tmp_path / "data", env)
    env |= {"DJANGO_SETTINGS_MODULE": "biolab.settings.test", "BIOLAB_TEST_DATA": str(tmp_path / "data")}
    command = [sys.executable, "-m", "tests.faults.deck_points", str(KILLS)]

    done = subprocess.run(command, env=env, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    print(f"{KILLS} kills between act 1 and act {told[0]['acts']} of a deck, nothing lost")
    assert len(told) == KILLS
    for kill in told:
        assert kill["killed"], kill
        again = not kill["first_was_through"]
        assert kill["attempts"] == kill["begun"] + again, kill
        assert kill["begun"] in (0, 1), kill  # killed before it took the job: none
        assert (kill["status"], kill["jobs"], kill["files"], kill["is_whole"]) == ("completed", 1, 1, True), kill
    assert sum(kill["attempts"] == 2 for kill in told) >= KILLS - 3
