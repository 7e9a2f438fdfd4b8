"""The trace from requirement to test is the one that the tests make."""

from __future__ import annotations

import pytest

from tests.validation import TRACE, clause_of, trace


def test_the_trace_is_up_to_date() -> None:
    assert TRACE.read_text() == trace(), "run: python -m tests.validation"


@pytest.mark.parametrize(
    ("name", "clause"),
    [
        ("test_11_70_a_signature_cannot_be_moved_to_another_record", "11.70"),
        ("test_11_10_c_a_hold_stops_expiry", "11.10(c)"),
        ("test_11_10_an_auditor_signs_a_range", "11.10"),
        ("test_annex_11_9_confirming_after_the_end_needs_a_reason", "Annex 11 §9"),
        ("test_annex_11_backup_wipe_restore_verify", "Annex 11"),
        ("test_11_people_sign", None),
    ],
)
def test_names_carry_their_clause(name: str, clause: str | None) -> None:
    assert clause_of(name) == clause
