"""Tables of rules that hold alike whichever way somebody comes: by the service, by the API, at the desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from django.test import Client
from django.urls import reverse

from biolab.accounts.models import User
from biolab.kernel.api.problems import refusal_status
from biolab.kernel.errors import Refusal


@dataclass
class Row:
    """Somebody does something to a thing in a state: what comes of it.

    ``values`` differ from a right call; ``after`` is how the thing stands where it is done. ``desk`` is False where the
    desk has no form for it then.
    """

    who: str
    operation: str
    state: str
    values: dict[str, Any] = field(default_factory=dict)
    code: int = 200
    after: str = ""
    desk: bool = True

    def ways(self, ways: Mapping[str, Callable[[Any, Row], int]]) -> dict[str, Callable[[Any, Row], int]]:
        """Return the ways in which it can be tried."""
        return {name: way for name, way in ways.items() if self.desk or name != "desk"}

    def __str__(self) -> str:
        said = "".join(f" {name} {str(value)[:12]}" for name, value in self.values.items())
        return f"{self.who}, {self.operation}{said}, {self.state}: {self.code}"


class Scene(Protocol):
    """A thing in a state, with everybody who may want something of it."""

    def stands(self) -> str:
        """Return how it stands."""

    def written(self) -> tuple[Any, ...]:
        """Return whatever a refusal leaves alone."""


S = TypeVar("S", bound=Scene)
Ways = Mapping[str, Callable[[S, Row], int]]


def code_of(work: Callable[[], Any]) -> int:
    """Return what the API would answer to what the service says."""
    try:
        work()
    except Refusal as refusal:
        return refusal_status(refusal)
    return 200


def post_at_desk(person: User, page: str, row: Any, form: dict[str, Any]) -> int:
    """Send a form of the desk; return 200 for what is done, else the status of the page that refuses it."""
    User.objects.filter(pk=person.pk).update(is_staff=True)
    client = Client()
    client.force_login(person)
    code: int = client.post(reverse(f"admin:{page}", args=[row.pk] if row is not None else []), form).status_code
    return 200 if code == 302 else code


def assert_done_alike(ways: Ways[S], opened: Callable[[str], S], row: Row) -> None:
    """Assert that each way does it, and that the thing stands the same way afterwards."""
    found = {}
    for way, go in row.ways(ways).items():
        scene = opened(row.state)
        found[way] = (go(scene, row), scene.stands())
    assert found == dict.fromkeys(found, (200, row.after))


def assert_refused_alike(ways: Ways[S], scene: S, rows: list[Row]) -> None:
    """Assert that each way refuses each row and writes nothing; the desk hides what a stranger may not see."""
    for row in rows:
        before = scene.written()
        for way, go in row.ways(ways).items():
            code = go(scene, row)
            hidden = {200, 403, 404, 422} if way == "desk" and row.code != 404 else set()
            assert code in {row.code, *hidden}, (way, str(row), code)
            assert scene.written() == before, (way, str(row))
