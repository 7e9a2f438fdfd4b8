"""The line to the broker: a persistent session, messages that wait unacknowledged, and reconnecting."""

from __future__ import annotations

import ssl
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import structlog
from django.core.exceptions import ImproperlyConfigured
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from telemetry_app.ingest.mqtt import TOPICS, Message

log = structlog.get_logger(__name__)

WINDOW: Final = 10_000
"""Messages that may wait unacknowledged; the broker keeps the others."""

KEEP_SESSION_S: Final = 0xFFFFFFFF
KEEPALIVE_S: Final = 30
LONGEST_WAIT_S: Final = 30
NO_RETAINED: Final = 2


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message and how it is acknowledged; ``turn`` says on which connection it came, ``mid`` 0 needs no answer."""

    message: Message
    mid: int
    turn: int
    again: bool


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is and who we are there."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None
    client_id: str
    ca_file: str = ""

    @classmethod
    def of(cls, url: str, *, client_id: str, ca_file: str = "") -> Address:
        """Read ``mqtt://user:password@host:port`` or ``mqtts://…``.

        Raises:
            ImproperlyConfigured: it is neither.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        except ValueError:
            raise ImproperlyConfigured("MQTT_URL names no port that is a number.") from None
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path not in ("", "/"):
            raise ImproperlyConfigured("MQTT_URL must read mqtt://user:password@host:1883 or mqtts://….")
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        return cls(parts.hostname, port, parts.scheme == "mqtts", user, password, client_id, ca_file)


class Link:
    """A connection to the broker that mends itself; what arrives waits here until it is taken and acknowledged.

    The broker keeps the session while nobody is connected, and sends again what was not acknowledged.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._changed = threading.Condition()
        self._waiting: deque[Delivery] = deque()
        self._turn = 0
        self._stamp_us = 0
        self._closed = False
        self.connected = threading.Event()
        """Set while the broker answers and has taken our subscriptions: nothing published now can be missed."""
        self._client = self._made(address)

    def open(self) -> None:
        """Begin to connect, and keep at it until closed."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = KEEP_SESSION_S
        properties.ReceiveMaximum = WINDOW
        self._client.connect_async(
            self._address.host, self._address.port, KEEPALIVE_S, clean_start=False, properties=properties
        )
        self._client.loop_start()

    def close(self) -> None:
        """Disconnect; the broker keeps what is not acknowledged."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._client.disconnect()
        self._client.loop_stop()
        # they hold this link, which holds the client: its sockets would stay open until somebody finds the circle
        client = self._client
        client.on_connect = client.on_connect_fail = client.on_subscribe = None
        client.on_disconnect = client.on_message = None

    def take(self, *, most: int, within_s: float, quiet_s: float) -> list[Delivery]:
        """Return what has arrived: once there is something, all that comes before a pause, a while or a number is over.

        Empty after half a second without any.
        """
        with self._changed:
            if not self._waiting:
                self._changed.wait(0.5)
            end = time.monotonic() + within_s
            seen = 0
            while seen < len(self._waiting) < most and time.monotonic() < end:
                seen = len(self._waiting)
                self._changed.wait_for(lambda: len(self._waiting) >= most, timeout=quiet_s)
            taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            self._changed.notify_all()
        return taken

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that messages need not be kept, in the order in which they came.

        Those of a connection that was lost are left out: the broker will send them again, maybe under other numbers.
        """
        for delivery in deliveries:
            with self._changed:
                if delivery.mid and delivery.turn == self._turn:
                    self._client.ack(delivery.mid, 1)

    def _made(self, address: Address) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=address.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        if address.user is not None:
            client.username_pw_set(address.user, address.password)
        if address.tls:
            client.tls_set_context(ssl.create_default_context(cafile=address.ca_file or None))
        client.reconnect_delay_set(1, LONGEST_WAIT_S)
        client.on_connect = self._connected
        client.on_connect_fail = self._unreachable
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        client.on_message = self._arrived
        return client

    def _connected(
        self, client: Client, _data: Any, flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            log.error("mqtt_refused", broker=self._address.host, reason=str(reason))
            return
        options = SubscribeOptions(qos=1, retainHandling=NO_RETAINED)
        client.subscribe([(topic, options) for topic in TOPICS])
        log.info("mqtt_connected", broker=self._address.host, session_present=flags.session_present)

    def _subscribed(
        self, _client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        refused = [f"{topic}: {reason}" for topic, reason in zip(TOPICS, reasons, strict=True) if reason.is_failure]
        if refused:
            log.error("mqtt_subscription_refused", broker=self._address.host, refused=refused)
            return
        log.info("mqtt_subscribed", broker=self._address.host)
        self.connected.set()

    def _unreachable(self, _client: Client, _data: Any) -> None:
        log.warning("mqtt_unreachable", broker=self._address.host, port=self._address.port)

    def _disconnected(
        self,
        _client: Client,
        _data: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self.connected.clear()
        with self._changed:
            self._turn += 1
            kept = [delivery for delivery in self._waiting if not delivery.mid]
            self._waiting.clear()  # the broker sends the others again
            self._waiting.extend(kept)
            self._changed.notify_all()
        if not self._closed:
            log.warning("mqtt_disconnected", broker=self._address.host, reason=str(reason))

    def _arrived(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        with self._changed:
            self._stamp_us = max(time.time_ns() // 1000, self._stamp_us + 1)
            try:
                topic = message.topic
            except UnicodeDecodeError:
                topic = ""
            told = Message(topic, bytes(message.payload), self._stamp_us)
            # Beyond the window only messages come that need no answer; holding up the line holds them up too.
            self._changed.wait_for(lambda: len(self._waiting) < 2 * WINDOW or self._closed)
            self._waiting.append(Delivery(told, message.mid if message.qos else 0, self._turn, bool(message.dup)))
            self._changed.notify_all()
