"""The chain, alone: any single change is noticed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biolab.kernel.canonical import canonical
from sessions_app import chain
from sessions_app.chain import Stored

GENESIS = chain.genesis(session_id="sess_1", protocol_digest="", created_at="2026-03-02T09:00:00Z")
text = st.text(st.characters(codec="utf-8"), max_size=12)
payloads = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)


def chained(facts: list[tuple[dict[str, Any], str | None, str]]) -> list[Stored]:
    """Return a chain of events with the given (payload, actor id, actor name)."""
    events: list[Stored] = []
    previous = GENESIS
    for sequence, (payload, actor, name) in enumerate(facts, start=1):
        record = {
            "id": f"ev_{sequence}",
            "execution_id": "sess_1",
            "event_type": "note.created",
            "payload": payload,
            "actor": {"id": actor, "name": name, "via": ""},
            "sequence": sequence,
            "occurred_at": "2026-03-02T09:00:00.5Z",
            "created_at": "2026-03-02T09:00:01Z",
            "prev_hash": previous,
        }
        content = canonical(record).decode()
        own = chain.link(previous, content)
        events.append(
            Stored(
                sequence,
                previous,
                own,
                content,
                f"ev_{sequence}",
                "sess_1",
                "note.created",
                actor,
                "2026-03-02T09:00:00.5Z",
                "2026-03-02T09:00:01Z",
            )
        )
        previous = own
    return events


chains = st.lists(
    st.tuples(st.dictionaries(text, payloads, max_size=3), st.none() | st.just("user_1"), text), min_size=1, max_size=6
).map(chained)


def verified(events: list[Stored], of: list[Stored] | None = None) -> chain.Verdict:
    """Verify ``events`` against the head of the chain ``of``, or of their own."""
    whole = of or events
    return chain.verify(iter(events), genesis_hash=GENESIS, head_sequence=whole[-1].sequence, head_hash=whole[-1].hash)


@given(chains)
def test_an_untouched_chain_holds(events: list[Stored]) -> None:
    verdict = verified(events)

    assert verdict == chain.Verdict(True, len(events), events[-1].hash)


@given(chains, st.data())
def test_any_change_of_any_column_is_noticed(events: list[Stored], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(events) - 1))
    field = data.draw(st.sampled_from(Stored._fields))
    value = getattr(events[place], field)
    other: Any = data.draw(
        st.integers(0, 10).filter(lambda number: number != value)
        if field == "sequence"
        else (st.just("user_2") | text if field == "actor_id" else text).filter(lambda wording: wording != value)
    )
    changed = [*events[:place], events[place]._replace(**{field: other}), *events[place + 1 :]]

    verdict = verified(changed, of=events)

    assert not verdict.valid
    assert verdict.first_bad is not None
    assert verdict.first_bad <= place + 2
    assert verdict.events <= place + 1


@given(chains, st.data())
def test_any_flipped_character_of_the_text_is_noticed(events: list[Stored], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(events) - 1))
    content = events[place].canonical
    at = data.draw(st.integers(0, len(content) - 1))
    flipped = content[:at] + chr((ord(content[at]) ^ 1) or 2) + content[at + 1 :]
    changed = [*events[:place], events[place]._replace(canonical=flipped), *events[place + 1 :]]

    verdict = verified(changed, of=events)

    assert (verdict.valid, verdict.first_bad) == (False, place + 1)


@given(chains, st.data())
def test_a_missing_event_is_named(events: list[Stored], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(events) - 1))

    verdict = verified([*events[:place], *events[place + 1 :]], of=events)

    assert (verdict.valid, verdict.first_bad, verdict.events) == (False, place + 1, place)


@given(chains, st.data())
def test_events_that_change_places_are_noticed(events: list[Stored], data: st.DataObject) -> None:
    if len(events) < 2:
        events = chained([({}, None, ""), ({}, None, "")])
    place = data.draw(st.integers(0, len(events) - 2))
    changed = [*events[:place], events[place + 1], events[place], *events[place + 2 :]]

    verdict = verified(changed, of=events)

    assert (verdict.valid, verdict.first_bad) == (False, place + 1)


@given(chains)
def test_a_chain_rebuilt_from_elsewhere_does_not_meet_the_head(events: list[Stored]) -> None:
    forged = chained([({"forged": True}, None, "Nobody") for _ in events])

    verdict = verified(forged, of=events)

    assert (verdict.valid, verdict.first_bad) == (False, len(events))


@given(chains)
def test_an_event_too_many_is_named(events: list[Stored]) -> None:
    verdict = verified(events, of=events[:-1]) if len(events) > 1 else None

    assert verdict is None or (verdict.valid, verdict.first_bad) == (False, len(events))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"actor": 3}', "nonsense", '"a"', "\ud800"])
def test_text_that_is_no_event_is_noticed_even_when_its_hash_fits(content: str) -> None:
    (event,) = chained([({}, None, "")])
    own = chain.link(GENESIS, content) if content != "\ud800" else event.hash
    forged = event._replace(canonical=content, hash=own)

    assert not verified([forged]).valid


def test_a_payload_that_looks_like_columns_does_not_pass_for_them() -> None:
    (event,) = chained([({"x": {"actor": "a", "created_at": "2031-01-01T00:00:00Z"}}, None, "Ada")])
    forged = event._replace(created_at="2031-01-01T00:00:00Z")

    assert verified([event]).valid
    assert verified([forged]).reason == "its column created_at does not match the text that was hashed"


def test_text_in_another_order_of_members_is_compared_member_by_member() -> None:
    (event,) = chained([({}, None, "Ada")])
    shuffled = json.dumps(dict(reversed(json.loads(event.canonical).items())))
    rewritten = event._replace(canonical=shuffled, hash=chain.link(GENESIS, shuffled))

    assert verified([rewritten]).valid
    assert not verified([rewritten._replace(event_type="note.deleted")]).valid
