"""The embedded server sends a large answer, and a long row of frames, no faster than they are read."""

import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from biolab.private_services import free_port
from tests.faults.house import status, wait_for

PIECE, PIECES = 256 * 1024, 200
SERVER = f"""
import sys
import daphne.server
from biolab.pacing import PacedServer

given = 0

async def application(scope, receive, send):
    global given
    if scope["type"] == "websocket":
        await send({{"type": "websocket.accept"}})
        for _ in range({PIECES}):
            await send({{"type": "websocket.send", "text": "x" * {PIECE}}})
            given += 1
        await send({{"type": "websocket.close", "code": 1008, "reason": "All of it."}})
        return
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    if scope["path"] == "/large":
        for _ in range({PIECES}):
            await send({{"type": "http.response.body", "body": b"x" * {PIECE}, "more_body": True}})
            given += 1
        await send({{"type": "http.response.body", "body": b""}})
    elif scope["path"] == "/echo":
        received = await receive()
        await send({{"type": "http.response.body", "body": dict(scope["headers"])[b"content-type"] + received["body"]}})
    else:
        await send({{"type": "http.response.body", "body": str(given).encode()}})

PacedServer(application=application, endpoints=["tcp:port=" + sys.argv[1] + ":interface=127.0.0.1"]).run()
"""


@pytest.fixture
def port() -> Iterator[int]:
    port = free_port()
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: status(f"http://127.0.0.1:{port}/given") == 200, timeout_s=30, doing="for the server")
        yield port
    finally:
        server.kill()
        server.wait()


def given(port: int) -> int:
    """Return how many pieces the application has got rid of."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/given")
    count = int(connection.getresponse().read())
    connection.close()
    return count


def test_a_slow_reader_holds_the_answer_back_and_still_gets_all_of_it(port: int) -> None:
    reader = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    reader.request("GET", "/large")
    answer = reader.getresponse()
    answer.read(PIECE)
    counts = [given(port) for _ in range(50)]

    rest = answer.read()

    assert counts[-1] < PIECES // 2
    assert PIECE + len(rest) == PIECE * PIECES
    assert given(port) == PIECES
    reader.close()


def test_a_slow_socket_holds_its_frames_back_and_still_gets_all_of_them(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/", max_queue=1) as reader:
        reader.recv()
        counts = [given(port) for _ in range(50)]

        rest = [reader.recv() for _ in range(PIECES - 1)]
        with pytest.raises(ConnectionClosedError) as closed:
            reader.recv()

    assert counts[-1] < PIECES // 2
    assert len(rest) == PIECES - 1
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "All of it.")


def test_a_socket_that_is_lost_lets_the_server_go_on(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as leaving:
        leaving.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        leaving.recv(1024)

    with connect(f"ws://127.0.0.1:{port}/") as reader:
        frames = [reader.recv() for _ in range(PIECES)]

    assert len(frames) == PIECES


@pytest.mark.parametrize("body", [b"--abc--\r\n", b"nonsense", b""])
def test_a_malformed_form_reaches_the_application_as_it_came(port: int, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    connection.request("POST", "/echo", body, {"Content-Type": "multipart/form-data; boundary=abc"})

    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"multipart/form-data; boundary=abc" + body)
    connection.close()


def test_a_reader_who_leaves_lets_the_server_go_on(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as leaving:
        leaving.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        leaving.recv(1024)

    reader = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    reader.request("GET", "/large")

    assert len(reader.getresponse().read()) == PIECE * PIECES
    reader.close()


def test_a_head_that_is_too_long_is_refused_in_words_and_the_server_goes_on(port: int) -> None:
    heads = {
        b"GET /?q=" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n": b"HTTP/1.1 200",
        b"GET /?q=" + b"x" * 3_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n": b"HTTP/1.1 414",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 40_000 + b"\r\n\r\n": b"HTTP/1.1 431",
    }

    for head, expected in heads.items():
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sender, suppress(OSError):
            sender.sendall(head)
            answer = b"".join(iter(lambda sender=sender: sender.recv(65536), b""))
        assert answer.startswith(expected)
        assert (b"application/problem+json" in answer) == (b"200" not in expected)

    assert given(port) == 0
