"""Pages lose nothing, repeat nothing and never truncate in silence."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from rest_framework.test import APIClient

from biolab.accounts.models import ServiceToken, Team
from tests.factories.accounts import NINE, client_of, make_admin, make_person

pytestmark = pytest.mark.django_db


def walk(client: APIClient, address: str) -> list[list[Any]]:
    """Return every page, following the Link header."""
    pages = []
    while address:
        answer = client.get(address)
        assert answer.status_code == 200
        pages.append(answer.json())
        link = answer.headers.get("Link", "")
        assert not link or link.endswith('; rel="next"')
        parts = urlsplit(link.partition(">")[0].lstrip("<"))
        address = f"{parts.path}?{parts.query}" if link else ""
    return pages


@pytest.mark.parametrize("limit", [1, 3, 7, 8])
def test_a_bare_list_gives_everything_once_even_where_times_tie(limit: int) -> None:
    for number in range(7):
        Team.objects.create(name=f"Team {number}", created_at=NINE)
    client = client_of(make_admin())

    pages = walk(client, f"/api/teams?limit={limit}")

    assert all(len(page) <= limit for page in pages)
    names = [team["name"] for page in pages for team in page]
    assert sorted(names) == [f"Team {number}" for number in range(7)]


def test_the_last_page_has_no_link_header() -> None:
    for number in range(3):
        Team.objects.create(name=f"Team {number}")
    client = client_of(make_admin())

    assert "Link" not in client.get("/api/teams?limit=3").headers
    assert "Link" in client.get("/api/teams?limit=2").headers


def test_a_token_in_the_query_never_comes_back_in_the_link() -> None:
    admin = make_admin()
    for number in range(3):
        Team.objects.create(name=f"Team {number}")
    secret = client_of(admin)._credentials["HTTP_AUTHORIZATION"].removeprefix("Token ")

    answer = APIClient().get(f"/api/teams?limit=1&token={secret}")

    assert answer.status_code == 200
    assert secret not in answer.headers["Link"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "limit=1.5",
        "limit=%00",
        "limit=99999999999999999999",
        "cursor=nonsense",
        "cursor=W10",
        "cursor=bnVsbA",
        "cursor=WzEsMl0",
        "cursor=%00",
    ],
)
def test_a_bad_query_value_is_422_with_its_name(query: str) -> None:
    answer = client_of(make_admin()).get(f"/api/teams?{query}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"?{query.partition('=')[0]}"


def test_numbered_pages_tell_page_size_and_total() -> None:
    person = make_person()
    client = client_of(person)
    for number in range(4):
        ServiceToken.objects.create(owner=person, name=f"t{number}", digest=f"{number}", hint="", created_at=NINE)

    first, second, beyond = (client.get(f"/api/v1/tokens?page={page}&page_size=3").json() for page in (1, 2, 9))

    assert (first["page"], first["page_size"], first["total"], len(first["data"])) == (1, 3, 5, 3)
    assert len(second["data"]) == 2
    assert beyond["data"] == []
    assert len({token["public_id"] for token in first["data"] + second["data"]}) == 5


@pytest.mark.parametrize("query", ["page=0", "page_size=0", "page_size=101", "page=a"])
def test_numbered_pages_refuse_what_is_out_of_range(query: str) -> None:
    assert client_of(make_person()).get(f"/api/v1/tokens?{query}").status_code == 422
