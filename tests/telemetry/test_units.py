"""Units as people write them: spelled one way, never guessed, converted for display only."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biolab.kernel.errors import Invalid
from telemetry_app import units
from telemetry_app.unit_catalogue import CATALOGUE, Entry

ENTRIES = [entry for entries in CATALOGUE.values() for entry in entries]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.symbol)
def test_every_spelling_of_the_catalogue_leads_to_its_symbol(entry: Entry) -> None:
    assert {units.spelled(text) for text in (entry.symbol, entry.name, *entry.also)} == {entry.symbol}


@pytest.mark.parametrize(
    ("written", "symbol"),
    [
        ("", ""),
        ("  ", ""),
        ("Celsius", "°C"),
        ("℃", "°C"),
        ("percent", "%"),
        ("RPM", "rpm"),
        ("l/min", "L/min"),
        ("L / min", "L/min"),
        ("mg/l", "mg/L"),
        ("mg L-1", "mg/L"),
        ("mg·L⁻¹", "mg/L"),
        ("ph", "pH"),
        ("od600", "OD600"),
        ("VVM", "vvm"),
        ("μS/cm", "µS/cm"),
        ("umol/l", "µmol/L"),
        ("µmol/m²/s", "µmol/(m²·s)"),
        ("g/(L h)", "g/(L·h)"),
        ("cells/uL", "cell/µL"),
        ("CFU/L", "CFU/L"),
        ("m^3/h", "m³/h"),
        ("Pa*s", "Pa·s"),
        ("g/g", "g/g"),
        ("pH/h", "pH/h"),
    ],
)
def test_a_unit_is_spelled_one_way_however_it_is_written(written: str, symbol: str) -> None:
    assert units.spelled(written) == symbol
    assert units.spelled(symbol) == symbol


@pytest.mark.parametrize(
    ("written", "meant"),
    [("C", ["°C"]), ("F", ["°F"]), ("units", ["U"]), ("cfu/l", ["CFU/mL", "U/L", "CFU"]), ("bananas", [])],
)
def test_what_is_no_unit_is_refused_with_what_may_be_meant(written: str, meant: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        units.spelled(written)

    assert refused.value.facts["errors"][0]["suggestions"] == meant
    assert all(symbol in refused.value.sentence for symbol in meant)


@pytest.mark.parametrize(
    "written", ["kPa(a)", "mol%", "10 mM", "1", "9**9**9**9", "m**999", "()", "m(", "((((m))))", "m__class__", "m" * 65]
)
def test_arithmetic_and_remarks_are_no_units(written: str) -> None:
    assert units.understood(written) is None


@given(st.text(alphabet="mgLh/·*^()-0123456789%°µ PaCUSsKe_", max_size=64))
def test_any_text_is_read_or_refused_at_once(text: str) -> None:
    began = time.perf_counter()

    unit = units.understood(text)

    assert time.perf_counter() - began < 2
    assert unit is None or (unit.symbol and len(unit.symbol) <= units.LONGEST)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("°C", "degC", True),
        ("°C", "Celsius", True),
        ("pH", "PH", True),
        ("l/min", "L min-1", True),
        ("bananas", "bananas", True),
        ("bananas", "Bananas", False),
        ("°C", "C", False),
        ("°C", "K", False),
        ("mV", "V", False),
        ("bar", "barg", False),
        ("mS", "ms", False),
    ],
)
def test_two_spellings_are_one_unit_or_two(one: str, other: str, expected: bool) -> None:
    assert units.same_unit(one, other) is units.same_unit(other, one) is expected


def test_a_unit_is_explained() -> None:
    assert units.understood("mg/l") == units.Unit("mg/L", "milligram per litre", "mass concentration")
    assert units.understood("W/m2") == units.Unit("W/m²", "watt/meter²", "mass/time³")


@pytest.mark.parametrize(
    ("source", "target", "value", "shown"),
    [
        ("°C", "K", 37.0, 310.15),
        ("°C", "°F", 37.0, 98.6),
        ("bar", "kPa", 1.5, 150.0),
        ("mg/L", "g/L", 250.0, 0.25),
        ("sccm", "sL/min", 500.0, 0.5),
    ],
)
def test_numbers_are_converted_for_display(source: str, target: str, value: float, shown: float) -> None:
    convert = units.conversion(source, target)

    assert convert is not None
    assert convert(value) == pytest.approx(shown)


@pytest.mark.parametrize(
    ("source", "target"), [("rpm", "Hz"), ("vvm", "1/h"), ("pH", "%"), ("barg", "bar"), ("?", "K")]
)
def test_different_quantities_are_not_converted(source: str, target: str) -> None:
    assert units.conversion(source, target) is None
    assert target not in units.alternatives(source)


def test_every_alternative_converts_there_and_back() -> None:
    for entry in ENTRIES:
        for other in units.alternatives(entry.symbol):
            there, back = units.conversion(entry.symbol, other), units.conversion(other, entry.symbol)
            assert there is not None
            assert back is not None
            assert back(there(12.5)) == pytest.approx(12.5)
