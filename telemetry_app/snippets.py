"""Ready-to-paste snippets: how an instrument that people already have sends to this very server; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EXAMPLE: Final = "temperature"


@dataclass(frozen=True, slots=True)
class Broker:
    """The MQTT broker that the bridge reads; None is its usual port."""

    host: str
    port: int | None = None
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an instrument sends to.

    Attributes:
        base_url: scheme and host as the person reaches them, without a slash at the end.
        secret: of a service token.
        session_id: the session, None for whichever runs.
        broker: None where no bridge is set up.
    """

    base_url: str
    secret: str
    session_id: str | None = None
    broker: Broker | None = None


@dataclass(frozen=True, slots=True)
class Snippet:
    """One way to send, as text to paste."""

    key: str
    title: str
    hint: str
    text: str


def snippets(to: Destination) -> list[Snippet]:
    """Return the ways in that suit a token: with its session named, or into whichever runs."""
    if to.session_id is None:
        return [_curl_device(to), _python_device(to)]
    ways = [_curl(to), _python(to), _influx_client(to), _telegraf(to)]
    return ways if to.broker is None else [*ways, _mqtt(to, to.broker)]


def _curl(to: Destination) -> Snippet:
    return Snippet(
        "curl",
        "curl",
        "One reading, now. Add a “timestamp” in ISO 8601 to say when it was measured.",
        f"""curl --fail -X POST '{to.base_url}/api/sessions/{to.session_id}/telemetry' \\
  -H 'Authorization: Token {to.secret}' \\
  -H 'Content-Type: application/json' \\
  -d '{{"channel": "{EXAMPLE}", "value": 37.0, "unit": "°C"}}'
""",
    )


def _python(to: Destination) -> Snippet:
    return Snippet(
        "python",
        "Python",
        "Needs only requests. The batch id makes a retry harmless: what is stored already is not stored twice.",
        f"""import uuid
from datetime import datetime, timezone

import requests

readings = [
    {{
        "timestamp": datetime.now(timezone.utc).isoformat(),
        "channel": "{EXAMPLE}",
        "value": 37.0,
        "unit": "°C",
    }},
]
answer = requests.post(
    "{to.base_url}/api/sessions/{to.session_id}/telemetry/batch",
    json={{"batch_id": str(uuid.uuid4()), "data": readings}},
    headers={{"Authorization": "Token {to.secret}"}},
    timeout=10,
)
answer.raise_for_status()
print(answer.json())
""",
    )


def _influx_client(to: Destination) -> Snippet:
    return Snippet(
        "influxdb-client",
        "Python, influxdb-client",
        "The official InfluxDB 2 client. This point becomes the channel “bioreactor.temperature,vessel=R1”.",
        f"""from influxdb_client import InfluxDBClient, Point
from influxdb_client.client.write_api import SYNCHRONOUS

with InfluxDBClient(
    url="{to.base_url}/influx",
    token="{to.secret}",
    org="lab",
) as client:
    writer = client.write_api(write_options=SYNCHRONOUS)
    point = Point("bioreactor").tag("vessel", "R1").field("{EXAMPLE}", 37.0)
    writer.write(bucket="{to.session_id}", record=point)
""",
    )


def _telegraf(to: Destination) -> Snippet:
    return Snippet(
        "telegraf",
        "Telegraf",
        "Put it into telegraf.conf; every input of this Telegraf then goes into the session.",
        f"""[[outputs.influxdb_v2]]
  urls = ["{to.base_url}/influx"]
  token = "{to.secret}"
  organization = "lab"
  bucket = "{to.session_id}"
  content_encoding = "gzip"
""",
    )


def _mqtt(to: Destination, broker: Broker) -> Snippet:
    port = broker.port or (8883 if broker.encrypted else 1883)
    encrypted = " --tls-use-os-certs" if broker.encrypted else ""
    return Snippet(
        "mqtt",
        "MQTT",
        "Any MQTT client. The broker decides who may publish; the token above is not needed.",
        f"""mosquitto_pub -h '{broker.host}' -p {port}{encrypted} -q 1 \\
  -t 'labs/{to.session_id}/telemetry/{EXAMPLE}' \\
  -m '{{"value": 37.0, "unit": "°C"}}'
""",
    )


def _curl_device(to: Destination) -> Snippet:
    return Snippet(
        "curl",
        "curl",
        "The token stands in the address, as for a ThingsBoard device; each key becomes a channel.",
        f"""curl --fail -X POST '{to.base_url}/api/v1/{to.secret}/telemetry' \\
  -H 'Content-Type: application/json' \\
  -d '{{"{EXAMPLE}": 37.0, "pH": 7.02}}'
""",
    )


def _python_device(to: Destination) -> Snippet:
    return Snippet(
        "python",
        "Python",
        "Each key becomes a channel; “ts” is in milliseconds since 1970 and may be left out.",
        f"""import time

import requests

answer = requests.post(
    "{to.base_url}/api/v1/{to.secret}/telemetry",
    json={{"ts": int(time.time() * 1000), "values": {{"{EXAMPLE}": 37.0, "pH": 7.02}}}},
    timeout=10,
)
answer.raise_for_status()
""",
    )
