"""What every start prepares."""

from typing import Any

import pytest
from django.core.management import call_command

from biolab.accounts.models import User


@pytest.mark.django_db
def test_a_service_installation_has_no_demo_accounts_unless_it_asks_for_them(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMBEDDED, settings.INITIAL_ADMIN_PASSWORD = False, "a long password of its own"
    monkeypatch.delenv("BIOLAB_DEMO", raising=False)

    call_command("prepare")

    assert [person.email for person in User.objects.all()] == [settings.INITIAL_ADMIN_EMAIL]
