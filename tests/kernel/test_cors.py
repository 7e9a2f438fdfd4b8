"""Pages of other sites that the settings name call these doors as pages of our own do."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

FRONT_END = "http://localhost:5173"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def named(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [FRONT_END]


@pytest.mark.parametrize(
    "path", ["/api/sessions", "/api/v1/events", "/health", "/influx/api/v2/write", "/prometheus/api/v1/query"]
)
def test_a_page_of_a_named_site_may_send_what_the_doors_read(client: Client, path: str) -> None:
    asked = ["authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "if-range", "range"]

    answer = client.options(
        path,
        headers={
            "Origin": FRONT_END,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": ",".join(asked),
        },
    )

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT_END
    assert set(asked) <= set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_it_may_read_what_the_doors_tell_in_headers(client: Client) -> None:
    answer = client.get("/health", headers={"Origin": FRONT_END})

    told = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"ETag", "Link", "Retry-After", "Idempotent-Replayed", "Content-Disposition", "Content-Range"} <= set(told)


@pytest.mark.parametrize(
    ("path", "origin"), [("/api/sessions", "http://elsewhere.example"), ("/admin/login/", FRONT_END)]
)
def test_other_sites_and_pages_of_our_own_stay_apart(client: Client, path: str, origin: str) -> None:
    answer = client.get(path, headers={"Origin": origin})

    assert "Access-Control-Allow-Origin" not in answer.headers
