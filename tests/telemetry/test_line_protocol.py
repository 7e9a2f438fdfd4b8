"""Line protocol: what is legal comes out as it went in, what is not is named, and both readers agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biolab.kernel.errors import Invalid, TooLarge
from telemetry_app.ingest.columns import MAX_ROWS
from telemetry_app.ingest.line_protocol import NS, decode_lines
from telemetry_app.ingest.line_protocol_grammar import EXACT, read_lines
from telemetry_app.ingest.line_protocol_plain import read_plain
from tests.factories.telemetry import NINE_US


def readings(body: str | bytes, **how: Any) -> dict[str, list[tuple[int, float]]]:
    """Return (microseconds, value) of each channel."""
    batch = decode_lines(body.encode() if isinstance(body, str) else body, received_us=NINE_US, **how).batch
    return {
        name: list(zip(batch.times[batch.run(i)].tolist(), batch.values[batch.run(i)].tolist(), strict=True))
        for i, name in enumerate(batch.names)
    }


@pytest.mark.parametrize(
    ("line", "channels"),
    [
        ("m f=1 0", ["m.f"]),
        ("m,b=2,a=1 f=1 0", ["m.f,a=1,b=2"]),
        ("m,a=1 f=1,g=2i 0", ["m.f,a=1", "m.g,a=1"]),
        (r"my\ pump,tank\ no=A\,B,k\=1=v\=2 flow\ rate=1 0", ["my pump.flow rate,k=1=v=2,tank no=A,B"]),
        (r"m\,1,p=C:\temp f\,1=1,f\=2=2 0", ["m,1.f,1,p=C:\\temp", "m,1.f=2,p=C:\\temp"]),
        (r"m\=1 f=1 0", [r"m\=1.f"]),
        (r"m,t=a\\,b=c f=1 0", None),
        ('m,size=5" f=1 0', ['m.f,size=5"']),
        ("m,t=#1 #f=1 0", ["m.#f,t=#1"]),
        ("Füllstand,Ort=Köln µ=1 0", ["Füllstand.µ,Ort=Köln"]),
    ],
)
def test_channels_are_named_after_measurement_field_and_tags(line: str, channels: list[str] | None) -> None:
    if channels is None:  # the comma belongs to the value, so that a second “=” stands in it
        with pytest.raises(Invalid, match="invalid tag format"):
            readings(line)
        return

    assert list(readings(line)) == channels


def test_a_long_name_is_cut_and_ends_in_a_digest_of_all_of_it() -> None:
    names = [name for end in ("a", "b") for name in readings(f"m,t={'x' * 300}{end} f=1 0")]

    assert [len(name) for name in names] == [255, 255]
    assert names[0] != names[1]
    assert names[0][:238] == names[1][:238] == f"m.f,t={'x' * 232}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1", 1.0), ("-1.5", -1.5), ("1.", 1.0), (".5", 0.5), ("-.5", -0.5), ("1e3", 1e3), ("1.5E-3", 1.5e-3)),
        *(("1e+03", 1e3), ("007", 7.0), ("12i", 12.0), ("-12i", -12.0), ("12u", 12.0), ("-0.0", -0.0)),
        *((f"{EXACT}i", float(EXACT)), (f"-{EXACT}i", -float(EXACT)), (f"{EXACT}u", float(EXACT))),
        *((text, 1.0) for text in ("t", "T", "true", "True", "TRUE")),
        *((text, 0.0) for text in ("f", "F", "false", "False", "FALSE")),
    ],
)
def test_numbers_and_booleans_become_values(text: str, value: float) -> None:
    (found,) = readings(f"m f={text} 0")["m.f"]

    assert np.float64(found[1]).tobytes() == np.float64(value).tobytes()


@pytest.mark.parametrize(
    ("precision", "stamp", "us"),
    [
        ("ns", 1_700_000_000_123_456_789, 1_700_000_000_123_456),
        ("ns", -1, -1),
        ("ns", -1_000, -1),
        ("n", 999, 0),
        ("us", 1_700_000_000_123_456, 1_700_000_000_123_456),
        ("u", -7, -7),
        ("µ", 7, 7),
        ("ms", 1_700_000_000_123, 1_700_000_000_123_000),
        ("s", -86_400, -86_400_000_000),
        ("m", 2, 120_000_000),
        ("h", 2, 7_200_000_000),
    ],
)
def test_times_are_read_in_their_precision_and_kept_to_the_microsecond(precision: str, stamp: int, us: int) -> None:
    assert readings(f"m f=1 {stamp}", unit_ns=NS[precision]) == {"m.f": [(us, 1.0)]}


def test_points_without_a_time_happened_on_arrival_one_after_the_other() -> None:
    found = decode_lines(b"m f=1\nm f=2\nm,t=a f=3\nm f=4 5000", received_us=NINE_US).batch

    assert not found.timed
    assert readings("m f=1\nm f=2\nm,t=a f=3\nm f=4 5000") == {
        "m.f": [(5, 4.0), (NINE_US, 1.0), (NINE_US + 1, 2.0)],
        "m.f,t=a": [(NINE_US, 3.0)],
    }


def test_comments_blank_lines_crlf_and_wide_gaps_are_legal() -> None:
    body = "# heading\r\n\r\n   \n\t m  f=1   1000 \r\n#\nm f=2 2000\r\n  # end"

    assert readings(body) == {"m.f": [(1, 1.0), (2, 2.0)]}


def test_text_is_counted_and_is_no_reading_however_many_lines_it_spans() -> None:
    body = b'm note="two\nlines, with \\"quotes\\" = and \\\\",f=1 1000\nm,t=only words=" #" 2000\nm f=2 3000'

    lines = decode_lines(body, received_us=NINE_US)

    assert lines.skipped == 2
    assert lines.batch.names == ("m.f",)
    assert lines.batch.values.tolist() == [1.0, 2.0]


def test_text_alone_holds_no_reading() -> None:
    lines = decode_lines(b'm state="on",note="" 1', received_us=NINE_US)

    assert lines.batch.names == ()
    assert lines.batch.times.size == 0
    assert lines.skipped == 2


def test_tags_in_another_order_name_the_same_channel_and_the_last_value_wins() -> None:
    assert readings("m,a=1,b=2 f=1 1000\nm,b=2,a=1 f=2 1000") == {"m.f,a=1,b=2": [(1, 2.0)]}


ILLEGAL = [
    ("m", "missing fields"),
    ("m ", "missing fields"),
    ("m 1000", "invalid field format"),
    (",t=a f=1 0", "missing measurement"),
    ("m, f=1 0", "missing tag key"),
    ("m,t f=1 0", "missing tag value"),
    ("m,t= f=1 0", "missing tag value"),
    ("m,=a f=1 0", "missing tag key"),
    ("m,t=a,t=b f=1 0", "duplicate tags"),
    ("m,t=a=b f=1 0", "invalid tag format"),
    (f"m,t={'x' * 65_535} f=1 0", "max key length exceeded"),
    ("m f 0", "invalid field format"),
    ("m f= 0", "invalid field format"),
    ("m =1 0", "invalid field format"),
    ("m f=1,=2 0", "invalid field format"),
    ("m f=1, 0", "invalid field format"),
    ("m f=1,,g=2 0", "invalid field format"),
    ("m f=1 x", "bad timestamp"),
    ("m f=1 1.5", "bad timestamp"),
    ("m f=1 +5", "bad timestamp"),
    ("m f=1 1 2", "bad timestamp"),
    ("m f=1 1_0", "bad timestamp"),
    (f"m f=1 {2**63}", "timestamp out of range"),
    ("m f=1 " + "9" * 30, "timestamp out of range"),
    ('m f="a 0', "unbalanced quotes"),
    ('m f="a"b 0', "invalid field format"),
    ('m f=1"a" 0', "invalid field format"),
    ('m,t f="x" 0', "missing tag value"),
    *((f"m f={text} 0", "invalid number") for text in ("nan", "NaN", "Inf", "-inf", "+1", "1_0", "--1", "1e", "0x1")),
    *((f"m f={text} 0", "invalid number") for text in ("-1u", "1.5i", "i", "1ii", "-", ".", "1.2.3")),
    *((f"m f={text} 0", "invalid boolean") for text in ("tRUE", "yes", "on", "true1", "١")),
    *((f"m f={text} 0", "number beyond float64") for text in ("1e309", "-1e309", "9" * 400)),
    *((f"m f={text} 0", "integer beyond") for text in (f"{EXACT + 1}i", f"-{EXACT + 1}i", f"{EXACT + 1}u")),
    ("m\x07 f=1 0", "cannot be shown"),
    ("m,t=a\u200bb f=1 0", "cannot be shown"),
]


@pytest.mark.parametrize(("line", "reason"), ILLEGAL, ids=[line[:30] for line, _ in ILLEGAL])
@pytest.mark.parametrize("lead", ["", 'ok f=1 1\n# comment\r\n\nok s="a\nb" 2\n'], ids=["alone", "fifth"])
def test_the_first_wrong_line_is_named_and_explained(line: str, reason: str, lead: str) -> None:
    with pytest.raises(Invalid) as refused:
        readings(f"{lead}{line}\nok f=3 3\nbad")

    assert reason in refused.value.sentence or ("invalid number" in reason and "boolean" in refused.value.sentence)
    assert refused.value.sentence.startswith("unable to parse '")
    assert refused.value.facts["line"] == (6 if lead else 1)


@pytest.mark.parametrize(
    ("stamp", "unit_ns"),
    [
        ((NINE_US + 25 * 3600 * 1_000_000) * 1_000, 1),
        (2**62, NS["s"]),
        (2**63 - 1, NS["h"]),
        (-(2**63), NS["h"]),
        (-100_000_000_000, NS["s"]),
    ],
)
def test_times_that_no_clock_shows_are_refused(stamp: int, unit_ns: int) -> None:
    with pytest.raises(Invalid, match="bad timestamp") as refused:
        readings(f"m f=1 0\nm f=2 {stamp}", unit_ns=unit_ns)

    assert refused.value.facts["line"] == 2


@pytest.mark.parametrize("body", ["", "\n\n", "# nothing\n", "  \r\n"])
def test_a_body_without_points_is_refused(body: str) -> None:
    with pytest.raises(Invalid, match="writing requires points"):
        readings(body)


def test_names_that_are_no_utf_8_are_refused() -> None:
    with pytest.raises(Invalid, match="not UTF-8"):
        readings(b"m\xff f=1 0")


@pytest.mark.parametrize("fields", [b"f=1", b'f="x"', b"f=1,g=2", b'f="x",g=2'])
@pytest.mark.parametrize("comment", [b"", b"# takes the longer way\n"])
def test_more_fields_than_a_batch_holds_are_refused(comment: bytes, fields: bytes) -> None:
    rows = MAX_ROWS // (fields.count(b",") + 1)
    body = comment + b"".join(b"m %b %d\n" % (fields, i * 1000) for i in range(rows))

    full = decode_lines(body, received_us=NINE_US)

    assert full.batch.accepted + full.skipped == MAX_ROWS
    with pytest.raises(TooLarge):
        decode_lines(body + b"m f=1 1", received_us=NINE_US)


# --- round trip -------------------------------------------------------------------------------------------------------

NAMES = st.text(st.sampled_from('ab,= "#.µ\\1'), min_size=1, max_size=8).filter(lambda name: not name.endswith("\\"))
FIRST = NAMES.filter(lambda name: not name.startswith("#"))
TEXTS = st.text(st.sampled_from('ab,= "\n\\#µ'), max_size=12)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-EXACT, EXACT) | st.booleans() | TEXTS
STAMPS = st.integers(-(10**18), NINE_US * 1000) | st.none()


@dataclass
class Point:
    measurement: str
    tags: dict[str, str]
    fields: dict[str, float | int | bool | str]
    stamp: int | None

    def line(self) -> str:
        """Write the point as InfluxDB's own clients do."""
        tags = "".join(f",{_escaped(key)}={_escaped(value)}" for key, value in self.tags.items())
        fields = ",".join(f"{_escaped(key)}={_written(value)}" for key, value in self.fields.items())
        stamp = "" if self.stamp is None else f" {self.stamp}"
        measurement = self.measurement.replace(",", "\\,").replace(" ", "\\ ")
        return f"{measurement}{tags} {fields}{stamp}"

    def name(self, field: str) -> str:
        return f"{self.measurement}.{field}" + "".join(f",{key}={self.tags[key]}" for key in sorted(self.tags))


def _escaped(name: str) -> str:
    return name.replace(",", "\\,").replace(" ", "\\ ").replace("=", "\\=")


def _written(value: float | bool | str) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value}i" if isinstance(value, int) else repr(value)


POINTS = st.lists(
    st.builds(
        Point,
        measurement=FIRST,
        tags=st.dictionaries(NAMES, NAMES, max_size=3),
        fields=st.dictionaries(NAMES, NUMBERS, min_size=1, max_size=3),
        stamp=STAMPS,
    ),
    min_size=1,
    max_size=8,
)


@given(points=POINTS, ending=st.sampled_from(["\n", "\r\n", "\n\n", "\n# comment\n"]))
def test_what_a_client_writes_is_what_is_read(points: list[Point], ending: str) -> None:
    body = ending.join(point.line() for point in points)

    lines = decode_lines(body.encode(), received_us=NINE_US)

    expected: dict[str, dict[int, float]] = {}
    bare: dict[str, int] = {}
    for point in points:
        for field, value in point.fields.items():
            if isinstance(value, str):
                continue
            name = point.name(field)
            us = NINE_US + bare.get(name, 0) if point.stamp is None else point.stamp // 1000
            bare[name] = bare.get(name, 0) + (point.stamp is None)
            expected.setdefault(name, {})[us] = float(value)
    texts = sum(isinstance(value, str) for point in points for value in point.fields.values())
    assert lines.skipped == texts
    assert readings(body) == {name: sorted(expected[name].items()) for name in expected}


RIGHT = ("f=1", "f=1.5", "g=2i", "h=t", "f=-1e-7", "f=1e5", "g=-7i")
WRONG = (
    "f=nan",
    "f=1_0",
    "f=",
    "=1",
    "f",
    "f=1=2",
    f"f={EXACT + 1}i",
    "f=1e999",
    "f=١",
    "f=+1",
    "g=i",
    "g=1.5i",
    "f=-",
)
PLAIN = st.lists(
    st.tuples(
        st.sampled_from(["m", "m,t=a", "m,t=b,s=c", "m,t", "", "m,t=a,t=a"]),
        st.lists(
            st.sampled_from(RIGHT + WRONG),
            min_size=1,
            max_size=2,
        ),
        st.sampled_from(["", " 0", " 1700000000000000000", " -5", " 1_0", " +5", " 5-", " ", " 99999999999999999999"]),
    ),
    min_size=1,
    max_size=5,
)


@given(rows=PLAIN, end=st.sampled_from(["", "\n", "\n\n"]))
def test_reading_by_columns_gives_what_reading_by_lines_gives(rows: list[tuple[str, list[str], str]], end: str) -> None:
    body = ("\n".join(f"{head} {','.join(fields)}{stamp}" for head, fields, stamp in rows) + end).encode()

    plain = read_plain(body)

    if plain is not None:
        lines = read_lines(body)
        assert [plain.names[i] for i in plain.index] == [lines.names[i] for i in lines.index]
        for name in ("stamps", "bare", "values", "lines"):
            assert getattr(plain, name).tolist() == getattr(lines, name).tolist()
        assert plain.skipped == lines.skipped == 0


def test_what_instruments_mostly_send_is_read_by_columns() -> None:
    assert read_plain(b"cpu,host=a,cpu=cpu0 user=1.5,idle=98.5 1700000000000000000\n" * 3) is not None
    assert read_plain(b"mem,host=a used=15i,free=3i 1700000000000000000") is not None
    assert read_plain(b"mem,host=a used=15i,share=0.3,ok=true 1700000000000000000") is not None


@pytest.mark.parametrize("text", [f"{EXACT + 1}i", f"-{EXACT + 1}i", "1e309", "9" * 30 + "i"])
def test_numbers_that_do_not_fit_are_left_to_the_reader_of_lines(text: str) -> None:
    plain = read_plain(f"m f={text} 1".encode())

    assert plain is None
