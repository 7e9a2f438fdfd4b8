"""docs/asyncapi.yaml says what the sockets say: every address, every event, and frames as they are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.utils import timezone
from jsonschema import Draft202012Validator

from biolab.kernel.facts import Fact
from exports_app.services import decks
from exports_app.services.packaging import PROGRESS
from sessions_app.live.engine import CLIENT_EVENTS, PATH
from sessions_app.live.threads import in_thread
from sessions_app.live.visitors import ECHOES
from sessions_app.routing import websocket_urlpatterns as bench_sockets
from sessions_app.services.notes import append_note, correct_note, withdraw_note
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from telemetry_app.routing import websocket_urlpatterns as telemetry_sockets
from tests.sessions.io_kit import io_client
from tests.sessions.socket_kit import socket
from tests.sessions.test_socket import bench, note, path_of

ROOT = Path(__file__).parents[2]
APPS = ("biolab", "sessions_app", "telemetry_app", "governance_app", "exports_app")


def document() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text())
    return read


def values(node: Any, name: str) -> Iterator[Any]:
    """Yield whatever stands under ``name``, at any depth."""
    if isinstance(node, dict):
        if name in node:
            yield node[name]
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from values(item, name)


def kinds(fact: type[Fact] = Fact) -> Iterator[str]:
    """Yield the kinds of the facts that the house itself can tell."""
    for told in fact.__subclasses__():
        if told.__module__.split(".")[0] in APPS and "kind" in vars(told):
            yield told.kind
        yield from kinds(told)


def frame_names() -> Iterator[str]:
    """Yield the events that the code sends besides those of the timeline."""
    yield from (PROGRESS, decks.PROGRESS, decks.COMPLETED, decks.FAILED)
    for path in (ROOT / "sessions_app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "frame_text":
                event = node.args[1]
                if isinstance(event, ast.Constant) and isinstance(event.value, str):
                    yield event.value


def test_it_names_every_event_that_the_code_can_send_and_no_other() -> None:
    schemas = [schema for schema in values(document()["components"], "event") if "const" in schema or "enum" in schema]
    told = {name for schema in schemas for name in [*schema.get("enum", []), schema.get("const")] if name}
    told |= set(document()["components"]["schemas"]["TimelineKind"]["enum"])

    assert told == {*kinds(), *frame_names()}


def test_it_names_what_a_socket_io_client_says_and_hears_besides() -> None:
    messages = document()["components"]["messages"]
    said = {messages["resume"]["name"], *messages["slideSaid"]["name"].split(" | ")}

    assert said == CLIENT_EVENTS
    assert messages["slideTold"]["name"].split(" | ") == list(ECHOES.values())
    assert messages["closing"]["name"] == "closing"


def test_it_names_every_address() -> None:
    patterns = [str(route.pattern) for route in [*bench_sockets, *telemetry_sockets]]
    served = {re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", text).strip("^$").replace("/?", "/") for text in patterns}

    told = {channel["address"] for channel in document()["channels"].values()}
    assert told == {address.rstrip("/") for address in served} | {PATH}


def test_its_references_lead_somewhere() -> None:
    whole = document()
    for reference in values(whole, "$ref"):
        node = whole
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


@pytest.mark.django_db(transaction=True)
async def test_frames_are_as_it_says() -> None:
    whole, now = document(), timezone.now()
    session, person, token = await bench()

    @in_thread
    def work() -> None:
        written = note(session, person)
        correct_note(note=written, by=person, at=now, content="Foam, a lot")
        append_note(note=written, by=person, at=now, text="Less now")
        withdraw_note(note=written, by=person, at=now)
        move_session(session=session, move=COMPLETE, by=person, at=now)

    await work()
    async with socket(path_of(session, after=0, token=token)) as opened:
        frames = [await opened.frame()]
        await opened.say("what?")
        while not {"session.ended", "error", "presence"} <= {frame.get("event") for frame in frames}:
            frames.append(await opened.frame())
    async with io_client() as client:
        await client.connect(token=token)
        frames.append((await client.event())[1])

    messages = [part["$ref"] for part in whole["operations"]["tellSession"]["messages"]]
    payloads = [{"$ref": f"{message_behind(whole, reference)}/payload"} for reference in messages]
    described = Draft202012Validator({"oneOf": payloads, "components": whole["components"]})
    assert len(frames) >= 11
    for frame in frames:
        described.validate(frame)


def message_behind(whole: dict[str, Any], reference: str) -> str:
    """Return where a channel's message leads."""
    _, channels, channel, messages, message = reference.split("/")
    found: str = whole[channels][channel][messages][message]["$ref"]
    return found
