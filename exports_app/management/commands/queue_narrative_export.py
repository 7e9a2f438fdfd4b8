"""Queue one export for packing, or say what it waits for."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from biolab.accounts.models import User
from biolab.kernel.errors import Refusal
from biolab.kernel.ids import find
from exports_app.models import NarrativeExport
from exports_app.services.packaging import requeue_export
from exports_app.states import ArtifactStatus
from exports_app.tasks import knock
from governance_app.shapes.guardrails import guardrail_state
from governance_app.states import OPEN_STAGES


class Command(BaseCommand):
    """Prints one line of JSON: whether a worker was rung for, and where the export stands."""

    help = "Queue a narrative export for packing; one that failed for good needs --actor-email of an administrator."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("export_id", help="the export's id, exp_…")
        parser.add_argument("--actor-email", default="", help="who does it; an administrator for a failed export")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and do nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            export = find(NarrativeExport.objects.told(), options["export_id"])
            actor = self._actor(options["actor_email"])
            failed = export.artifact_status == ArtifactStatus.FAILED
            if failed and actor is None:
                raise CommandError("A failed export is queued again by an administrator: name one with --actor-email.")
            due = failed or NarrativeExport.objects.due(now).filter(pk=export.pk).exists()
            if due and not options["dry_run"]:
                if failed and actor is not None:
                    requeue_export(export=export, by=actor, at=now)  # its event rings for a worker
                else:
                    knock(str(export.pk))
                export = NarrativeExport.objects.told().get(pk=export.pk)
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from refusal
        stage = next((one for one in export.approval.stages.all() if one.status in OPEN_STAGES), None)
        answer = {
            "queued": due,
            "export_id": export.public_id,
            "actor_id": actor.public_id if actor is not None else None,
            "approval_status": export.approval.state,
            "artifact_status": export.artifact_status,
            "pending_stage_id": stage.public_id if stage is not None else None,
            "pending_stage_status": stage.status if stage is not None else None,
            "guardrail_state": guardrail_state(export.guardrail_simulation),
            "dry_run": options["dry_run"],
        }
        self.stdout.write(json.dumps(answer))

    def _actor(self, email: str) -> User | None:
        if not email:
            return None
        actor = User.objects.filter(email=email.strip().casefold(), is_active=True).first()
        if actor is None:
            raise CommandError(f"Nobody here has the address {email}.")
        return actor
