"""The factories that other tests stand on."""

import pytest

from sessions_app.models import LabSession
from tests.factories.sessions import SessionFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("status", ["planned", "running", "paused", "completed", "aborted"])
def test_each_trait_gives_its_status(status: str) -> None:
    session = SessionFactory(**{status: True}, with_steps=True)

    stored = LabSession.objects.get(pk=session.pk)

    assert stored.status == status
    assert stored.steps.count() == 3
    assert stored.head_sequence == stored.events.count() == session.head_sequence
