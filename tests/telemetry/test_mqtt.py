"""What MQTT messages say, and a bridge that acknowledges them only once they are stored."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from biolab.accounts.models import ServiceToken
from biolab.accounts.roles import Role, Scope
from biolab.kernel.errors import Invalid
from biolab.kernel.times import iso
from sessions_app.models import LabSession
from telemetry_app import stores
from telemetry_app.ingest.mqtt import Destination, Message, destination_of, gather, read_message
from telemetry_app.instants import from_us
from telemetry_app.models import Channel, Original, Segment
from telemetry_app.mqtt import bridge as bridges
from telemetry_app.mqtt.bridge import MESSAGES, Bridge
from telemetry_app.mqtt.link import Address
from tests.factories.accounts import make_token
from tests.factories.sessions import SessionFactory, make_member
from tests.faults.house import wait_for
from tests.services import program
from tests.telemetry.mosquitto import Broker

NOW_US = 1_750_000_000_000_000


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("labs/sess_1/telemetry/pH", Destination("sess_1", "pH")),
        ("labs/sess_1/telemetry/tank 1/pH", Destination("sess_1", "tank 1/pH")),
        ("labs/sess_1/line", Destination("sess_1", None)),
        ("labs/sess_1/line/more", None),
        ("labs/sess_1/telemetry/", None),
        ("labs/sess_1/telemetry", None),
        ("labs//telemetry/pH", None),
        ("other/sess_1/telemetry/pH", None),
    ],
)
def test_topics_name_a_session_and_a_channel(topic: str, expected: Destination | None) -> None:
    assert destination_of(topic) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"7.01", (NOW_US, 7.01, "")),
        (b" 7 ", (NOW_US, 7.0, "")),
        (b"true", (NOW_US, 1.0, "")),
        (b'"7.5"', (NOW_US, 7.5, "")),
        (b'{"value": 7}', (NOW_US, 7.0, "")),
        (b'{"ts": "2025-03-03T10:00:00+01:00", "value": "36.5", "unit": "C"}', (1740992400000000, 36.5, "C")),
        (b'{"ts": 1740992400, "value": 1}', (1740992400000000, 1.0, "")),
        (b'{"ts": 1740992400123, "value": 1}', (1740992400123000, 1.0, "")),
        (b'{"ts": 1740992400.5, "value": 1}', (1740992400500000, 1.0, "")),
    ],
)
def test_payloads_are_a_number_or_an_object(payload: bytes, expected: tuple[int, float, str]) -> None:
    said = read_message(Message("labs/s/telemetry/pH", payload, NOW_US))

    assert (said.us, said.value, said.unit) == expected


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"warm",
        b"NaN",
        b"[1]",
        b"null",
        b'{"value": null}',
        b'{"ts": "yesterday", "value": 1}',
        b'{"ts": 5, "value": 1}',
        b'{"ts": %b, "value": 1}' % (b"9" * 400),
        b'{"ts": 1e309, "value": 1}',
        b'{"ts": NaN, "value": 1}',
        b'{"value": 1e309}',
        b'{"ts": true, "value": 1}',
        b'{"ts": "2099-01-01T00:00:00Z", "value": 1}',
        b'{"value": 1, "unit": 5}',
        b"\xff\xfe",
        b"1" * 5000,
    ],
)
def test_payloads_that_hold_no_reading_are_refused(payload: bytes) -> None:
    with pytest.raises(Invalid):
        read_message(Message("labs/s/telemetry/pH", payload, NOW_US))


def test_two_units_of_one_channel_do_not_go_together() -> None:
    said = [
        read_message(Message("labs/s/telemetry/T", f'{{"value": 1, "unit": "{u}"}}'.encode(), NOW_US)) for u in "KC"
    ]

    with pytest.raises(Invalid):
        gather(said, received_us=NOW_US)


@pytest.mark.parametrize("url", ["http://a", "mqtt://", "mqtt://a:x", "mqtt://a/path"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        Address.of(url, client_id="biolab")


def test_an_address_names_host_port_and_account() -> None:
    address = Address.of("mqtts://bench:p%40ss@broker.lab", client_id="biolab")

    assert (address.host, address.port, address.tls) == ("broker.lab", 8883, True)
    assert (address.user, address.password) == ("bench", "p@ss")


@contextmanager
def brokering(folder: Path) -> Iterator[Broker]:
    broker = Broker(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@contextmanager
def bridging(broker: Broker, secret: str, *, name: str = "") -> Iterator[Bridge]:
    bridge = Bridge(url=broker.url, token=secret, client_id=name or f"test-{uuid4().hex}")
    bridge.start()
    try:
        assert bridge.link.connected.wait(20)
        yield bridge
    finally:
        bridge.stop()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with brokering(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


@pytest.fixture
def session(transactional_db: None) -> LabSession:
    return SessionFactory()


@pytest.fixture
def secret(session: LabSession) -> str:
    return make_token(make_member(session.team, Role.OPERATOR), scopes=[Scope.TELEMETRY_WRITE])[1]


@pytest.fixture
def bridge(broker: Broker, session: LabSession, secret: str) -> Iterator[Bridge]:
    with bridging(broker, secret) as running:
        yield running


def counted(session: LabSession) -> dict[str, int]:
    found = stores.current().summary(session.pk)
    names = dict(Channel.objects.filter(pk__in=found).values_list("pk", "name"))
    return {names[key]: stats.count for key, stats in found.items()}


def outcomes(outcome: str) -> Callable[[], float]:
    counter = MESSAGES.labels(outcome)
    before = counter._value.get()
    return lambda: counter._value.get() - before


def stamped(session: LabSession, count: int, channel: str = "pH") -> list[tuple[str, str]]:
    start = timezone.now() - timedelta(minutes=1)
    return [
        (
            f"labs/{session.public_id}/telemetry/{channel}",
            json.dumps({"ts": iso(start + timedelta(milliseconds=i)), "value": i}),
        )
        for i in range(count)
    ]


def test_published_readings_are_stored_and_poison_is_counted_and_put_aside(
    broker: Broker, bridge: Bridge, session: LabSession
) -> None:
    ended, elsewhere = SessionFactory(team=session.team, completed=True), SessionFactory()
    refused, here = outcomes("refused"), f"labs/{session.public_id}/telemetry"
    line = f'tank,side=left T=36.5,note="warm" {int(timezone.now().timestamp())}000000000'

    broker.publish(
        [
            (f"{here}/pH", "7.01"),
            (f"{here}/pH", "no number"),
            (f"{here}/pH", "7.02"),
            (f"{here}/T", '{"value": 1, "unit": "K"}'),
            (f"{here}/T", '{"value": 2, "unit": "C"}'),
            (f"labs/{ended.public_id}/telemetry/pH", "7"),
            (f"labs/{elsewhere.public_id}/telemetry/pH", "7"),
            ("labs/nonsense/telemetry/pH", "7"),
            (f"labs/{session.public_id}/line", line),
            (f"labs/{session.public_id}/line", "this is no line"),
            *stamped(session, 500, "flow"),
        ]
    )

    expected = {"pH": 2, "T": 1, "tank.T,side=left": 1, "flow": 500}
    wait_for(lambda: counted(session) == expected, timeout_s=20, doing="for the readings")
    wait_for(lambda: refused() == 6, timeout_s=20, doing="for the refused ones")
    assert set(Segment.objects.values_list("address_kind", flat=True)) == {"mqtt"}
    assert Original.objects.count() == 1
    assert not Segment.objects.filter(session=ended).exists()


@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
def test_mosquittos_own_command_feeds_a_session(
    broker: Broker, bridge: Bridge, session: LabSession, version: str
) -> None:
    command = [program("mosquitto_pub", package="mosquitto-clients"), "-h", "127.0.0.1", "-p", str(broker.port)]
    command += ["-V", version, "-q", "1", "-t", f"labs/{session.public_id}/telemetry/pH"]

    subprocess.run([*command, "-m", "7.01"], check=True, timeout=30)
    subprocess.run([*command, "-l"], input="7.02\n7.03\n", text=True, check=True, timeout=30)

    wait_for(lambda: counted(session) == {"pH": 3}, timeout_s=20, doing="for the readings")


def test_what_was_published_while_the_bridge_was_away_comes_when_it_returns(
    broker: Broker, session: LabSession, secret: str
) -> None:
    name = f"test-{uuid4().hex}"
    for part in (1, 2):
        with bridging(broker, secret, name=name):
            broker.publish(stamped(session, 50, f"before {part}"))
            wait_for(lambda part=part: counted(session).get(f"before {part}") == 50, timeout_s=20)  # type: ignore[misc]
        broker.publish(stamped(session, 50, f"away {part}"))

    with bridging(broker, secret, name=name):
        wait_for(lambda: set(counted(session).values()) == {50} and len(counted(session)) == 4, timeout_s=20)


def test_a_broker_that_restarts_costs_nothing(
    tmp_path: Path, session: LabSession, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridges, "FIRST_WAIT_S", 0.05)
    with brokering(tmp_path) as broker, bridging(broker, secret) as bridge:
        broker.publish(stamped(session, 200, "before"))

        broker.stop()
        wait_for(lambda: not bridge.link.connected.is_set(), timeout_s=20)
        broker.start()
        assert bridge.link.connected.wait(20)
        broker.publish(stamped(session, 200, "after"))

        wait_for(lambda: counted(session) == {"before": 200, "after": 200}, timeout_s=20)


def test_a_database_that_is_down_is_waited_for_and_nothing_is_acknowledged_before(
    broker: Broker, bridge: Bridge, session: LabSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridges, "FIRST_WAIT_S", 0.05)
    whole, failures, acknowledged = bridges.ingest, iter(range(3)), []
    acknowledge = bridge.link.acknowledge
    monkeypatch.setattr(bridge.link, "acknowledge", lambda taken: (acknowledged.append(len(taken)), acknowledge(taken)))
    seen: list[int] = []

    def down(**batch: Any) -> Any:
        if next(failures, None) is not None:
            seen.append(len(acknowledged))
            raise OperationalError("the database is down")
        return whole(**batch)

    monkeypatch.setattr(bridges, "ingest", down)
    broker.publish([*stamped(session, 20), (f"labs/{session.public_id}/telemetry/bare", "7")])

    wait_for(lambda: counted(session) == {"pH": 20, "bare": 1}, timeout_s=20)
    assert len(seen) == 3
    assert seen == [seen[0]] * 3


def test_a_revoked_token_holds_messages_back_until_it_is_good_again(
    broker: Broker, bridge: Bridge, session: LabSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridges, "FIRST_WAIT_S", 0.05)
    monkeypatch.setattr(bridges, "LONGEST_WAIT_S", 0.1)
    ServiceToken.objects.update(revoked_at=timezone.now())
    refused = outcomes("refused")
    broker.publish(stamped(session, 5))
    nothing = counted(session)

    ServiceToken.objects.update(revoked_at=None)

    wait_for(lambda: counted(session) == {"pH": 5}, timeout_s=20)
    assert nothing == {}
    assert refused() == 0


def test_a_number_without_a_time_happened_when_it_arrived(broker: Broker, bridge: Bridge, session: LabSession) -> None:
    before = timezone.now()
    broker.publish([(f"labs/{session.public_id}/telemetry/pH", str(value)) for value in range(100)])

    wait_for(lambda: counted(session) == {"pH": 100}, timeout_s=20)
    (latest,) = stores.current().latest(session.pk).values()
    assert latest.value == 99
    assert before - timedelta(seconds=1) <= from_us(latest.us) <= timezone.now() + timedelta(seconds=1)


@pytest.mark.django_db
def test_the_command_says_what_it_lacks(settings: Any) -> None:
    settings.MQTT_URL, settings.MQTT_TOKEN = "mqtt://127.0.0.1:1", ""
    with pytest.raises(CommandError, match="MQTT_TOKEN"):
        call_command("bridge_mqtt")

    settings.MQTT_TOKEN = "bl_nobody"
    with pytest.raises(CommandError, match="unknown"):
        call_command("bridge_mqtt")

    settings.MQTT_TOKEN = make_token(make_member(SessionFactory().team), scopes=[Scope.TELEMETRY_READ])[1]
    with pytest.raises(CommandError, match="telemetry:write"):
        call_command("bridge_mqtt")


def test_a_message_whose_acknowledgement_was_lost_is_known_when_it_comes_again(
    tmp_path: Path, session: LabSession, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = outcomes("again")
    with brokering(tmp_path) as broker, bridging(broker, secret) as bridge:
        acknowledge = bridge.link.acknowledge
        monkeypatch.setattr(bridge.link, "acknowledge", lambda taken: None)
        broker.publish([(f"labs/{session.public_id}/telemetry/pH", "7")] * 10)
        wait_for(lambda: counted(session) == {"pH": 10}, timeout_s=20)
        monkeypatch.setattr(bridge.link, "acknowledge", acknowledge)

        broker.stop()
        wait_for(lambda: not bridge.link.connected.is_set(), timeout_s=20)
        broker.start()
        wait_for(lambda: again() == 10, timeout_s=20, doing="for the messages to come again")

    assert counted(session) == {"pH": 10}
