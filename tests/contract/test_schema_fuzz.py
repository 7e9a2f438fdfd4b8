"""Requests made up from the OpenAPI document are answered as it says, for an administrator and for a scientist.

A small part, always the same, of what ``schemathesis run`` tries at length (see ``schemathesis.toml``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup

from biolab.wsgi import pages
from tests.contract.test_access import World
from tests.factories.accounts import make_token
from tests.factories.governance import make_administrator

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]

CONFIG = Path(__file__).parents[2] / "schemathesis.toml"
NOT_TRIED = re.compile(  # they take secrets, need services, or write in transactions of their own
    r"/api/(v1/auth|token)|/ready$|/(sign|witness|approve|audit-reviews)$"
)
SPEECH = "/stt/tasks/"
QUICKLY = settings(
    max_examples=1,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def world() -> Iterator[World]:
    """Give the world of the access table; its connection outlives every request, as with Django's own test client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield World()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def tried(operation: Any, mode: GenerationMode, ids: dict[str, str], secret: str) -> list[str]:
    """Send a made-up request of an operation and return what is wrong with the answer."""
    found: list[str] = []
    ids = {**ids, "tid": ids["unheard"]} if SPEECH in operation.path else ids
    known = {parameter.name: ids[parameter.name] for parameter in operation.path_parameters if parameter.name in ids}

    @QUICKLY
    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=known))
    def send(case: Any) -> None:
        with transaction.atomic():
            try:
                case.call_and_validate(headers={"Authorization": f"Token {secret}"})
            except (Failure, FailureGroup) as failure:
                found.append(f"{operation.label}: {failure}")
            transaction.set_rollback(True)  # what it wrote is forgotten before the next

    with suppress(Unsatisfiable):  # nothing about it can be wrong
        send()
    return found


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # uploads that the client leaves open
@pytest.mark.parametrize(
    ("who", "mode"), [("administrator", GenerationMode.POSITIVE), ("scientist", GenerationMode.NEGATIVE)]
)
def test_answers_are_as_described(world: World, who: str, mode: GenerationMode) -> None:
    person = make_administrator() if who == "administrator" else world.bench.asker
    _, secret = make_token(person)
    document = schemathesis.openapi.from_wsgi(
        "/api/schema?format=json", pages, config=SchemathesisConfig.from_path(CONFIG)
    )

    operations = [result.ok() for result in document.get_all_operations()]
    if mode is GenerationMode.NEGATIVE:
        operations = [operation for operation in operations if operation.body][::2]  # each takes its time to get wrong
    wrong = [
        complaint
        for operation in operations
        if NOT_TRIED.search(operation.path) is None
        for complaint in tried(operation, mode, world.ids, secret)
    ]

    assert not wrong, "\n\n".join(wrong)
