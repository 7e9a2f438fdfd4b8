"""Every page that shows or changes one thing × a member, a stranger and nobody, with ids of real things."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from biolab.accounts.roles import Role
from tests.contract.test_access import World
from tests.factories.sessions import make_member, make_team
from tests.factories.speech import make_task

pytestmark = pytest.mark.django_db

NO_PAGES = ("api/", "influx/", "metrics", "prometheus/", ".well-known/", "health", "ready", "admin/")
EXPORT = "sessions/<str:sid>/exports/"  # what is exported belongs to the session that has ended
PART_OF = {"name": "notes", "part": "figures"}


def page_routes() -> dict[str, set[str]]:
    """Return the methods of every page that names something in its address."""
    return {route: methods for route, methods in _routes(get_resolver()) if "<" in route}


def _routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if path.startswith(NO_PAGES):
            continue
        if isinstance(entry, URLPattern):
            view = getattr(entry.callback, "view_class", None)
            yield path, {name for name in ("get", "post") if hasattr(view, name)}
        else:
            yield from _routes(entry, path)


def signed_in(person: object) -> Client:
    client = Client()
    client.force_login(person)  # type: ignore[arg-type]
    return client


def test_a_page_of_one_thing_opens_for_its_people_alone() -> None:
    world = World()
    ids = {
        **world.ids,
        "channel_id": world.ids["event_id"],
        "job_id": world.ids["job"],
        "tid": make_task(world.running, by=world.bench.lead, status="done").public_id,
        **PART_OF,
    }
    member, nobody = signed_in(world.bench.asker), Client()
    stranger = signed_in(make_member(make_team("Another"), Role.OWNER))
    routes = page_routes()
    wrong = []

    for route, methods in routes.items():
        known = {**ids, "sid": ids["ended"]} if route.startswith(EXPORT) else ids
        path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route).format(**known)
        if "get" in methods:
            wrong += _unless(member.get(path).status_code in (200, 405), "GET", path, "a member")
        for method in sorted(methods):
            wrong += _unless(getattr(stranger, method)(path).status_code in (404, 405), method, path, "a stranger")
            answer = getattr(nobody, method)(path)
            led = answer.status_code == 302 and answer["Location"].startswith("/sign-in")
            wrong += _unless(led, method, path, "nobody")

    assert not wrong, "\n".join(wrong)
    assert len(routes) > 20


def _unless(fine: bool, method: str, path: str, caller: str) -> list[str]:
    return [] if fine else [f"{method.upper()} {path} by {caller}"]
