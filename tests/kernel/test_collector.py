"""The collector is off only as long as somebody has put it off."""

from __future__ import annotations

import gc

import pytest

from biolab.kernel.collector import collector_put_off

pytestmark = pytest.mark.sqlite_only


def test_it_goes_on_when_the_last_is_done_also_after_an_error() -> None:
    assert gc.isenabled()

    with pytest.raises(LookupError):
        _fail_inside()

    assert gc.isenabled()


def _fail_inside() -> None:
    with collector_put_off():
        with collector_put_off():
            assert not gc.isenabled()
        assert not gc.isenabled()
        raise LookupError


def test_one_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with collector_put_off(), collector_put_off():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
