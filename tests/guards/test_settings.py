"""What is documented exists, what exists is documented, and production refuses to start half configured."""

import os
import re
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import call_command

from biolab.settings.env import VARIABLES
from tests.guards.source import ROOT, calls, modules, words

VARIABLE = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|HOST|PORT|DEBUG)`")
NOT_OURS = {"PROMETHEUS_MULTIPROC_DIR", "DJANGO_SETTINGS_MODULE", "PYTEST_XDIST_WORKER"}
STRONG = {
    "SECRET_KEY": "kP3vZ8qLx0Tn5Rj7Ws2Bd9Fh4Gm6Yc1AeUoIkP3vZ8qLx0Tn5Rj7Ws2Bd",
    "JWT_SECRET_KEY": "m2Qw8Er4Ty6Ui0Op1As3Df5Gh7Jk9Lz2Xc4Vb6Nm",
    "DATABASE_URL": "postgresql://biolab:pw@127.0.0.1:5432/biolab",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "ALLOWED_HOSTS": "lab.example",
}


def documented() -> set[str]:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    return {name for page in pages if page.exists() for name in VARIABLE.findall(page.read_text())}


def test_every_documented_setting_exists() -> None:
    unknown = {name for name in documented() - VARIABLES.keys() - NOT_OURS if "_" in name and not _is_code(name)}

    assert unknown == set()


def _is_code(name: str) -> bool:
    """Return whether a name is a constant of ours or a status on the wire, not a variable of the environment."""
    return name in words()


def test_every_setting_is_used() -> None:
    used = {
        call.args[0].value  # type: ignore[attr-defined]
        for tree in modules().values()
        for name, call in calls(tree)
        if name.startswith("env.") or name in {"text", "_strong"}
        if call.args and hasattr(call.args[0], "value")
    }
    by_tests = {"BIOLAB_REQUIRE_SERVICES"}

    assert VARIABLES.keys() - used - by_tests == set()


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    """Load service settings in a fresh process with nothing but ``environment``."""
    given = {
        "PATH": os.environ["PATH"],
        "BIOLAB_DATA": "/nonexistent",
        "DJANGO_SETTINGS_MODULE": "biolab.settings.service",
    }
    command = [sys.executable, "-c", "import biolab.settings.service"]
    return subprocess.run(command, env=given | environment, cwd=ROOT, capture_output=True, text=True, check=False)


def test_service_settings_load_when_they_are_complete() -> None:
    done = check(**STRONG)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(STRONG))
def test_service_settings_refuse_to_load_without(name: str) -> None:
    done = check(**{key: value for key, value in STRONG.items() if key != name})

    assert done.returncode != 0
    assert name in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "changeme-changeme-changeme-changeme-changeme-changeme-0123456789"),
        ("SECRET_KEY", "a" * 80),
        ("JWT_SECRET_KEY", "secret"),
        ("JWT_SECRET_KEY", STRONG["SECRET_KEY"]),
        ("ALLOWED_HOSTS", "*"),
        ("DEBUG", "1"),
        ("BIOLAB_OPEN_BENCH", "1"),
        ("DATABASE_URL", "mysql://x@y/z"),
    ],
)
def test_production_refuses_what_is_weak(name: str, value: str) -> None:
    done = check(**{**STRONG, name: value})

    assert done.returncode != 0
    assert "ImproperlyConfigured" in done.stderr
