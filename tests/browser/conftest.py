"""A real browser in front of an embedded BioLab with the demo lab in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, sync_playwright

from biolab.demo.people import DOMAIN, PASSWORD
from tests.faults import house

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
)

OpenPage = Callable[..., AbstractContextManager[Page]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep every browser test on one worker, about the embedded mode alone; skip visibly without a browser."""
    for item in items:
        if "/tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.sqlite_only)
            if CHROMIUM is None and os.environ.get("BIOLAB_REQUIRE_SERVICES") != "1":
                item.add_marker(pytest.mark.skip(reason="no Chromium: install it or name it in CHROMIUM"))


@dataclass
class Lab:
    """The demo lab, and a person's way in by the API."""

    url: str

    def api(self, method: str, path: str, body: Any = None, *, role: str = "scientist") -> Any:
        """Ask the API as the demo's person with this role and return the answer's JSON."""
        sign_in = {"email": f"{role}@{DOMAIN}", "password": PASSWORD}
        pair = requests.post(f"{self.url}/api/v1/auth/login", json=sign_in, timeout=30)
        pair.raise_for_status()
        headers = {"Authorization": f"Bearer {pair.json()['access_token']}"}
        answer = requests.request(method, self.url + path, json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def start_session(self, name: str) -> str:
        """Start a session of the demo's protocol and return its id."""
        (protocol,) = self.api("GET", "/api/protocols")["items"]
        body = {"template_id": protocol["id"], "title": name, "parameters": {"strain": "K-12", "volume": "1.5 l"}}
        session_id: str = self.api("POST", "/api/experiment-console/sessions", body)["execution"]["id"]
        return session_id


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Give the demo lab, served."""
    with house.embedded(tmp_path_factory.mktemp("browser"), BIOLAB_DEMO="1") as running:
        yield Lab(running.url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give Chromium; closed with the module, since its driver keeps an event loop running that other tests need."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(lab: Lab, browser: Browser) -> OpenPage:
    """Give a function that opens a page for a signed-in person and fails the test on what the browser complains of."""

    @contextmanager
    def opened(path: str = "/", *, role: str | None = "scientist", **context: Any) -> Iterator[Page]:
        complaints: list[str] = []
        own = browser.new_context(base_url=lab.url, **context)
        page = own.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on(
            "request",
            lambda asked: None if asked.url.startswith((lab.url, "data:")) else complaints.append(f"asked {asked.url}"),
        )
        if role is not None:
            administrator = role == "administrator"
            page.goto("/sign-in")
            page.get_by_label("E-mail").fill(house.ADMIN if administrator else f"{role}@{DOMAIN}")
            page.get_by_label("Password").fill(house.PASSWORD if administrator else PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/")
        page.goto(path)
        try:
            yield page
        finally:
            own.close()
        refused = ("401", "403", "409", "412", "422", "429")  # a refusal that the test asked for is no complaint
        assert [text for text in complaints if not any(f"status of {code}" in text for code in refused)] == []

    return opened
