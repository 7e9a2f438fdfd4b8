"""A stirred bioreactor as a physical model: growth, oxygen, pH, heat, feed and the loops that hold them; seeded, pure.

Masses and heat are balanced, not drawn: what grows is taken from the glucose, what breathes is taken from the oxygen
that the bubbles bring, and both warm the broth.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

STEP_S = 1.0
"""Longest step of the integration; the fastest balance, oxygen, is solved implicitly and stays exact enough."""

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Measured:
    """A probe: its channel, unit, the range in which the run is well, its noise and the decimals it shows."""

    name: str
    unit: str
    low: float | None
    high: float | None
    noise: float
    decimals: int


CHANNELS = (
    Measured("temperature", "°C", 30.0, 39.0, 0.01, 2),
    Measured("pH", "pH", 6.6, 7.4, 0.004, 3),
    Measured("dissolved_oxygen", "%", 10.0, 110.0, 0.25, 2),
    Measured("biomass", "g/L", None, None, 0.01, 3),
    Measured("glucose", "g/L", 0.2, None, 0.02, 3),
    Measured("oxygen_uptake", "mmol/L/h", None, None, 0.2, 2),
    Measured("stirrer_speed", "rpm", 100.0, 1300.0, 1.0, 0),
    Measured("base_pump", "mL/h", None, None, 0.0, 2),
    Measured("feed_pump", "mL/h", None, None, 0.0, 2),
    Measured("volume", "L", None, 3.0, 0.001, 3),
)


@dataclass(frozen=True, slots=True)
class Setup:
    """What is put into the vessel and what the controllers are told; the defaults are E. coli on minimal medium.

    Source:
        Typical figures of the fermentation literature: Monod growth with maintenance (Pirt), about 1 g of oxygen for
        1 g of cells, 460 kJ for 1 mol of oxygen (Cooney), acid from ammonia taken up with growth.
    """

    volume_l: float = 1.5
    glucose_g_l: float = 8.0
    inoculum_g_l: float = 0.17
    inoculate_at_s: float = 0.0
    start_c: float = 37.0
    room_c: float = 21.0
    target_c: float = 37.0
    target_ph: float = 7.0
    target_oxygen: float = 30.0
    feed: bool = True
    feed_glucose_g_l: float = 400.0
    feed_growth_per_h: float = 0.15
    full_l: float = 2.6

    growth_per_h: float = 0.65
    half_glucose_g_l: float = 0.05
    half_oxygen_mg_l: float = 0.15
    cells_per_glucose: float = 0.45
    upkeep_per_h: float = 0.03
    oxygen_per_cells: float = 1.05
    acid_mmol_per_g: float = 12.0
    buffer_mmol_l: float = 30.0
    base_mol_l: float = 2.0
    saturation_mg_l: float = 6.9
    transfer_per_h: float = 60.0
    jacket_w_per_c: float = 9.0
    loss_w_per_c: float = 0.35


@dataclass(slots=True)
class State:
    """What is in the vessel now; masses in grams, flows in litres an hour."""

    time_s: float
    volume_l: float
    cells_g: float
    glucose_g: float
    oxygen_mg_l: float
    temperature_c: float
    ph: float
    jacket_c: float
    stirrer_rpm: float
    oxygen_uptake_g_l_h: float = 0.0
    base_l_h: float = 0.0
    feed_l_h: float = 0.0
    fed_glucose_g: float = 0.0
    inoculated_g: float = 0.0
    base_l: float = 0.0
    feeding_since_s: float | None = None


class Bioreactor:
    """A run of the model; the same seed and steps give the same readings."""

    def __init__(self, setup: Setup | None = None, *, seed: int = 0) -> None:
        self.setup = setup if setup is not None else Setup()
        self._random = random.Random(seed)  # noqa: S311  noise, not a secret
        self.state = State(
            time_s=0.0,
            volume_l=self.setup.volume_l,
            cells_g=0.0,
            glucose_g=self.setup.glucose_g_l * self.setup.volume_l,
            oxygen_mg_l=self.setup.saturation_mg_l,
            temperature_c=self.setup.start_c,
            ph=self.setup.target_ph,
            jacket_c=self.setup.start_c,
            stirrer_rpm=300.0,
        )

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` ≥ 0 of the run pass."""
        steps = math.ceil(seconds / STEP_S)
        for _ in range(steps):
            self._step(seconds / steps)

    def measure(self) -> dict[str, float]:
        """Return what the probes show now, by channel."""
        state = self.state
        true = {
            "temperature": state.temperature_c,
            "pH": state.ph,
            "dissolved_oxygen": 100 * state.oxygen_mg_l / self.setup.saturation_mg_l,
            "biomass": state.cells_g / state.volume_l,
            "glucose": state.glucose_g / state.volume_l,
            "oxygen_uptake": state.oxygen_uptake_g_l_h * 1000 / 32,
            "stirrer_speed": state.stirrer_rpm,
            "base_pump": state.base_l_h * 1000,
            "feed_pump": state.feed_l_h * 1000,
            "volume": state.volume_l,
        }
        return {probe.name: self._shown(probe, true[probe.name]) for probe in CHANNELS}

    def _shown(self, probe: Measured, value: float) -> float:
        noisy = value + self._random.gauss(0.0, probe.noise) if probe.noise else value
        return max(0.0, round(noisy, probe.decimals))

    def _step(self, dt_s: float) -> None:
        state, dt_h = self.state, dt_s / HOUR_S
        if state.inoculated_g == 0 and state.time_s >= self.setup.inoculate_at_s:
            state.inoculated_g = self.setup.inoculum_g_l * state.volume_l
            state.cells_g += state.inoculated_g
        grown_g = self._grow(dt_h)
        self._dose(grown_g, dt_h)
        self._feed(dt_h)
        self._warm(dt_s)
        self._stir(dt_s)
        state.time_s += dt_s

    def _grow(self, dt_h: float) -> float:
        """Let cells breathe, eat and grow for a step; return the grams grown."""
        setup, state = self.setup, self.state
        glucose_g_l, cells_g_l = state.glucose_g / state.volume_l, state.cells_g / state.volume_l
        fed = glucose_g_l / (setup.half_glucose_g_l + glucose_g_l)
        heat = math.exp(-(((state.temperature_c - 37.0) / 9.0) ** 2))
        acid = math.exp(-(((state.ph - 7.0) / 1.2) ** 2))
        fastest_per_h = setup.growth_per_h * fed * heat * acid
        upkeep_per_h = setup.upkeep_per_h * fed
        breath_mg_l_h = 1000 * cells_g_l * (setup.oxygen_per_cells * fastest_per_h + 1.07 * upkeep_per_h)
        state.oxygen_mg_l = self._oxygen_after(breath_mg_l_h, dt_h)
        aerobic = state.oxygen_mg_l / (setup.half_oxygen_mg_l + state.oxygen_mg_l)
        state.oxygen_uptake_g_l_h = breath_mg_l_h * aerobic / 1000
        grown_g = fastest_per_h * aerobic * state.cells_g * dt_h
        eaten_g = grown_g / setup.cells_per_glucose + upkeep_per_h * aerobic * state.cells_g * dt_h
        if eaten_g > state.glucose_g:
            grown_g *= state.glucose_g / eaten_g
            eaten_g = state.glucose_g
        state.cells_g += grown_g
        state.glucose_g -= eaten_g
        return grown_g

    def _oxygen_after(self, breath_mg_l_h: float, dt_h: float) -> float:
        """Return dissolved oxygen after a step: bubbles bring it, cells take it; backward Euler, solved exactly.

        With c = oxygen, k = transfer, C = saturation, h = half-saturation and q = the breath of unlimited cells:
        c' = c + dt (k (C − c') − q c' / (h + c')), a quadratic with one root from 0 to C.
        """
        setup, state = self.setup, self.state
        transfer = setup.transfer_per_h * (state.stirrer_rpm / 300.0) ** 1.6 * dt_h
        half = setup.half_oxygen_mg_l
        a = 1.0 + transfer
        supplied = state.oxygen_mg_l + transfer * setup.saturation_mg_l
        b = a * half + breath_mg_l_h * dt_h - supplied
        root: float = (-b + math.sqrt(b * b + 4 * a * half * supplied)) / (2 * a)
        return root

    def _dose(self, grown_g: float, dt_h: float) -> None:
        """Let growth make acid and the base pump answer it."""
        setup, state = self.setup, self.state
        state.base_l_h = min(0.2, 0.5 * max(0.0, setup.target_ph - 0.01 - state.ph))
        base_l = state.base_l_h * dt_h
        net_mmol = 1000 * base_l * setup.base_mol_l - setup.acid_mmol_per_g * grown_g
        state.ph += net_mmol / state.volume_l / setup.buffer_mmol_l
        state.volume_l += base_l
        state.base_l += base_l

    def _feed(self, dt_h: float) -> None:
        """Feed glucose once it runs low, faster as cells grow, until the vessel is full."""
        setup, state = self.setup, self.state
        if setup.feed and state.feeding_since_s is None and state.cells_g > 0:
            state.feeding_since_s = state.time_s if state.glucose_g / state.volume_l < 0.1 else None
        if state.feeding_since_s is None or state.volume_l >= setup.full_l:
            state.feed_l_h = 0.0
            return
        if state.feed_l_h == 0.0:
            need_g_h = state.cells_g * (setup.feed_growth_per_h / setup.cells_per_glucose + setup.upkeep_per_h)
            state.feed_l_h = need_g_h / setup.feed_glucose_g_l
        else:
            state.feed_l_h *= math.exp(setup.feed_growth_per_h * dt_h)
        fed_l = state.feed_l_h * dt_h
        state.volume_l += fed_l
        state.glucose_g += fed_l * setup.feed_glucose_g_l
        state.fed_glucose_g += fed_l * setup.feed_glucose_g_l

    def _warm(self, dt_s: float) -> None:
        """Balance the heat of cells, stirrer, jacket and room; the jacket follows the broth's error."""
        setup, state = self.setup, self.state
        breath_mol_s = state.oxygen_uptake_g_l_h * state.volume_l / 32 / HOUR_S
        cells_w = 460_000 * breath_mol_s
        stirrer_w = 4.0 * (state.stirrer_rpm / 1000.0) ** 3
        jacket_w = setup.jacket_w_per_c * (state.jacket_c - state.temperature_c)
        room_w = setup.loss_w_per_c * (setup.room_c - state.temperature_c)
        state.temperature_c += (cells_w + stirrer_w + jacket_w + room_w) * dt_s / (4180.0 * state.volume_l)
        error_c = setup.target_c - state.temperature_c
        wanted_c = min(60.0, max(10.0, setup.target_c + 8.0 * error_c))
        state.jacket_c += (wanted_c - state.jacket_c) * min(1.0, dt_s / 60.0)

    def _stir(self, dt_s: float) -> None:
        """Stir faster while oxygen is below its target, slower while it is above."""
        state = self.state
        percent = 100 * state.oxygen_mg_l / self.setup.saturation_mg_l
        change = 0.05 * (self.setup.target_oxygen - percent) * dt_s
        state.stirrer_rpm = min(1200.0, max(300.0, state.stirrer_rpm + max(-2.0 * dt_s, min(2.0 * dt_s, change))))


def samples(
    setup: Setup | None = None, *, seed: int = 0, every_s: float, duration_s: float
) -> Iterator[tuple[float, dict[str, float]]]:
    """Yield (seconds since the start, what the probes show) through a whole run, as fast as it can be computed."""
    reactor = Bioreactor(setup, seed=seed)
    for _ in range(int(duration_s / every_s) + 1):
        yield reactor.state.time_s, reactor.measure()
        reactor.advance(every_s)
