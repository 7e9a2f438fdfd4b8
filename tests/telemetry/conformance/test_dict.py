"""Whatever happens in whatever order, the store reads as a plain dict would."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from sessions_app.models import LabSession
from telemetry_app import decimate
from telemetry_app.stores import compaction, figures, reading, rollups
from telemetry_app.stores.base import ReadingStore
from tests.factories.sessions import SessionFactory
from tests.factories.telemetry import make_channels
from tests.telemetry.conformance.looking import Content, Rows, assert_reads_as, bits, put, value_of

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NAMES = ("a", "b")
ROWS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(0, 30), st.sampled_from([0.0, -0.0, 1.0, 2.5, 1e300])),
    min_size=1,
    max_size=12,
)
SPAN = st.tuples(st.sampled_from(NAMES), st.integers(0, 30), st.integers(0, 30))
ACTION = (
    st.tuples(st.just("append"), ROWS)
    | st.tuples(st.just("replay"), st.integers(0, 20))
    | st.tuples(st.just("withdraw"), SPAN)
    | st.tuples(st.just("compact"), st.none())
)
ACTIONS = st.lists(st.tuples(ACTION, st.booleans()), max_size=14)


class Killed(Exception):
    """The process ended before its transaction did."""


class Model:
    """A plain dict beside the store, told the same."""

    def __init__(self, store: ReadingStore, session: LabSession) -> None:
        self.store, self.session = store, session
        self.channels = make_channels(session, *NAMES)
        self.content: Content = {}
        self.sent: list[Rows] = []

    def append(self, rows: Rows) -> None:
        changes = 0
        for name, us, value in rows:
            key = self.channels[name], us
            changes += self.content.get(key) != bits(value)
            self.content[key] = bits(value)
        counts = put(self.store, self.session, self.channels, rows, batch_id=f"b{len(self.sent)}")
        assert (counts.created, counts.replayed) == (changes, False)
        self.sent.append(rows)

    def replay(self, number: int) -> None:
        if self.sent:
            number %= len(self.sent)
            counts = put(self.store, self.session, self.channels, self.sent[number], batch_id=f"b{number}")
            assert (counts.created, counts.replayed) == (0, True)

    def withdraw(self, span: tuple[str, int, int]) -> None:
        channel, first_us, last_us = self.channels[span[0]], min(span[1:]), max(span[1:])
        gone = [key for key in sorted(self.content) if key[0] == channel and first_us <= key[1] <= last_us]
        run = self.store.withdraw(self.session.pk, channel, first_us, last_us, at=AT)
        assert run.times.tolist() == [us for _, us in gone]
        assert run.values.tolist() == [value_of(self.content.pop(key)) for key in gone]

    def compact(self, _: None) -> None:
        self.store.compact(self.session.pk)

    def killed(self, action: str, argument: object) -> None:
        """Do it and end before it is committed."""
        content, sent = dict(self.content), list(self.sent)
        with suppress(Killed), transaction.atomic():
            getattr(self, action)(argument)
            raise Killed
        self.content, self.sent = content, sent


@pytest.mark.parametrize("small", [False, True], ids=["whole", "in small pieces"])
@with_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_any_order_of_batches_repeats_withdrawals_compactions_and_kills_reads_as_a_dict_would(
    store: ReadingStore, actions: list[tuple[tuple[str, object], bool]], small: bool
) -> None:
    model = Model(store, SessionFactory())
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr(compaction, "CHUNK_ROWS", 3)
            patch.setattr(compaction, "SMALL_CHUNK_ROWS", 2)
            patch.setattr(compaction, "FOLD_ROWS", 8)
            patch.setattr(compaction, "FOLD_SEGMENTS", 3)
            patch.setattr(reading, "SLICE_ROWS", 4)
            patch.setattr(figures, "FEW", 1)
            patch.setattr(reading, "KEYS_AT_ONCE", 2)
            patch.setattr(rollups, "LEAST_ROWS", 2)
            patch.setattr(rollups, "ROWS_A_PIECE", 1)
            patch.setattr(rollups, "STEPS_US", (1, 2, 4))
            patch.setattr(decimate, "STEPS_US", (1, 2, 4))

        for (action, argument), survives in actions:
            if survives:
                getattr(model, action)(argument)
            else:
                model.killed(action, argument)

        assert_reads_as(store, model.session.pk, model.content)
