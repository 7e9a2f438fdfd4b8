"""Parameters on the pages of baselines, in words."""

from __future__ import annotations

from typing import Any

import pytest

from governance_app.templatetags.baselines import spoken_parameter, spoken_value

WINDOW = {"channel": "temperature", "min": 30, "max": 40, "within_s": 120}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("strain", "K-12", "strain: K-12"),
        ("volume", None, "volume: not there"),
        ("plates", {"1": ["A", "B"]}, "plates: 1: A, B"),
        ("required_approvals", ["lead", "qa"], "Approval: lead, qa"),
        ("required_channels", [{**WINDOW, "min": None}], "Channel: temperature ≤ 40 within 120 s"),
        (
            "step_requirements",
            {"5": {"required_equipment_ids": ["OD-1"]}, "7": {"required_channels": [WINDOW]}},
            "requirements of steps: step 6: Equipment: OD-1; step 8: Channel: temperature ≥ 30 ≤ 40 within 120 s",
        ),
        ("step_requirements", {"last": {}}, "requirements of steps: last: "),
    ],
)
def test_a_parameter_is_told_in_words(name: str, value: Any, words: str) -> None:
    assert f"{spoken_parameter(name)}: {spoken_value(value, name)}" == words
