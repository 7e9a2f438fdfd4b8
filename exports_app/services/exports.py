"""Ask for an export: freeze a session with its evidence, and put it up for approval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Max

from biolab.accounts.models import User
from biolab.accounts.policies import require, require_scope
from biolab.accounts.roles import Right, Scope
from biolab.kernel.canonical import canonical
from biolab.kernel.errors import Invalid
from biolab.kernel.ids import new_uuid, typeid
from exports_app import storage
from exports_app.facts import SUBJECT, SUBJECT_KEY, ExportCreated
from exports_app.models import ExportAttachment, ExportOriginal, NarrativeExport
from exports_app.services.evidence import EvidenceAsked
from exports_app.services.freezing import Frozen, freeze, name_objects, store
from exports_app.services.gate import follow_ladder
from governance_app.models import TemplateSnapshot
from governance_app.services.approvals import StageSpec, Subject, open_request
from governance_app.services.assignments import choose_snapshot
from sessions_app import timeline
from sessions_app.models import LabSession

UNLOCKED_TRIES: Final = 3
LONGEST_NOTES: Final = 10_000
RESERVED: Final = "packaging_queue_state"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody asks to have exported, and by whom it is to be approved."""

    attachments: Sequence[EvidenceAsked] = ()
    notes: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    template_id: object = None
    snapshot_id: object = None
    stages: Sequence[StageSpec] = ()


@dataclass(frozen=True)
class Asked:
    """A new export with all that the wire shows of it, and its dossier's bytes."""

    export: NarrativeExport
    content: bytes


def ask_export(
    *, session: LabSession, by: User, at: datetime, wish: Wish | None = None, dry_run: bool = False
) -> Asked:
    """Freeze the session with the evidence asked for, put the export up for approval and return it.

    The bytes are stored by digest before the rows that name them are written. The session is read without being held;
    where it moved meanwhile it is read again, and the last time while it is held.

    Args:
        dry_run: do all of it but keep nothing.

    Raises:
        Forbidden: the person's role does not allow exports.
        Invalid: evidence, stages, notes or metadata that cannot be used.
        Missing: evidence, template or snapshot that is not there for this person.
        Conflict: the template is archived or was changed; two templates apply; the readings' seal is broken.
        StorageUnreachable: the bytes could not be stored.
    """
    wish = wish or Wish()
    require_scope(by, Scope.EXPORTS_WRITE)
    require(by, Right.EXPORT, session.team_id)
    _check(wish)
    snapshot = _choose_snapshot(session, wish)
    with storage.workbench() as folder:
        for _ in range(UNLOCKED_TRIES):
            session.refresh_from_db()
            frozen = freeze(session, snapshot, attachments=wish.attachments, remarks=wish.notes, folder=folder, at=at)
            if not dry_run:
                store(frozen)
            with transaction.atomic():
                held = LabSession.objects.hold(session.pk)
                if held.head_sequence == frozen.head:
                    return _write(held, wish, snapshot, frozen, by=by, at=at, dry_run=dry_run)
        with transaction.atomic():
            held = LabSession.objects.hold(session.pk)
            frozen = freeze(held, snapshot, attachments=wish.attachments, remarks=wish.notes, folder=folder, at=at)
            if not dry_run:
                store(frozen)
            return _write(held, wish, snapshot, frozen, by=by, at=at, dry_run=dry_run)


def _check(wish: Wish) -> None:
    errors = []
    if wish.stages and (wish.template_id is not None or wish.snapshot_id is not None):
        errors.append({"pointer": "/approval_stages", "detail": "Give either a template or stages, not both."})
    if len(wish.notes) > LONGEST_NOTES:
        errors.append({"pointer": "/notes", "detail": f"Notes hold at most {LONGEST_NOTES} characters."})
    if RESERVED in wish.metadata:
        errors.append({"pointer": f"/metadata/{RESERVED}", "detail": "This name is used by the system."})
    try:
        canonical([wish.metadata, *(asked.context for asked in wish.attachments)])
    except ValueError:
        errors.append({"pointer": "/metadata", "detail": "Holds a number or text that JSON cannot carry exactly."})
    if errors:
        raise Invalid(errors[0]["detail"], errors=errors)


def _choose_snapshot(session: LabSession, wish: Wish) -> TemplateSnapshot | None:
    if wish.stages:
        return None
    return choose_snapshot(session=session, template_id=wish.template_id, snapshot_id=wish.snapshot_id)


def _write(
    session: LabSession,
    wish: Wish,
    snapshot: TemplateSnapshot | None,
    frozen: Frozen,
    *,
    by: User,
    at: datetime,
    dry_run: bool,
) -> Asked:
    """Write the rows and the facts; the caller holds the session."""
    pk = new_uuid()
    public_id = typeid(NarrativeExport.id_prefix, pk)
    last = NarrativeExport.objects.filter(session=session).aggregate(last=Max("version"))["last"] or 0
    objects = name_objects(frozen, at=at)
    created = ExportCreated(
        format="markdown",
        generated_at=at,
        event_count=frozen.head,
        export_id=public_id,
        version=last + 1,
        approval_status="pending",
        attachments=[found.told() for found, _ in frozen.evidence],
    )
    timeline.record(session, created, by=by, at=at)
    subject = Subject(
        prefix=SUBJECT,
        key=SUBJECT_KEY,
        id=public_id,
        digest=frozen.digest,
        content_digest=frozen.content.sha256,
        label=f"{session.name}: narrative v{last + 1}"[-255:],
        path=f"/sessions/{session.public_id}",
    )
    approval = open_request(
        session=session, subject=subject, by=by, at=at, snapshot=snapshot, stages=tuple(wish.stages)
    )
    export = NarrativeExport.objects.create(
        id=pk,
        session=session,
        version=last + 1,
        approval=approval,
        requested_by=by,
        notes=wish.notes,
        metadata=dict(wish.metadata),
        created_at=at,
        updated_at=at,
        generated_at=at,
        event_count=frozen.head,
        content=objects[frozen.content.sha256],
        facts=objects[frozen.facts.sha256],
        readings=objects[frozen.readings.sha256] if frozen.readings is not None else None,
        telemetry=frozen.told.as_json(),
        subject_digest=frozen.digest,
    )
    ExportAttachment.objects.bulk_create(
        ExportAttachment(
            export=export,
            position=place,
            evidence_type=found.evidence_type,
            reference_id=found.reference_id,
            label=found.label,
            context=dict(found.context),
            snapshot=found.snapshot,
            filename=found.filename,
            frozen=objects[file.sha256],
            created_at=at,
        )
        for place, (found, file) in enumerate(frozen.evidence, 1)
    )
    ExportOriginal.objects.bulk_create(
        ExportOriginal(
            export=export,
            position=place,
            folder=found.folder,
            filename=found.filename,
            frozen=objects[file.sha256],
        )
        for place, (found, file) in enumerate(frozen.originals, 1)
    )
    follow_ladder(session, export, at=at)
    asked = Asked(NarrativeExport.objects.told().get(pk=pk), frozen.content.path.read_bytes())
    transaction.set_rollback(dry_run)
    return asked
