"""The simulated bioreactor keeps the balances of a real one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from telemetry_app.bioreactor import CHANNELS, Bioreactor, Setup, samples

BATCH = Setup(feed=False, upkeep_per_h=0.0)


def after(hours: float, setup: Setup | None = None) -> Bioreactor:
    reactor = Bioreactor(setup)
    reactor.advance(hours * 3600)
    return reactor


@pytest.mark.parametrize("feed", [False, True])
def test_cells_grow_from_glucose_gram_for_gram(feed: bool) -> None:
    setup = Setup(feed=feed, upkeep_per_h=0.0)

    state = after(9, setup).state

    given_g = setup.glucose_g_l * setup.volume_l + state.fed_glucose_g
    grown_g = state.cells_g - state.inoculated_g
    assert grown_g == pytest.approx(setup.cells_per_glucose * (given_g - state.glucose_g), rel=1e-9)
    assert (state.fed_glucose_g > 0) is feed


def test_volume_is_what_was_filled_in_and_pumped() -> None:
    setup = Setup()

    state = after(10, setup).state

    pumped_l = state.base_l + state.fed_glucose_g / setup.feed_glucose_g_l
    assert state.volume_l == pytest.approx(setup.volume_l + pumped_l, rel=1e-9)


def test_growth_is_exponential_while_nothing_is_short() -> None:
    setup = Setup(feed=False, half_oxygen_mg_l=1e-6, half_glucose_g_l=1e-6, target_ph=7.0)

    early, later = after(1, setup).state, after(2, setup).state

    assert later.cells_g / early.cells_g == pytest.approx(2.718281828**setup.growth_per_h, rel=0.01)


@with_settings(max_examples=15, deadline=None)
@given(
    glucose=st.floats(0.0, 40.0),
    inoculum=st.floats(0.0, 5.0),
    start_c=st.floats(10.0, 45.0),
    transfer=st.floats(1.0, 300.0),
    step_s=st.sampled_from([0.5, 7.0, 60.0]),
)
def test_whatever_is_put_in_nothing_leaves_what_physics_allows(
    glucose: float, inoculum: float, start_c: float, transfer: float, step_s: float
) -> None:
    setup = Setup(glucose_g_l=glucose, inoculum_g_l=inoculum, start_c=start_c, transfer_per_h=transfer)
    reactor = Bioreactor(setup)

    for _ in range(60):
        reactor.advance(step_s)
        state = reactor.state
        assert 0 <= state.oxygen_mg_l <= setup.saturation_mg_l * (1 + 1e-12)
        assert state.glucose_g >= 0
        assert state.cells_g >= 0
        assert 5 < state.temperature_c < 60
        assert 3 < state.ph < 9
        assert 300 <= state.stirrer_rpm <= 1200


def test_the_loops_hold_temperature_ph_and_oxygen_through_a_batch() -> None:
    for seconds, shown in samples(Setup(), seed=3, every_s=300, duration_s=6 * 3600):
        if seconds > 3600:
            assert 36.5 < shown["temperature"] < 37.5
            assert 6.9 < shown["pH"] < 7.1
            assert shown["dissolved_oxygen"] > 20


def test_oxygen_jumps_when_the_glucose_of_a_batch_is_used_up() -> None:
    reactor = Bioreactor(BATCH)

    while reactor.state.glucose_g > 0.01:
        reactor.advance(10)
        assert reactor.state.time_s < 12 * 3600
    reactor.advance(300)

    assert reactor.state.oxygen_mg_l / BATCH.saturation_mg_l > 0.6


def test_a_cold_vessel_warms_to_its_target_before_it_is_inoculated() -> None:
    reactor = after(1, Setup(start_c=21.0, inoculate_at_s=7200))

    assert reactor.state.temperature_c == pytest.approx(37.0, abs=0.2)
    assert reactor.state.cells_g == 0


def test_one_seed_gives_one_run_and_another_gives_another() -> None:
    runs = [list(samples(seed=seed, every_s=60, duration_s=600)) for seed in (1, 1, 2)]

    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert len(runs[0]) == 11
    assert set(runs[0][0][1]) == {probe.name for probe in CHANNELS}
