"""Planned durations, read from the end of a step's line."""

from __future__ import annotations

import pytest

from sessions_app.durations import planned_duration_s
from sessions_app.models import Step
from tests.factories.sessions import ProtocolFactory, SessionFactory


@pytest.mark.parametrize(
    ("instruction", "seconds"),
    [
        ("Incubate at 37 °C [30 min]", 1800),
        ("Incubate [1 h 30 min] ", 5400),
        ("Rinse [45s]", 45),
        ("Ferment [ 2 d ]", 172_800),
        ("Incubate [30 min] and cool", None),
        ("Incubate 30 min", None),
        ("Read page [12]", None),
        ("Wait [0 s]", None),
        ("Wait [999999 d]", None),
        ("", None),
    ],
)
def test_a_line_says_in_brackets_at_its_end_how_long_it_takes(instruction: str, seconds: int | None) -> None:
    assert planned_duration_s(instruction) == seconds


@pytest.mark.django_db
def test_steps_keep_their_line_and_what_it_plans() -> None:
    protocol = ProtocolFactory(content="Fill\nIncubate [1 h]")

    session = SessionFactory(team=protocol.team, by=protocol.created_by, protocol=protocol)

    steps = Step.objects.filter(session=session).order_by("index").values_list("instruction", "planned_duration_s")
    assert list(steps) == [("Fill", None), ("Incubate [1 h]", 3600)]
