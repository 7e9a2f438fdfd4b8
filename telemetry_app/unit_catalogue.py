"""The units a wet lab writes down, by quantity, and the few that ``pint`` lacks.

A spelling in ``also`` is read whatever its case; a symbol is not, since mS is no ms. Two units of one quantity convert
into each other (rpm and Hz are both "per time", but nobody reads a stirrer in hertz, so quantities are kept apart).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFINITIONS: Final = (
    # A name of its own for what is counted or compared, so that none of it converts into a bare number.
    "pH_unit = [acidity] = pH",
    "optical_density = [optical_density]",
    "air_saturation = [air_saturation]",
    "cell = [cells]",
    "colony_forming_unit = [colonies] = CFU",
    "nephelometric_turbidity_unit = [turbidity]",
    "relative_fluorescence_unit = [fluorescence]",
    "relative_luminescence_unit = [luminescence]",
    # Gas flows "at standard conditions" differ in temperature and pressure from maker to maker.
    "standard_liter = [standard_volume] = sL",
    # Volume of gas for each volume of broth and minute.
    "vessel_volume_per_minute = 1 / minute = vvm",
    "osmole = mole = Osm",
    "parts_per_billion = 1e-9 = ppb",
    "liter = decimeter ** 3 = L = l = litre",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One unit as people know it.

    Attributes:
        expression: what it is to ``pint``.
        also: other spellings, read whatever their case.
    """

    symbol: str
    name: str
    expression: str
    also: tuple[str, ...] = ()


CATALOGUE: Final[dict[str, tuple[Entry, ...]]] = {
    "temperature": (
        Entry("°C", "degree Celsius", "degree_Celsius", ("celsius", "degc", "deg c", "degrees c", "grad c")),
        Entry("K", "kelvin", "kelvin"),
        Entry("°F", "degree Fahrenheit", "degree_Fahrenheit", ("fahrenheit", "degf", "deg f")),
    ),
    "acidity": (Entry("pH", "pH", "pH_unit", ("ph", "ph unit", "ph units")),),
    "ratio": (
        Entry("%", "per cent", "percent", ("percent", "per cent", "pct")),
        Entry("‰", "per mille", "permille", ("per mille", "permil")),
        Entry("ppm", "part per million", "ppm", ("ppm", "parts per million")),
        Entry("ppb", "part per billion", "ppb", ("ppb", "parts per billion")),
    ),
    "share by volume": (Entry("% v/v", "per cent by volume", "percent", ("% (v/v)", "%v/v", "%(v/v)", "vol%")),),
    "share by mass and volume": (Entry("% w/v", "gram per 100 mL", "percent", ("% (w/v)", "%w/v", "%(w/v)")),),
    "dissolved gas": (
        Entry(
            "% sat",
            "per cent of air saturation",
            "air_saturation",
            ("% do", "%do", "% dot", "% air sat", "%sat"),
        ),
    ),
    "optical density": (
        Entry("OD600", "optical density at 600 nm", "optical_density", ("od600", "od 600", "od_600", "od600nm")),
        Entry("OD", "optical density", "optical_density", ("od",)),
        Entry("AU", "absorbance unit", "absorbance_unit", ("absorbance",)),
    ),
    "turbidity": (Entry("NTU", "nephelometric turbidity unit", "nephelometric_turbidity_unit", ("ntu", "fnu", "ftu")),),
    "fluorescence": (Entry("RFU", "relative fluorescence unit", "relative_fluorescence_unit", ("rfu",)),),
    "luminescence": (Entry("RLU", "relative luminescence unit", "relative_luminescence_unit", ("rlu",)),),
    "stirring": (
        Entry("rpm", "revolution per minute", "rpm", ("rpm", "r/min", "rev/min", "u/min", "revolutions per minute")),
    ),
    "relative centrifugal force": (Entry("× g", "times gravity", "standard_gravity", ("x g", "xg", "×g", "rcf")),),
    "aeration": (Entry("vvm", "vessel volume per minute", "vessel_volume_per_minute", ("vvm",)),),
    "flow": (
        Entry("L/min", "litre per minute", "liter / minute", ("lpm", "litres per minute", "liters per minute")),
        Entry("mL/min", "millilitre per minute", "milliliter / minute", ("ccm", "cc/min")),
        Entry("µL/min", "microlitre per minute", "microliter / minute", ("ul/min",)),
        Entry("L/h", "litre per hour", "liter / hour", ("lph", "l/hr")),
        Entry("mL/h", "millilitre per hour", "milliliter / hour", ("ml/hr",)),
    ),
    "standard gas flow": (
        Entry("sL/min", "standard litre per minute", "standard_liter / minute", ("slpm", "slm", "nl/min", "nlpm")),
        Entry("sL/h", "standard litre per hour", "standard_liter / hour", ("slph", "nl/h")),
        Entry("sccm", "standard cubic centimetre per minute", "millistandard_liter / minute", ("sccm", "nml/min")),
    ),
    "mass flow": (
        Entry("g/h", "gram per hour", "gram / hour", ("g/hr",)),
        Entry("g/min", "gram per minute", "gram / minute"),
        Entry("kg/h", "kilogram per hour", "kilogram / hour"),
    ),
    "mass concentration": (
        Entry("g/L", "gram per litre", "gram / liter", ("grams per litre", "grams per liter")),
        Entry("mg/L", "milligram per litre", "milligram / liter"),
        Entry("µg/L", "microgram per litre", "microgram / liter", ("ug/l",)),
        Entry("mg/mL", "milligram per millilitre", "milligram / milliliter"),
        Entry("µg/mL", "microgram per millilitre", "microgram / milliliter", ("ug/ml",)),
        Entry("ng/µL", "nanogram per microlitre", "nanogram / microliter", ("ng/ul",)),
        Entry("kg/m³", "kilogram per cubic metre", "kilogram / meter ** 3"),
    ),
    "amount concentration": (
        Entry("mol/L", "mole per litre", "mole / liter"),
        Entry("mmol/L", "millimole per litre", "millimole / liter"),
        Entry("µmol/L", "micromole per litre", "micromole / liter", ("umol/l",)),
        Entry("M", "molar", "molar", ("molar",)),
        Entry("mM", "millimolar", "millimolar", ("millimolar",)),
        Entry("µM", "micromolar", "micromolar", ("micromolar",)),
        Entry("nM", "nanomolar", "nanomolar", ("nanomolar",)),
    ),
    "osmolality": (Entry("mOsm/kg", "milliosmole per kilogram", "milliosmole / kilogram", ("mosm/kg", "mosmol/kg")),),
    "volumetric rate": (
        Entry("g/(L·h)", "gram per litre and hour", "gram / liter / hour", ("g/l/h", "g/l/hr")),
        Entry("mmol/(L·h)", "millimole per litre and hour", "millimole / liter / hour", ("mmol/l/h", "mm/h")),
    ),
    "specific rate": (
        Entry("1/h", "per hour", "1 / hour", ("/h", "per hour", "1/hr")),
        Entry("1/min", "per minute", "1 / minute", ("/min", "per minute")),
        Entry("1/s", "per second", "1 / second", ("/s", "per second")),
    ),
    "cell density": (
        Entry("cells/mL", "cells per millilitre", "cell / milliliter", ("cells/ml", "cell/ml")),
        Entry("CFU/mL", "colony forming units per millilitre", "colony_forming_unit / milliliter", ("cfu/ml",)),
    ),
    "count": (
        Entry("cells", "cells", "cell", ("cells",)),
        Entry("CFU", "colony forming units", "colony_forming_unit", ("cfu",)),
        Entry("count", "count", "count", ("counts", "pieces", "pcs")),
    ),
    "pressure": (
        Entry("bar", "bar", "bar", ("bar", "bara", "bar(a)")),
        Entry("mbar", "millibar", "millibar", ("mbar",)),
        Entry("Pa", "pascal", "pascal", ("pascal",)),
        Entry("hPa", "hectopascal", "hectopascal"),
        Entry("kPa", "kilopascal", "kilopascal", ("kpa",)),
        Entry("psi", "pound per square inch", "psi", ("psi", "psia")),
        Entry("atm", "atmosphere", "atmosphere", ("atm",)),
        Entry("Torr", "torr", "torr", ("torr",)),
        Entry("mmHg", "millimetre of mercury", "mmHg", ("mmhg", "mm hg")),
    ),
    "gauge pressure": (
        Entry("barg", "bar above the surroundings", "bar", ("barg", "bar(g)")),
        Entry("psig", "pound per square inch above the surroundings", "psi", ("psig", "psi(g)")),
    ),
    "conductivity": (
        Entry("µS/cm", "microsiemens per centimetre", "microsiemens / centimeter", ("us/cm",)),
        Entry("mS/cm", "millisiemens per centimetre", "millisiemens / centimeter"),
        Entry("S/m", "siemens per metre", "siemens / meter"),
    ),
    "voltage": (
        Entry("V", "volt", "volt", ("volt", "volts")),
        Entry("mV", "millivolt", "millivolt", ("millivolt",)),
    ),
    "current": (
        Entry("A", "ampere", "ampere", ("ampere", "amp", "amps")),
        Entry("mA", "milliampere", "milliampere", ("milliampere",)),
        Entry("nA", "nanoampere", "nanoampere"),
    ),
    "resistance": (Entry("Ω", "ohm", "ohm", ("ohm", "ohms")), Entry("kΩ", "kilohm", "kiloohm", ("kohm",))),
    "power": (Entry("W", "watt", "watt", ("watt", "watts")), Entry("kW", "kilowatt", "kilowatt", ("kw",))),
    "power input": (Entry("W/m³", "watt per cubic metre", "watt / meter ** 3"),),
    "energy": (Entry("J", "joule", "joule", ("joule",)), Entry("kWh", "kilowatt hour", "kilowatt_hour", ("kwh",))),
    "torque": (Entry("N·m", "newton metre", "newton * meter"),),
    "force": (Entry("N", "newton", "newton", ("newton",)),),
    "frequency": (
        Entry("Hz", "hertz", "hertz", ("hz", "hertz")),
        Entry("kHz", "kilohertz", "kilohertz", ("khz",)),
        Entry("MHz", "megahertz", "megahertz"),
    ),
    "mass": (
        Entry("g", "gram", "gram", ("gram", "grams")),
        Entry("kg", "kilogram", "kilogram", ("kg", "kilograms", "kilo")),
        Entry("mg", "milligram", "milligram", ("milligrams",)),
        Entry("µg", "microgram", "microgram", ("ug", "mcg", "micrograms")),
    ),
    "volume": (
        Entry("L", "litre", "liter", ("litre", "liter", "litres", "liters")),
        Entry("mL", "millilitre", "milliliter", ("millilitre", "milliliter", "cc")),
        Entry("µL", "microlitre", "microliter", ("ul", "microlitre")),
    ),
    "time": (
        Entry("s", "second", "second", ("sec", "second", "seconds")),
        Entry("ms", "millisecond", "millisecond", ("msec", "millisecond", "milliseconds")),
        Entry("min", "minute", "minute", ("minute", "minutes", "mins")),
        Entry("h", "hour", "hour", ("hr", "hrs", "hour", "hours")),
        Entry("d", "day", "day", ("day", "days")),
    ),
    "length": (
        Entry("m", "metre", "meter", ("metre", "meter", "metres")),
        Entry("cm", "centimetre", "centimeter", ("cm", "centimetre")),
        Entry("mm", "millimetre", "millimeter", ("millimetre", "millimeter")),
        Entry("µm", "micrometre", "micrometer", ("um", "micron", "microns")),
        Entry("nm", "nanometre", "nanometer", ("nanometre", "nanometer")),
    ),
    "speed": (Entry("m/s", "metre per second", "meter / second"),),
    "angle": (Entry("°", "degree", "degree", ("degree", "degrees", "deg")), Entry("rad", "radian", "radian")),
    "illuminance": (Entry("lx", "lux", "lux", ("lux",)),),
    "photon flux": (
        Entry(
            "µmol/(m²·s)",
            "micromole per square metre and second",
            "micromole / meter ** 2 / second",
            ("ppfd", "umol/m2/s"),
        ),
    ),
    "enzyme activity": (
        Entry("U", "enzyme unit", "enzyme_unit", ("enzyme unit",)),
        Entry("U/mL", "enzyme unit per millilitre", "enzyme_unit / milliliter", ("u/ml",)),
        Entry("U/L", "enzyme unit per litre", "enzyme_unit / liter", ("u/l",)),
        Entry("kat", "katal", "katal", ("katal",)),
    ),
    "sound level": (Entry("dB", "decibel", "decibel", ("db", "decibel")),),
}

MISREAD: Final = {"C": "°C", "c": "°C", "F": "°F", "unit": "U", "units": "U"}
"""What ``pint`` reads as coulomb, speed of light, farad and micronit; a lab means something else and is asked."""
