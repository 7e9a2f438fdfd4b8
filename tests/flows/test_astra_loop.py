"""The ASTRA client's loop against a server in a process of its own, with every kind of credential."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.faults import house
from tests.flows import people

pytestmark = pytest.mark.xdist_group("live_sockets")  # they share its houses

SCRIPT = Path(__file__).with_name("astra_script.py")


@pytest.fixture(params=["embedded", pytest.param("service", marks=pytest.mark.services)])
def server(request: pytest.FixtureRequest) -> house.House:
    """Give a BioLab in either mode."""
    running: house.House = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def access(server: house.House) -> str:
    return str(people.sign_in(server.url)["access_token"])


@pytest.mark.parametrize("form", ["jwt as bearer", "service token as token", "as bearer", "as basic password"])
def test_the_whole_loop_passes(server: house.House, access: str, form: str) -> None:
    secret = access if form.startswith("jwt") else people.service_token(server.url, access)["token"]
    scheme = {"service token as token": "token", "as basic password": "basic"}.get(form, "bearer")

    done = subprocess.run(
        [sys.executable, str(SCRIPT), server.url, scheme, secret], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("All tests passed: sess_")


def test_a_stranger_is_refused_everywhere(server: house.House) -> None:
    asked = [
        requests.request(method, server.url + path, json={}, timeout=30)
        for method, path in (
            ("GET", "/api/sessions"),
            ("POST", "/api/sessions"),
            ("GET", "/api/sessions/sess_x/notes"),
            ("POST", "/api/sessions/sess_x/notes"),
            ("GET", "/api/sessions/sess_x/notes/export"),
        )
    ]

    assert [answer.status_code for answer in asked] == [401] * 5
    assert all(answer.headers["Content-Type"] == "application/problem+json" for answer in asked)
    assert all("WWW-Authenticate" in answer.headers for answer in asked)


def test_the_sessions_timeline_holds_after_the_loop(server: house.House) -> None:
    verdict = json.loads(server.manage("verify_timeline", "--json"))

    assert verdict["valid"]
    assert verdict["sessions"] >= 4
    assert verdict["events"] > 4 * 8
