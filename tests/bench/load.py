"""Clients that send prepared requests as fast as one connection each allows, and say how long each answer took."""

import contextlib
import multiprocessing
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Outcome:
    """What came of one run: seconds in all, seconds of each request, and the statuses that were not 2xx.

    ``server_cpu_s`` is the processor time that the server's own processes took, the database not counted.
    """

    seconds: float
    latencies: list[float]
    refused: list[int]
    server_cpu_s: float = 0.0

    def percentile(self, share: float) -> float:
        """Return the latency in seconds below which ``share`` of the requests stayed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and its descendants so far; 0 where there is no /proc."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            number = int(path.parent.name)
            parents[number], used[number] = int(fields[1]), int(fields[11]) + int(fields[12])
    family = {pid}
    while children := {child for child, parent in parents.items() if parent in family} - family:
        family |= children
    return sum(used.get(one, 0) for one in family) / os.sysconf("SC_CLK_TCK")


def request(url: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return one HTTP/1.1 POST, ready to be written to a socket."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def read_answer(connection: socket.socket, buffer: bytearray) -> int:
    """Read one answer with a Content-Length and return its status."""
    while (end := buffer.find(b"\r\n\r\n")) < 0:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("the server closed the connection")
        buffer += piece
    head = bytes(buffer[:end]).lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    while len(buffer) < end + 4 + length:
        buffer += connection.recv(65536)
    del buffer[: end + 4 + length]
    return int(head.split(b" ", 2)[1])


def _client(address: tuple[str, int], requests: list[bytes], barrier: object, answers: object) -> None:
    latencies: list[float] = []
    refused: list[int] = []
    with socket.create_connection(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = bytearray()
        barrier.wait()  # type: ignore[attr-defined]
        for one in requests:
            began = time.perf_counter()
            connection.sendall(one)
            status = read_answer(connection, buffer)
            latencies.append(time.perf_counter() - began)
            if not 200 <= status < 300:
                refused.append(status)
    answers.put((latencies, refused))  # type: ignore[attr-defined]


def send_all(url: str, clients: Sequence[list[bytes]]) -> Outcome:
    """Send every client's requests over a connection of its own, all clients at once, each in its own process."""
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 80)
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(len(clients) + 1), context.Queue()
    processes = [context.Process(target=_client, args=(address, one, barrier, answers)) for one in clients]
    for process in processes:
        process.start()
    barrier.wait()
    began = time.perf_counter()
    told = [answers.get() for _ in processes]
    seconds = time.perf_counter() - began
    for process in processes:
        process.join()
    return Outcome(
        seconds, [one for latencies, _ in told for one in latencies], [one for _, bad in told for one in bad]
    )
