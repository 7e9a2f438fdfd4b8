"""Alive, and ready only when everything it leans on answers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from biolab import __version__
from biolab.kernel import health, keys
from biolab.kernel.models import Heartbeat
from biolab.kernel.tasks import forget_what_ran_out, heartbeat
from biolab.settings.revision import checked_out

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/health", "/health/"])
def test_the_process_says_that_it_is_alive_without_asking_the_database(
    client: Client, path: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        answer = client.get(path, headers={"Authorization": "Bearer nonsense"})

    assert (answer.status_code, answer.json()) == (200, {"status": "healthy", "version": __version__})


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/health/"])
def test_controllers_are_told_which_commit_runs(
    client: Client, path: str, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.GIT_SHA = "0" * 40

    with django_assert_num_queries(0):
        answer = client.get(path, headers={"Authorization": "Bearer nonsense"})

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "version": __version__, "git_sha": "0" * 40}


@pytest.mark.parametrize("left", ["a branch", "packed", "detached", "nothing"])
def test_the_commit_is_read_from_the_checkout(tmp_path: Path, left: str) -> None:
    git, commit = tmp_path / ".git", "0123456789abcdef0123456789abcdef01234567"
    (git / "refs" / "heads").mkdir(parents=True)
    if left != "nothing":
        (git / "HEAD").write_text(f"{commit}\n" if left == "detached" else "ref: refs/heads/main\n")
    if left == "a branch":
        (git / "refs" / "heads" / "main").write_text(f"{commit}\n")
    if left == "packed":
        (git / "packed-refs").write_text(
            f"# pack-refs with: peeled\n{'f' * 40} refs/heads/a\n{commit} refs/heads/main\n"
        )

    assert checked_out(tmp_path) == ("" if left == "nothing" else commit)


def test_it_is_ready_once_the_clockwork_has_beaten(client: Client) -> None:
    before = client.get("/ready")
    heartbeat()
    after = client.get("/ready")

    assert before.status_code == 503
    assert before.headers["Retry-After"]
    assert before.json()["code"] == "not_ready"
    assert before.json()["checks"]["beat"] == "has not beaten yet"
    assert (after.status_code, set(after.json()["checks"].values())) == (200, {"ok"})


def test_a_silent_clockwork_is_named(client: Client) -> None:
    health.beat(at=timezone.now() - timedelta(minutes=5))

    answer = client.get("/ready")

    assert answer.status_code == 503
    assert "silent" in answer.json()["checks"]["beat"]
    assert answer.json()["checks"]["database"] == "ok"


def test_storage_that_cannot_be_written_is_named(client: Client, settings: Any, tmp_path: Path) -> None:
    heartbeat()
    (tmp_path / "file").write_text("in the way")
    settings.STORAGES = {
        **settings.STORAGES,
        "artifacts": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "file"},
        },
    }

    answer = client.get("/ready")

    assert (answer.status_code, answer.json()["checks"]["storage"]) == (503, "does not answer")
    assert str(tmp_path) not in answer.content.decode()


def test_beating_twice_keeps_one_row() -> None:
    heartbeat()
    heartbeat()
    forget_what_ran_out()

    assert Heartbeat.objects.count() == 1


def test_anyone_reads_the_public_keys_and_no_private_one(client: Client) -> None:
    answer = client.get("/.well-known/keys.json")

    assert answer.json() == {"keys": [dict(key) for key in keys.known_keys()]}
    assert keys.seed().hex() not in answer.content.decode()
