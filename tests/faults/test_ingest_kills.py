"""A house that is killed while instruments send: what it acknowledged is there, exactly and once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.faults.house import House, embedded, service, wait_for
from tests.faults.senders import ROWS, SENDERS, Scene, Sender

SENT_BETWEEN = 5
"""Batches that each instrument has acknowledged between two kills, so that every kill meets all of them at work."""

UNBRAKED = {"WRITE_RATE": "1000000/min"}


@contextlib.contextmanager
def sending(scene: Scene) -> Iterator[list[Sender]]:
    """Let an instrument at each door send for as long as the block lasts."""
    senders: list[Sender] = [kind(scene) for kind in SENDERS]
    for sender in senders:
        sender.start()
    try:
        yield senders
    finally:
        for sender in senders:
            sender.stop()


def let_them_send(senders: Sequence[Sender]) -> None:
    """Return once every instrument has some more batches acknowledged."""
    before = [sender.acknowledged for sender in senders]

    def has_gone_on() -> bool:
        for sender in senders:
            assert sender.is_alive(), f"{sender.channel}: {sender.fault!r}"
        return all(sender.acknowledged >= was + SENT_BETWEEN for sender, was in zip(senders, before, strict=True))

    wait_for(has_gone_on, timeout_s=120, every_s=0.02, doing="for acknowledgements")


def check_nothing_acknowledged_is_lost(scene: Scene, senders: Sequence[Sender]) -> None:
    """Check what holds at any moment, while the instruments go on."""
    for sender in senders:
        expected = sender.expected()
        assert expected.items() <= scene.readings(sender.channel).items(), sender.channel


def check_every_reading_is_there_once(scene: Scene, senders: Sequence[Sender]) -> None:
    """Check what holds once the instruments have stopped and all is packed: what was sent, and honest answers."""
    sent = {sender.channel: sender.acknowledged * ROWS for sender in senders}
    assert scene.counts() == sent
    scene.house.manage("compact_readings")
    assert scene.counts() == sent
    for sender in senders:
        assert scene.readings(sender.channel) == sender.expected(), sender.channel
    for sender in senders:
        told = set(enumerate(sender.created))
        stored_before = {number for number, created in told if created == 0}
        assert {created for _, created in told} <= {ROWS, 0, None}, sender.channel
        assert sender.unanswered, f"{sender.channel}: no kill met it at work"
        assert stored_before <= sender.unanswered, f"{sender.channel}: a batch that was sent once is called a repeat"


def kill_and_start(house: House, *names: str) -> None:
    house.kill(*names)
    house.start(*names)
    house.wait_until_served()


@pytest.mark.slow
@pytest.mark.sqlite_only
def test_an_embedded_house_killed_while_instruments_send_loses_nothing_acknowledged(tmp_path: Path) -> None:
    with embedded(tmp_path, **UNBRAKED) as house:
        scene = Scene(house)
        with sending(scene) as senders:
            for _ in range(2):
                let_them_send(senders)
                kill_and_start(house, "serve")
                check_nothing_acknowledged_is_lost(scene, senders)
            let_them_send(senders)

        check_every_reading_is_there_once(scene, senders)


def keep_the_worker_folding(house: House) -> None:
    """Ask for more compactions than the worker gets done at once."""
    ask = "from biolab.celery import app; [app.send_task('telemetry.compact_readings') for _ in range(300)]"
    house.manage("shell", "--no-imports", "-c", ask)


@pytest.mark.slow
@pytest.mark.services
def test_service_mode_killed_while_instruments_send_loses_nothing_acknowledged(tmp_path: Path, own_redis: str) -> None:
    database = os.environ["BIOLAB_TEST_DATABASE_URL"]
    with service(tmp_path, database_url=database, redis_url=own_redis, **UNBRAKED) as house:
        scene = Scene(house)
        with sending(scene) as senders:
            let_them_send(senders)
            keep_the_worker_folding(house)
            for names in (("worker",), ("web", "live")):
                kill_and_start(house, *names)
                check_nothing_acknowledged_is_lost(scene, senders)
                let_them_send(senders)

        check_every_reading_is_there_once(scene, senders)
