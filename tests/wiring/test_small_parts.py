"""The small parts of the wiring: slashes, streams, logs, the tries' proxy, variables of the environment."""

import asyncio
import logging
import sys
from pathlib import Path

import pytest
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from biolab import embedded, private_services
from biolab.front import alone, is_live, pass_on
from biolab.middleware import ScreenPolicies, SlashlessPaths
from biolab.settings import databases, env
from biolab.settings.logs import logging_settings, mask
from biolab.settings.secrets import kept_secret


@pytest.mark.parametrize(
    ("asked", "served"),
    [("/api/sessions/", "/api/sessions"), ("/", "/"), ("/admin/", "/admin/"), ("//", "/"), ("/a/b", "/a/b")],
)
def test_a_trailing_slash_is_served_without_a_redirect(asked: str, served: str) -> None:
    request = HttpRequest()
    request.path = request.path_info = asked

    answer = SlashlessPaths(lambda got: HttpResponse(got.path_info))(request)

    assert answer.content.decode() == served


def test_only_the_admin_may_evaluate_expressions() -> None:
    updates = []
    for path in ("/admin/accounts/", "/sessions"):
        request = HttpRequest()
        request.path_info = path
        answer = ScreenPolicies(lambda _: HttpResponse())(request)
        updates.append(getattr(answer, "_csp_update", None))

    assert updates == [{"script-src": ["'unsafe-eval'"]}, None]


def test_logs_hide_secrets_and_tokens_in_paths() -> None:
    entry = mask(None, "info", {"password": "hunter2", "request": "POST /api/v1/abcdef/telemetry", "code": 200})

    assert entry == {"password": "…", "request": "POST /api/v1/…/telemetry", "code": 200}
    asked = mask(None, "info", {"request": "POST /influx/write?u=a&p=hunter2&db=sess_1"})
    assert asked == {"request": "POST /influx/write?u=a&p=…&db=sess_1"}
    address = mask(None, "info", {"event": "HTTP Request: POST https://lab:hunter2@time.example:443/tsa"})
    assert address == {"event": "HTTP Request: POST https://lab:…@time.example:443/tsa"}


@pytest.mark.parametrize("style", ["json", "readable"])
def test_a_traceback_hides_tokens_too(style: str) -> None:
    token = "bl_a-secret-of-an-instrument"
    lines = logging_settings(level="INFO", style=style)["formatters"]["lines"]
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=lines["processors"], foreign_pre_chain=lines["foreign_pre_chain"]
    )
    try:
        raise ValueError(f"cannot read {token}")
    except ValueError:
        record = logging.LogRecord("a", logging.ERROR, "a.py", 1, "failed", None, sys.exc_info())

    line = formatter.format(record)

    assert "ValueError: cannot read" in line
    assert token not in line


@pytest.mark.parametrize(
    ("head", "live"),
    [
        (b"GET /ws/sessions/x HTTP/1.1\r\nHost: a\r\n\r\n", True),
        (b"GET /other HTTP/1.1\r\nUpgrade: WebSocket\r\n\r\n", True),
        (b"GET /wsx HTTP/1.1\r\nHost: a\r\n\r\n", False),
        (b"nonsense\r\n\r\n", False),
    ],
)
def test_the_tries_proxy_knows_sockets_by_their_first_line(head: bytes, live: bool) -> None:
    assert is_live(head) is live


async def answering(name: bytes) -> asyncio.Server:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(name)
        writer.close()

    return await asyncio.start_server(handle, "127.0.0.1", 0)


async def ask(port: int, path: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_the_tries_proxy_passes_each_connection_to_its_server() -> None:
    web, live = await answering(b"web"), await answering(b"live")
    ports = [server.sockets[0].getsockname()[1] for server in (web, live)]
    listen, nobody = private_services.free_port(), private_services.free_port()
    home = "127.0.0.1"
    front = asyncio.create_task(pass_on(listen=(home, listen), web=(home, ports[0]), live=(home, ports[1])))
    await asyncio.sleep(0.1)

    assert [await ask(listen, b"/"), await ask(listen, b"/ws/x")] == [b"web", b"live"]

    front.cancel()
    broken = asyncio.create_task(pass_on(listen=(home, nobody), web=(home, listen), live=(home, listen)))
    await asyncio.sleep(0.1)
    web.close()
    live.close()
    assert (await ask(nobody, b"/")).startswith(b"HTTP/1.1 502")
    broken.cancel()


def test_the_front_asks_the_web_server_to_end_each_connection_for_the_next_request_may_be_a_sockets() -> None:
    asked = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nAccept: */*\r\n\r\n"

    assert alone(asked) == b"GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nConnection: close\r\n\r\n"


def test_a_taken_address_is_noticed_before_the_start() -> None:
    port = private_services.free_port()
    assert embedded.is_free("127.0.0.1", port)

    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert not embedded.is_free("127.0.0.1", port)


def test_a_kept_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "secret"

    first, second = kept_secret(path), kept_secret(path)

    assert first == second
    assert len(first) > 60
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("text", "value"), [("1", True), ("yes", True), ("0", False), ("off", False), ("", False)])
def test_a_flag_reads_the_usual_words(monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv("DEBUG", text)

    assert env.flag("DEBUG") is value


def test_a_variable_that_makes_no_sense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "perhaps")
    monkeypatch.setenv("PORT", "http")

    with pytest.raises(ImproperlyConfigured, match="DEBUG"):
        env.flag("DEBUG")
    with pytest.raises(ImproperlyConfigured, match="PORT"):
        env.number("PORT", 8000)
    with pytest.raises(ImproperlyConfigured, match="NOT_LISTED"):
        env.text("NOT_LISTED")


def test_a_database_url_keeps_what_its_parts_say() -> None:
    settings = databases.postgresql("postgresql://lab:p%40ss@db:6543/biolab?sslmode=require", pool_size=7)

    assert (settings["USER"], settings["PASSWORD"], settings["HOST"]) == ("lab", "p@ss", "db")
    assert (settings["PORT"], settings["NAME"], settings["CONN_MAX_AGE"]) == ("6543", "biolab", 0)
    assert settings["OPTIONS"]["sslmode"] == "require"
    assert settings["OPTIONS"]["pool"]["max_size"] == 7
