"""What every start prepares."""

from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from biolab.accounts.models import User
from biolab.demo.lab import lay_out
from governance_app.models import GovernanceBaseline
from tests.factories.governance import make_administrator


@pytest.mark.django_db
def test_a_service_installation_has_no_demo_accounts_unless_it_asks_for_them(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMBEDDED, settings.INITIAL_ADMIN_PASSWORD = False, "a long password of its own"
    monkeypatch.delenv("BIOLAB_DEMO", raising=False)

    call_command("prepare")

    assert [person.email for person in User.objects.all()] == [settings.INITIAL_ADMIN_EMAIL]


@pytest.mark.sqlite_only
@pytest.mark.django_db
def test_the_demo_lab_has_one_published_reference_however_often_it_is_laid_out() -> None:
    administrator = make_administrator()

    first, again = (lay_out(administrator=administrator, at=timezone.now()) for _ in range(2))

    baseline = GovernanceBaseline.objects.get()
    assert (baseline.session, baseline.status, baseline.is_current) == (first.finished, "published", True)
    assert (again.finished, again.running) == (first.finished, first.running)
