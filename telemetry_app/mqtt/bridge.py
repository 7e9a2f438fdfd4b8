"""The bridge: takes messages from the line, stores them in micro-batches, and only then acknowledges them."""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter as Tally
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import structlog
from django.conf import settings
from django.db import DataError, close_old_connections, connection
from django.utils import timezone
from prometheus_client import Counter

from biolab.accounts.auth.identity import identify
from biolab.accounts.models import User
from biolab.kernel.errors import Invalid, Refusal, Unauthenticated, Unavailable, Unreachable
from biolab.kernel.ids import find
from sessions_app.models import LabSession
from telemetry_app.ingest.line_protocol import decode_lines
from telemetry_app.ingest.mqtt import BAD_TOPIC, Message, destination_of, digest_of, gather, read_message
from telemetry_app.mqtt.link import WINDOW, Address, Delivery, Link
from telemetry_app.services.ingest import ingest
from telemetry_app.stores.base import Body

log = structlog.get_logger(__name__)

MOST: Final = 5_000
WITHIN_S: Final = 0.2
QUIET_S: Final = 0.02
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 15.0
MESSAGES = Counter("biolab_mqtt_messages", "MQTT messages by what became of them.", ["outcome"])

Clock = Callable[[], datetime]


class Bridge:
    """Stores what instruments publish, as the owner of a service token; runs in the caller's thread or its own.

    A message is acknowledged once its readings are committed, or once it is clear that they never will be: no reading,
    an unknown or ended session. Whatever else goes wrong — the database, the token — is waited for.
    """

    def __init__(self, *, url: str, token: str, client_id: str, ca_file: str = "", clock: Clock = timezone.now) -> None:
        self.link = Link(Address.of(url, client_id=client_id, ca_file=ca_file))
        self._token = token
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, name="mqtt-bridge", daemon=True)
        self._recent: deque[int] = deque(maxlen=WINDOW)

    @classmethod
    def from_settings(cls) -> Bridge:
        """Return the bridge that the settings describe."""
        return cls(
            url=settings.MQTT_URL,
            token=settings.MQTT_TOKEN,
            client_id=settings.MQTT_CLIENT_ID,
            ca_file=settings.MQTT_CA_FILE,
        )

    def start(self) -> None:
        """Run in a thread beside a server."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch at hand; what is not acknowledged stays with the broker."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(15)

    def run(self) -> None:
        """Carry messages until stopped."""
        self.link.open()
        try:
            while not self._stop.is_set():
                if taken := self.link.take(most=MOST, within_s=WITHIN_S, quiet_s=QUIET_S):
                    self._carry(taken)
        finally:
            self.link.close()
            connection.close()

    def _carry(self, taken: list[Delivery]) -> None:
        """Store deliveries, session by session, and acknowledge them; try until it is done or we are stopped."""
        # What the broker sends again was stored already where the acknowledgement alone was lost.
        stored = set(self._recent) if any(delivery.again for delivery in taken) else set()
        fresh = [delivery for delivery in taken if not (delivery.again and _key(delivery) in stored)]
        MESSAGES.labels("again").inc(len(taken) - len(fresh))
        groups: dict[str, list[Message]] = {}
        for delivery in fresh:
            destination = destination_of(delivery.message.topic)
            groups.setdefault(destination.session if destination else "", []).append(delivery.message)
        left, wait_s = list(groups.items()), FIRST_WAIT_S
        while left:
            try:
                close_old_connections()
                by = identify(self._token, at=self._clock()).person
                while left:
                    self._store_group(*left[0], by)
                    left.pop(0)
            except Exception as error:
                log.warning("mqtt_waits", error=repr(error)[:300], messages=len(fresh), exc_info=_is_defect(error))
                connection.close()
                if self._stop.wait(wait_s * random.uniform(0.5, 1.0)):  # noqa: S311  no secret
                    return
                wait_s = min(LONGEST_WAIT_S, wait_s * 2)
        self._recent.extend(_key(delivery) for delivery in fresh)
        self.link.acknowledge(taken)

    def _store_group(self, named: str, messages: Sequence[Message], by: User) -> None:
        """Store the messages to one session; those that never can be are counted and told."""
        refused: Tally[str] = Tally()
        try:
            if not named:
                raise Invalid(BAD_TOPIC)
            session = find(LabSession.objects.visible_to(by), named)
        except Refusal as refusal:
            refused[str(refusal)] += len(messages)
        else:
            lines = [message for message in messages if message.topic.endswith("/line")]
            readings = [message for message in messages if not message.topic.endswith("/line")]
            self._store_halves(session, readings, by, _store_readings, refused)
            for message in lines:
                self._store_halves(session, [message], by, _store_lines, refused)
        MESSAGES.labels("stored").inc(len(messages) - refused.total())
        MESSAGES.labels("refused").inc(refused.total())
        for reason, count in refused.items():
            log.warning("mqtt_refused_messages", session=named[:64], reason=reason, count=count)

    def _store_halves(
        self,
        session: LabSession,
        messages: Sequence[Message],
        by: User,
        store: Callable[[LabSession, Sequence[Message], User, datetime], None],
        refused: Tally[str],
    ) -> None:
        """Store messages together, or half by half where one of them is no good."""
        if not messages:
            return
        try:
            store(session, messages, by, self._clock())
        except (Unauthenticated, Unavailable, Unreachable):
            raise
        except (Refusal, DataError) as problem:
            if len(messages) == 1 or not isinstance(problem, Invalid | DataError):
                refused[str(problem)[:200]] += len(messages)
                return
            middle = len(messages) // 2
            for half in (messages[:middle], messages[middle:]):
                self._store_halves(session, half, by, store, refused)


def _key(delivery: Delivery) -> int:
    return hash((delivery.mid, delivery.message.topic, delivery.message.payload))


def _is_defect(error: Exception) -> bool:
    return not isinstance(error, Refusal) and not type(error).__module__.startswith(("django.db", "psycopg", "sqlite3"))


def _store_readings(session: LabSession, messages: Sequence[Message], by: User, at: datetime) -> None:
    batch = gather([read_message(message) for message in messages], received_us=messages[-1].stamp_us)
    ingest(session=session, batch=batch, by=by, at=at, body_sha256=digest_of(messages), address_kind="mqtt")


def _store_lines(session: LabSession, messages: Sequence[Message], by: User, at: datetime) -> None:
    for message in messages:
        lines = decode_lines(message.payload, received_us=message.stamp_us)
        digest = hashlib.sha256(message.payload).hexdigest()
        ingest(
            session=session,
            batch=lines.batch,
            by=by,
            at=at,
            body_sha256=digest,
            batch_id=f"lines:{digest}" if lines.skipped and lines.batch.timed else None,
            address_kind="mqtt",
            original=Body(message.payload, "text/plain; charset=utf-8") if lines.skipped else None,
        )
