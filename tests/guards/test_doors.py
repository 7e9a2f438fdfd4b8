"""No door opens without a credential, but for the few that are public on purpose."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

ID = "0198c0de-0000-7000-8000-000000000000"
PUBLIC = {
    "/sign-in",
    "/health",
    "/ready",
    "/api/v1/health",
    "/api/v1/auth/login",
    "/api/v1/auth/refresh",
    "/api/token",
    "/api/token/refresh",
    "/api/token/verify",
    "/api/token/blacklist",
    "/.well-known/keys.json",
    "/api/verify",
    "/verify",
    "/docs",
    "/api/docs",
    "/api/schema",
    *(f"{prefix}/{rest}" for prefix in ("/influx", f"/influx/{ID}") for rest in ("ping", "health", "ready")),
}
SAMPLES = {
    "str": ID,
    "uuid": ID,
    "int": "1",
    "slug": "a-name",
    "path": "a/path",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    """Yield an example path for every route outside the admin."""
    for entry in resolver.url_patterns:
        assert isinstance(entry.pattern, RoutePattern), f"{entry.pattern} is not a plain path"
        piece = str(entry.pattern)
        for name, converter in entry.pattern.converters.items():
            kind = type(converter).__name__.removesuffix("Converter").lower()
            sample = SAMPLES["str" if kind == "string" else kind]
            piece = piece.replace(f"<{'' if kind == 'string' else kind + ':'}{name}>", sample)
            piece = piece.replace(f"<str:{name}>", sample)
        if piece == "admin/":
            continue
        if isinstance(entry, URLPattern):
            yield prefix + piece
        else:
            yield from routes(entry, prefix + piece)


ROUTES = sorted(set(routes(get_resolver())))


def signed_url(path: str) -> bool:
    """Return whether the path itself carries the credential (checked by the tests of its app)."""
    return path.startswith("/api/v1/") and path.endswith("/telemetry") and path.count("/") == 4


@pytest.mark.django_db
@pytest.mark.parametrize("path", [path for path in ROUTES if path not in PUBLIC and not signed_url(path)])
def test_no_door_opens_without_a_credential(path: str) -> None:
    answers = {
        method: Client(REMOTE_ADDR="203.0.113.7").generic(method, path, b"{}", content_type="application/json")
        for method in METHODS
    }

    for method, answer in answers.items():
        if answer.status_code == 302:
            assert answer["Location"].startswith("/sign-in"), f"{method} {path} leads to {answer['Location']}"
        else:
            assert answer.status_code in {401, 403, 405}, f"{method} {path} answered {answer.status_code}"
    assert any(answer.status_code in {302, 401, 403} for answer in answers.values())


def test_every_public_door_is_a_door() -> None:
    must_exist = {"/sign-in", "/health", "/ready", "/api/v1/auth/login", "/api/token", "/api/schema", "/api/docs"}

    assert must_exist <= set(ROUTES)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/user/", "/admin/sessions_app/labsession/"])
def test_the_admin_asks_strangers_to_sign_in(path: str) -> None:
    answer = Client().get(path)

    assert answer.status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "headers", "expected"),
    [
        ("127.0.0.1", {}, 200),
        ("203.0.113.7", {}, 401),
        ("127.0.0.1", {"x-forwarded-for": "203.0.113.7"}, 401),
        ("203.0.113.7", {"authorization": "Bearer wrong"}, 401),
        ("203.0.113.7", {"authorization": "Bearer the-metrics-token"}, 200),
    ],
)
def test_metrics_are_for_this_machine_or_the_token(
    settings: object, address: str, headers: dict[str, str], expected: int
) -> None:
    settings.METRICS_TOKEN = "the-metrics-token"  # type: ignore[attr-defined]

    assert Client(REMOTE_ADDR=address).get("/metrics", headers=headers).status_code == expected
