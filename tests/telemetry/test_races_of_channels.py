"""Batches, and those who adjust or withdraw the channels that they go to, at the same time, on PostgreSQL."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.utils import timezone

from biolab.accounts.auth.identity import secret_digest
from biolab.accounts.models import Membership, User
from biolab.accounts.roles import PlatformRole, Role
from sessions_app import turnstile
from sessions_app.models import LabSession
from telemetry_app.ingest.points import decode_points
from telemetry_app.instants import to_us
from telemetry_app.models import Channel, Latest
from telemetry_app.services.channels import adjust_channel, change_channel
from telemetry_app.services.ingest import Receipt, ingest_by_token
from telemetry_app.services.points import take_points
from telemetry_app.services.withdrawing import withdraw_channel
from telemetry_app.states import Standing
from telemetry_app.stores import current
from tests.factories.accounts import make_token
from tests.factories.sessions import NINE, SessionFactory, make_member
from tests.factories.telemetry import ChannelFactory, make_batch
from tests.telemetry.test_races import in_threads

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]

NINE_US = to_us(NINE)
Sender = Callable[..., Receipt | None]


@pytest.fixture
def session() -> LabSession:
    return SessionFactory()


@pytest.fixture
def admin() -> User:
    return make_member(None, role_on_platform=PlatformRole.ADMIN)


@pytest.fixture
def send(session: LabSession) -> Sender:
    """Sends a reading as an instrument does, the short way; None where the door itself has to look."""
    digest = secret_digest(make_token(make_member(session.team, Role.OPERATOR))[1])

    def send(name: str, us: int, value: float = 1.0) -> Receipt | None:
        return ingest_by_token(
            digest=digest,
            session_id=session.pk,
            read=lambda: make_batch([(name, NINE_US + us, value)]),
            pass_on=lambda person: True,
            at=timezone.now(),
            body_sha256="0" * 64,
        )

    return send


def until_waiting(many: int) -> None:
    """Return once so many transactions wait for a lock here."""
    with connection.cursor() as cursor:
        for _ in range(2000):
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0] >= many:
                return
            time.sleep(0.01)
    pytest.fail("nobody waits")


def while_it_waits(change: Callable[[], object], send: Callable[[], Receipt | None]) -> object:
    """Make a change, and send before it is committed; return what came of the sending."""
    changed = threading.Event()

    def first() -> None:
        with transaction.atomic():
            change()
            changed.set()
            until_waiting(1)

    def second() -> Receipt | None:
        changed.wait(20)
        return send()

    failed, sent = in_threads(first, second)
    assert failed is None
    return sent


@pytest.mark.parametrize("known", [True, False], ids=["known to the sender", "new to the sender"])
def test_a_channel_withdrawn_while_a_batch_waits_takes_no_reading_of_it(
    session: LabSession, admin: User, send: Sender, known: bool
) -> None:
    channel = ChannelFactory(team=session.team, name="a")
    assert send("b", 0)
    assert send("a" if known else "b", 1)

    sent = while_it_waits(lambda: withdraw_channel(channel=channel, reason="", by=admin, at=NINE), lambda: send("a", 2))

    assert channel.pk not in current().latest(session.pk)
    if known:  # asked afresh, it made another of this name
        assert isinstance(sent, Receipt)
        assert sent.channels["a"].id in current().latest(session.pk)
    else:
        assert sent is None


@pytest.mark.parametrize("value", [99.0, 1.0])
def test_limits_set_while_a_batch_waits_judge_it(session: LabSession, admin: User, send: Sender, value: float) -> None:
    assert send("a", 0, 1.0)
    assert send("a", 1, 99.0)
    channel = Channel.objects.get()
    channel.max_value = 10.0

    sent = while_it_waits(lambda: adjust_channel(channel=channel, by=admin, at=NINE), lambda: send("a", 2, value))

    assert isinstance(sent, Receipt)
    outside = value > channel.max_value
    assert sent.counts.flagged == outside
    assert Latest.objects.get().standing == (Standing.HIGH if outside else Standing.INSIDE)
    kinds = [event.kind for event in session.events.order_by("sequence") if "limit" in event.kind]
    assert kinds == ["telemetry.limit.crossed", *([] if outside else ["telemetry.limit.cleared"])]


def test_a_name_changed_while_the_first_batch_waits_is_not_the_one_it_is_stored_under(
    session: LabSession, admin: User, send: Sender
) -> None:
    channel = ChannelFactory(team=session.team, name="a")
    assert send("b", 0)

    sent = while_it_waits(lambda: change_channel(channel=channel, by=admin, at=NINE, name="c"), lambda: send("a", 1))

    assert sent is None
    assert channel.pk not in current().latest(session.pk)


def test_a_batch_that_waits_for_a_compaction_alone_is_stored_at_once(session: LabSession, send: Sender) -> None:
    assert send("a", 0)

    sent = while_it_waits(lambda: turnstile.close(session.pk), lambda: send("a", 1))

    assert isinstance(sent, Receipt)
    assert sent.counts.created == 1


def test_two_who_adjust_and_withdraw_one_channel_take_turns(session: LabSession, admin: User, send: Sender) -> None:
    assert send("a", 0, 99.0)
    channel = Channel.objects.get()
    channel.max_value = 10.0
    waiting = threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Latest.objects.select_for_update().get()
            waiting.set()
            until_waiting(2)

    def adjust() -> Channel:
        waiting.wait(20)
        return adjust_channel(channel=channel, by=admin, at=NINE)

    def withdraw() -> Channel:
        waiting.wait(20)
        until_waiting(1)
        return withdraw_channel(channel=Channel.objects.get(), reason="", by=admin, at=NINE)

    outcomes = in_threads(hold, adjust, withdraw)

    assert outcomes == [None, channel, channel]
    assert not Latest.objects.exists()


def test_a_controller_of_two_teams_and_who_withdraws_a_channel_take_turns(admin: User) -> None:
    elsewhere, session = ChannelFactory(name="b"), SessionFactory()
    here = ChannelFactory(team=session.team, name="a")
    person = make_member(session.team, Role.OPERATOR)
    Membership.objects.create(team=elsewhere.team, user=person, role=Role.OPERATOR)
    waiting = threading.Event()

    def take(us: int) -> int:
        rows = [{"event_public_id": one.public_id, "value": 1.0} for one in (here, elsewhere)]
        points = decode_points(json.dumps({"datapoints": rows}).encode(), received_us=NINE_US + us, most=10)
        return take_points(points=points, by=person, at=NINE, body_sha256="0" * 64).accepted

    def hold() -> None:
        with transaction.atomic():
            Latest.objects.select_for_update().get(channel=elsewhere)
            waiting.set()
            until_waiting(2)

    def send() -> int:
        waiting.wait(20)
        return take(1)

    def withdraw() -> Channel:
        waiting.wait(20)
        until_waiting(1)
        return withdraw_channel(channel=here, reason="", by=admin, at=NINE)

    assert take(0) == 2
    outcomes = in_threads(hold, send, withdraw)

    assert outcomes == [None, 2, here]
