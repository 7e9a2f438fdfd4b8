"""On every door of a ladder the same questions come in the same order: seen, state, role, body, password."""

from __future__ import annotations

from typing import Any

import pytest

from biolab.accounts.roles import Role
from exports_app.models import NarrativeExport
from governance_app.models import StageAction
from governance_app.services.signing import cast_signature
from sessions_app.models import TimelineEvent
from tests.exports.doors import client_of, path_of
from tests.factories.exports import make_export, make_export_bench
from tests.factories.governance import PASSWORD, Bench, make_signer
from tests.factories.sessions import make_member

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]
RIGHT = {
    "approve": {"status": "approved", "signature": "R", "password": "wrong"},
    "delegate": {"delegate_id": "{asker}"},
    "reset": {"notes": "Again."},
    "comment": {"notes": "Hm."},
    "withdraw": {"notes": "Not yet."},
}
BROKEN = {"notes": 5, "status": [], "delegate_id": {}, "password": "wrong"}
# (operation, who, state of the ladder, body, answer)
ORDER: list[tuple[str, str, str, str, int]] = [
    *[(operation, "outsider", "rejected", "broken", 404) for operation in RIGHT],
    *[(operation, "observer", "rejected", "broken", 409) for operation in ("approve", "delegate", "withdraw")],
    *[(operation, "observer", "pending", "broken", 403) for operation in ("approve", "delegate", "reset", "withdraw")],
    ("approve", "reviewer", "pending", "broken", 422),
    ("delegate", "lead", "pending", "broken", 422),
    ("delegate", "lead", "pending", "right", 422),  # never to the asker
    ("reset", "lead", "pending", "broken", 422),
    ("comment", "observer", "pending", "broken", 422),
    ("withdraw", "asker", "pending", "broken", 422),
    ("approve", "reviewer", "pending", "right", 403),  # the wrong password comes last
    ("reset", "reviewer", "rejected", "right", 200),
    ("comment", "observer", "rejected", "right", 200),
    ("withdraw", "asker", "pending", "right", 200),
]


def answer(bench: Bench, export: NarrativeExport, operation: str, who: str, body: str) -> int:
    person = make_signer(bench.team, Role.OBSERVER) if who == "observer" else getattr(bench, who)
    sent = BROKEN if body == "broken" else RIGHT[operation]
    sent = {name: bench.asker.public_id if value == "{asker}" else value for name, value in sent.items()}
    stage = export.approval.stages.get(sequence_index=1)
    parts = [operation] if operation in {"approve", "withdraw"} else ["stages", stage.public_id, operation]
    code: int = client_of(person).post(path_of(bench.session, export, *parts), sent, format="json").status_code
    return code


def opened(state: str) -> tuple[Bench, NarrativeExport]:
    bench = make_export_bench()
    bench.outsider, export = make_member(None), make_export(bench)
    if state == "rejected":
        given: dict[str, Any] = {"signature": "R", "password": PASSWORD, "by": bench.reviewer, "at": export.created_at}
        cast_signature(request_id=export.approval_id, decision="rejected", **given)
    return bench, export


def test_the_first_thing_wrong_is_the_one_that_is_told_and_nothing_is_written() -> None:
    ladders = {state: opened(state) for state in ("pending", "rejected")}
    before = (TimelineEvent.objects.count(), StageAction.objects.count())

    told = [(row[:4], answer(*ladders[row[2]], row[0], row[1], row[3])) for row in ORDER if row[4] != 200]

    assert told == [(row[:4], row[4]) for row in ORDER if row[4] != 200]
    assert (TimelineEvent.objects.count(), StageAction.objects.count()) == before


@pytest.mark.parametrize(("operation", "who", "state", "body", "expected"), [row for row in ORDER if row[4] == 200])
def test_what_is_right_is_done(operation: str, who: str, state: str, body: str, expected: int) -> None:
    bench, export = opened(state)
    before = StageAction.objects.count()

    assert answer(bench, export, operation, who, body) == expected
    assert StageAction.objects.count() == before + (0 if operation == "withdraw" else 1)
