"""A spreadsheet shows what we export and runs none of it."""

from __future__ import annotations

import csv
import io

import pytest

from biolab.kernel.cells import cell, csv_lines
from tests.factories.accounts import NINE


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1", "  =1"])
def test_text_that_would_run_is_shown_instead(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(("value", "shown"), [(-1.5, -1.5), (None, ""), ("a=b", "a=b"), (NINE, "2026-03-02T09:00:00Z")])
def test_numbers_times_and_plain_text_stay_as_they_are(value: object, shown: object) -> None:
    assert cell(value) == shown


def test_lines_read_back_equal_and_end_as_the_standard_says() -> None:
    rows = [["a,b", 'say "x"'], ["two\nlines", -2]]

    lines = list(csv_lines(["one", "two"], rows))

    assert all(line.endswith("\r\n") for line in lines)
    assert list(csv.reader(io.StringIO("".join(lines), newline=""))) == [
        ["one", "two"],
        ["a,b", 'say "x"'],
        ["two\nlines", "-2"],
    ]
