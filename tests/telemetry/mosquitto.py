"""A Mosquitto of a test's own, and an instrument that publishes to it."""

from __future__ import annotations

import contextlib
import getpass
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from biolab.private_services import free_port
from tests.services import program

CONFIG = """
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
max_queued_messages 0
user {user}
"""


class Broker:
    """A broker on a port of its own that keeps its queues over a restart."""

    def __init__(self, folder: Path) -> None:
        self.binary = program("mosquitto")
        self.port = free_port()
        self.config = folder / "mosquitto.conf"
        self.config.write_text(CONFIG.format(port=self.port, folder=folder, user=getpass.getuser()))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        self.process = subprocess.Popen(
            [self.binary, "-c", str(self.config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)
        raise TimeoutError("Mosquitto did not start")

    def stop(self) -> None:
        """End it, in order, so that it saves its queues."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def publish(self, messages: Iterable[tuple[str, str | bytes]]) -> None:
        """Publish with QoS 1 and return once the broker has taken every message."""
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.max_inflight_messages_set(1000)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        sent = [client.publish(topic, payload, qos=1) for topic, payload in messages]
        for one in sent:
            one.wait_for_publish(30)
        client.disconnect()
        client.loop_stop()
