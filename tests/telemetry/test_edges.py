"""The edges of what is a reading, through every door: what is taken, what is refused, and in which words."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from biolab.accounts.roles import Role
from biolab.kernel.times import iso
from sessions_app.models import LabSession
from telemetry_app import stores
from telemetry_app.ingest.shapes import BAD_NAME, MAX_NAME, NO_TIME, NOT_FINITE, TOO_FAR_AHEAD
from telemetry_app.models import Channel, Segment
from telemetry_app.stores.reading import FIRST_US, LAST_US
from tests.factories.accounts import client_of, make_token
from tests.factories.sessions import SessionFactory, make_member
from tests.factories.telemetry import ChannelFactory

pytestmark = pytest.mark.django_db

GOOD = iso(timezone.now() + timedelta(hours=1))
"""Neither late nor too far ahead however long the run takes."""


@dataclass
class Bench:
    """A running session, one channel of its team, and somebody who writes readings."""

    session: LabSession
    channel: Channel
    client: APIClient
    secret: str

    def post(self, path: str, body: bytes | str, media_type: str = "application/json", **headers: str) -> Any:
        data = body.encode() if isinstance(body, str) else body
        path = path.format(sid=self.session.public_id, token=self.secret)
        return self.client.generic("POST", path, data, content_type=media_type, headers=headers)

    def send(self, door: Door, value: str, at: str = GOOD, name: str = "pH") -> Any:
        """Send a reading after a good one where the door takes several, as JSON's own text."""
        said = {"value": value, "at": at, "good": GOOD, "name": name, "id": self.channel.public_id}
        text = door.body
        for key, part in said.items():
            text = text.replace(f"<{key}>", part)
        return self.post(door.path, text)

    def stored(self) -> dict[str, list[tuple[int, float]]]:
        """Return (microseconds, value) of every channel."""
        runs = stores.current().window(self.session.pk, None, FIRST_US, LAST_US)
        named = Channel.objects.in_bulk(list(runs))
        pairs = {key: zip(run.times.tolist(), run.values.tolist(), strict=True) for key, run in runs.items()}
        return {named[key].name: list(pair) for key, pair in pairs.items()}

    def is_untouched(self) -> bool:
        return not Segment.objects.exists() and list(Channel.objects.all()) == [self.channel]


@dataclass(frozen=True)
class Door:
    """A way in for JSON; ``at``, ``value`` and ``name`` are where a refusal points to, None where it has none."""

    path: str
    body: str
    value: str
    at: str | None
    name: str | None


BATCH = "/api/sessions/{sid}/telemetry/batch"
POINTS = "/api/v1/datapoints"
DEVICE = "/api/v1/{token}/telemetry"
LINES = "/influx/{sid}/api/v2/write?precision=us"

DOORS = {
    "single": Door(
        "/api/sessions/{sid}/telemetry",
        '{"channel": "<name>", "timestamp": "<at>", "value": <value>}',
        "/value",
        "/timestamp",
        "/channel",
    ),
    "rows": Door(
        BATCH,
        '{"data": [{"channel": "good", "timestamp": "<good>", "value": 1},'
        ' {"channel": "<name>", "timestamp": "<at>", "value": <value>}]}',
        "/data/1/value",
        "/data/1/timestamp",
        "/data/1/channel",
    ),
    "columns": Door(
        BATCH,
        '{"columns": [{"channel": "good", "timestamps": ["<good>"], "values": [1]},'
        ' {"channel": "<name>", "timestamps": ["<good>", "<at>"], "values": [1, <value>]}]}',
        "/columns/1/values/1",
        "/columns/1/timestamps/1",
        "/columns/1/channel",
    ),
    "datapoint": Door(
        POINTS,
        '{"event_public_id": "<id>", "timestamp": "<at>", "value": <value>}',
        "/value",
        "/timestamp",
        None,
    ),
    "device": Door(DEVICE, '[{"good": 1}, {"<name>": <value>}]', "/1/pH", None, "/1/<name>"),
}


@pytest.fixture
def bench() -> Bench:
    session = SessionFactory()
    member = make_member(session.team, Role.OPERATOR)
    secret = make_token(member, session_ids=[session.public_id])[1]
    return Bench(session, ChannelFactory(team=session.team, name="pH", unit=""), client_of(member), secret)


def check_refused(bench: Bench, answer: Any, pointer: str, detail: str) -> None:
    """Check that the answer says what is wrong and where, and that nothing was written."""
    problem = answer.json()
    assert (answer.status_code, problem["errors"][0]) == (422, {"pointer": pointer, "detail": detail}), problem
    assert bench.is_untouched()


# --- values -----------------------------------------------------------------------------------------------------------

NOT_NUMBERS = ["NaN", "Infinity", "-Infinity", "1e309", "-1e309", "9" * 400]


@pytest.mark.parametrize("value", NOT_NUMBERS)
@pytest.mark.parametrize("door", DOORS.values(), ids=list(DOORS))
def test_what_float64_does_not_hold_is_refused_with_its_place(bench: Bench, door: Door, value: str) -> None:
    check_refused(bench, bench.send(door, value), door.value, NOT_FINITE)


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_among_datapoints_it_costs_its_row_alone(bench: Bench, value: str) -> None:
    rows = ", ".join(f'{{"event_public_id": "{bench.channel.public_id}", "value": {one}}}' for one in (value, "5"))

    answer = bench.post(f"{POINTS}/batch", f'{{"datapoints": [{rows}]}}').json()

    assert (answer["accepted"], answer["rejected"]) == (1, [{"index": 0, "code": "invalid_value"}])
    assert [value for _, value in bench.stored()["pH"]] == [5.0]


@pytest.mark.parametrize("value", [*NOT_NUMBERS, "9007199254740993i", "-9007199254740993i"])
def test_in_a_line_it_refuses_the_body_and_names_the_line(bench: Bench, value: str) -> None:
    answer = bench.post(LINES, f"m f=1 1\nm f={value} 2\n", "text/plain")

    assert (answer.status_code, answer.json()["line"]) == (400, 2)
    assert bench.is_untouched()


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("-5e-324", -5e-324),
        ("9007199254740993", 9007199254740992.0),  # JSON's numbers are float64, and this is the nearest
        ('"9007199254740993"', 9007199254740992.0),
        ("true", 1.0),
    ],
)
@pytest.mark.parametrize("door", DOORS.values(), ids=list(DOORS))
def test_what_float64_holds_comes_back_bit_by_bit(bench: Bench, door: Door, value: str, kept: float) -> None:
    assert bench.send(door, value).status_code in (200, 201)

    assert bench.stored()["pH"][-1][1] == kept


# --- times ------------------------------------------------------------------------------------------------------------


def ahead(**delta: float) -> str:
    return iso(timezone.now() + timedelta(**delta))


@pytest.mark.parametrize(
    ("at", "detail"),
    [
        ("9999-12-31T23:59:59Z", TOO_FAR_AHEAD),
        ("9999-12-31T23:59:59.999999+00:00", TOO_FAR_AHEAD),
        pytest.param(ahead(hours=25), TOO_FAR_AHEAD, id="in 25 hours"),
        ("10000-01-01T00:00:00Z", NO_TIME),
        ("0000-01-01T00:00:00Z", NO_TIME),
        ("0001-01-01T00:00:00Z", NO_TIME),
        ("0001-01-01T00:00:00+00:00", NO_TIME),
        ("2026-02-30T00:00:00Z", NO_TIME),
        ("2026-01-01T00:00:00", NO_TIME),
    ],
)
@pytest.mark.parametrize("door", [door for door in DOORS.values() if door.at], ids=lambda door: door.path)
def test_a_time_that_cannot_be_is_refused_with_its_place(bench: Bench, door: Door, at: str, detail: str) -> None:
    check_refused(bench, bench.send(door, "1", at), door.at or "", detail)


@pytest.mark.parametrize("us", [253402300799999999, -62135596800000000])
def test_such_a_time_in_a_line_is_refused_with_the_line(bench: Bench, us: int) -> None:
    answer = bench.post(LINES, f"m f=1 1\nm f=2 {us}\n", "text/plain")

    assert (answer.status_code, answer.json()["line"]) == (400, 2)
    assert bench.is_untouched()


def test_almost_a_day_ahead_is_taken(bench: Bench) -> None:
    assert bench.send(DOORS["rows"], "1", ahead(hours=23)).json()["created"] == 2


def test_a_reading_of_year_one_is_late_and_every_way_out_shows_it(bench: Bench) -> None:
    first = "0001-01-02T00:00:00Z"
    url = f"/api/sessions/{bench.session.public_id}"

    assert bench.send(DOORS["rows"], "7.5", first, name="good").json()["late"] == 1

    for _ in range(2):
        listed = bench.client.get(f"{url}/telemetry", {"limit": 1})
        rest = bench.client.get(listed["Link"].partition("<")[2].partition(">")[0])
        assert [row["timestamp"] for row in (*listed.json(), *rest.json())] == [GOOD, first]
        item = bench.client.get(f"{url}/telemetry/channels").json()["items"][0]
        assert (item["first"], item["last"], item["count"]) == (first, GOOD, 2)
        assert bench.client.get(f"{url}/telemetry/series").json()["time"] == [first, GOOD]
        until = {"from": "0001-01-01T00:00:00Z", "to": "0001-01-03T00:00:00Z"}
        assert [row["value"] for row in bench.client.get(f"{url}/telemetry", until).json()] == [7.5]
        for kind in ("csv", "parquet", "arrow"):
            export = bench.client.get(f"{url}/telemetry/export", {"format": kind})
            assert (export.status_code, bool(b"".join(export.streaming_content))) == (200, True)
        stores.current().compact(bench.session.pk)


@pytest.mark.parametrize("way", ["rows", "columns", "datapoints", "lines"])
def test_a_microsecond_parts_two_readings_and_of_one_moment_the_last_wins(bench: Bench, way: str) -> None:
    second = 1_767_225_600
    fractions, values = ["000001", "000002", "000001"], [1.0, 2.0, 3.0]
    stamps = [f"2026-01-01T00:00:00.{fraction}Z" for fraction in fractions]
    pairs = list(zip(stamps, values, strict=True))
    event = bench.channel.public_id
    sent: dict[str, Callable[[], Any]] = {
        "rows": lambda: bench.post(
            BATCH, json.dumps({"data": [{"channel": "pH", "timestamp": at, "value": v} for at, v in pairs]})
        ),
        "columns": lambda: bench.post(
            BATCH, json.dumps({"columns": [{"channel": "pH", "timestamps": stamps, "values": values}]})
        ),
        "datapoints": lambda: bench.post(
            f"{POINTS}/batch",
            json.dumps({"datapoints": [{"event_public_id": event, "timestamp": at, "value": v} for at, v in pairs]}),
        ),
        "lines": lambda: bench.post(
            LINES, "".join(f"pH f={v} {second}{us}\n" for us, v in zip(fractions, values, strict=True)), "text/plain"
        ),
    }

    answers = [sent[way]() for _ in range(2)]

    assert {answer.status_code for answer in answers} <= {200, 201, 204}
    (kept,) = bench.stored().values()
    assert kept == [(second * 1_000_000 + 1, 3.0), (second * 1_000_000 + 2, 2.0)]
    assert Segment.objects.count() == 1


# --- names ------------------------------------------------------------------------------------------------------------

MAKING = [name for name, door in DOORS.items() if door.name]


@pytest.mark.parametrize("name", ["x" * MAX_NAME, "é" * MAX_NAME, "😀" * MAX_NAME, "~/a/b"], ids=len)
@pytest.mark.parametrize("way", MAKING)
def test_the_longest_name_is_taken_whole(bench: Bench, way: str, name: str) -> None:
    assert bench.send(DOORS[way], "1", name=name).status_code == 200

    assert name in bench.stored()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("x" * (MAX_NAME + 1), "x" * MAX_NAME),
        ("", ""),
        ("   ", "   "),
        (r"a\u0000b", "a\x00b"),
        (r"\ud800", r"\ud800"),
        (r"pH\udfff/~", r"pH\udfff~1~0"),
        (r"a\nb", "a\nb"),
        (r"\u202efdp.exe", "\u202efdp.exe"),
    ],
)
@pytest.mark.parametrize("way", MAKING)
def test_a_name_that_cannot_be_shown_is_refused_with_its_place(bench: Bench, way: str, name: str, shown: str) -> None:
    pointer = (DOORS[way].name or "").replace("<name>", shown)

    check_refused(bench, bench.send(DOORS[way], "1", name=name), pointer, BAD_NAME)


@pytest.mark.parametrize("way", ["rows", "columns", "lines"])
def test_five_thousand_new_channels_come_in_one_batch(bench: Bench, way: str) -> None:
    names = [f"c{i}.f" for i in range(5000)]
    rows = [{"channel": name, "timestamp": GOOD, "value": i} for i, name in enumerate(names)]
    columns = [{"channel": name, "timestamps": [GOOD], "values": [i]} for i, name in enumerate(names)]
    body = {"rows": json.dumps({"data": rows}), "columns": json.dumps({"columns": columns})}

    for _ in range(2):
        if way == "lines":
            lines = "".join(f"{name[:-2]} f={i} 1767225600000000\n" for i, name in enumerate(names))
            assert bench.post(LINES, lines, "text/plain").status_code == 204
        else:
            assert bench.post(BATCH, body[way]).status_code == 200

    assert {name: run[0][1] for name, run in bench.stored().items()} == {name: i for i, name in enumerate(names)}
    assert Channel.objects.count() == 5001


# --- bodies -----------------------------------------------------------------------------------------------------------

PACKED = {"content_encoding": "gzip"}
PLAIN = '{"data": [{"channel": "é", "value": 1}], "datapoints": [{"event_public_id": "é", "value": 1}], "value": 1}'
BODIES: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "empty": (b"", {}, 400, "empty"),
    "packed nothing": (gzip.compress(b""), PACKED, 400, "empty"),
    "no gzip": (b"{}", PACKED, 400, "not gzip"),
    "broken off": (gzip.compress(PLAIN.encode())[:-4], PACKED, 400, "not one whole gzip stream"),
    "two in a row": (gzip.compress(b"{") + gzip.compress(b"}"), PACKED, 400, "not one whole gzip stream"),
    "packed twice": (gzip.compress(gzip.compress(b"{}")), {"content_encoding": "gzip, gzip"}, 415, "gzip or none"),
    "a bomb": (gzip.compress(b" " * (10 * 1024 * 1024 + 1)), PACKED, 413, "unpacks to more than 10485760 bytes"),
    "another charset": (PLAIN.encode("latin-1"), {}, 400, "no UTF-8"),
    "two bytes a letter": (PLAIN.encode("utf-16"), {}, 400, "no UTF-8"),
    "too deep": (b'{"e":' * 100_000 + b"1" + b"}" * 100_000, {}, 400, "nests too deep"),
    "never closed": (b"[" * 100_000, {}, 400, "nests too deep"),
}


@pytest.mark.parametrize("what", BODIES)
@pytest.mark.parametrize("path", [DOORS["single"].path, BATCH, POINTS, f"{POINTS}/batch", DEVICE])
def test_a_body_that_cannot_be_read_is_refused_in_words(bench: Bench, path: str, what: str) -> None:
    body, headers, status, words = BODIES[what]

    answer = bench.post(path, body, **headers)

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert words in answer.json()["detail"]
    assert bench.is_untouched()


def test_a_key_that_comes_again_with_other_readings_writes_none_of_them(bench: Bench) -> None:
    bodies = [json.dumps({"data": [{"channel": name, "timestamp": GOOD, "value": 1}]}) for name in ("pH", "other")]

    first, again, other = (bench.post(BATCH, bodies[i], idempotency_key="k") for i in (0, 0, 1))

    assert (first.json()["created"], again.json()["created"]) == (1, 0)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert list(bench.stored()) == ["pH"]
    assert Channel.objects.count() == 1
