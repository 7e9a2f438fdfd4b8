"""A snapshot that was changed behind its digest is told once, to administrators and in the security log."""

from __future__ import annotations

import pytest

from biolab.accounts.models import Notification
from biolab.kernel.append_only import lifted
from biolab.kernel.models import SecurityEntry
from governance_app.models import TemplateSnapshot
from governance_app.services.drift import report_drifted_snapshots
from tests.factories.governance import TemplateFactory, make_administrator
from tests.factories.sessions import NINE

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]


def test_a_drifted_snapshot_is_reported_once() -> None:
    admin = make_administrator()
    kept, changed = TemplateFactory(published=True, by=admin), TemplateFactory(published=True, by=admin)
    before = report_drifted_snapshots(at=NINE)
    with lifted():
        TemplateSnapshot.objects.filter(template=changed).update(payload_text="{}")

    told = [report_drifted_snapshots(at=NINE) for _ in range(2)]

    entry = SecurityEntry.objects.get(kind="template.drifted")
    assert (before, told) == (0, [1, 0])
    assert entry.record["detail"]["snapshot_id"] == changed.snapshot.public_id
    assert [row.title for row in Notification.objects.filter(person=admin)] == [
        f"The published template {changed.snapshot} was changed behind its digest"
    ]
    assert not kept.snapshot.has_drifted
