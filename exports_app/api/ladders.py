"""Sign, delegate, put back, withdraw: the ladder of an export, for its team and for administrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.auth.periods import period_of
from biolab.kernel.ids import find
from biolab.kernel.times import parse_utc
from exports_app.api import schemas
from exports_app.api.exports import ExportsArea
from exports_app.api.forms import CommentForm, DelegateForm, Rehearsal, ResetForm, SignForm, WithdrawForm
from exports_app.models import NarrativeExport
from governance_app.models import ApprovalStage
from governance_app.policies.approvals import require_administrator, require_writer
from governance_app.services.approvals import (
    comment_stage,
    delegate_stage,
    require_delegable,
    require_resettable,
    require_withdrawable,
    reset_stage,
    withdraw_request,
)
from governance_app.services.signing import cast_signature, require_turn
from governance_app.services.templates import find_person


class LadderArea(ExportsArea):
    """An export found through its session, or by an administrator alone."""

    def found(self, ids: dict[str, str]) -> NarrativeExport:
        if "sid" in ids:
            return self.export(ids["sid"], ids["eid"])
        require_administrator(self.person)
        return find(NarrativeExport.objects.told().visible_to(self.person), ids["eid"])

    def stage(self, export: NarrativeExport, stage_id: str) -> ApprovalStage:
        stages = ApprovalStage.objects.filter(request=export.approval)
        return find(stages.select_related("request__session__team", "assignee", "delegated_to"), stage_id)

    def shown(self, export: NarrativeExport) -> Response:
        """Answer the export as it stands now."""
        return self.answer(self.shape(NarrativeExport.objects.told().get(pk=export.pk)))

    def rehearsed(self, export: NarrativeExport, service: Callable[..., object], **values: Any) -> Response:
        """Call the service and answer the export as it then stands; with ``dry_run`` nothing of it is kept."""
        dry_run = self.asked(Rehearsal)["dry_run"]
        with transaction.atomic():
            service(by=self.person, at=self.now, **values)
            answer = self.shown(export)
            transaction.set_rollback(dry_run)
        return answer


class SignDoor(LadderArea):
    """A person's signature; the answer to a wrong password must survive, so nothing wraps it in one transaction."""

    one_transaction = False

    @extend_schema(
        summary="Approve or reject the current stage",
        description="Needs the signer's password, a code, or both. `dry_run` checks everything and signs nothing.",
        parameters=[Rehearsal],
        request=SignForm,
        responses=schemas.Export,
        tags=["exports"],
    )
    def post(self, request: Request, **ids: str) -> Response:
        export, dry_run = self.found(ids), self.asked(Rehearsal)["dry_run"]
        sent = self.request.data
        stage_id = sent.get("stage_id") if isinstance(sent, dict) else None
        require_turn(request=export.approval, stage_id=stage_id, by=self.person, at=self.now)
        values = {name: value for name, value in self.validated(SignForm).items() if value is not None}
        signed = cast_signature(
            request_id=export.approval_id,
            decision=values.pop("status"),
            period=period_of(request),
            by=self.person,
            at=self.now,
            dry_run=dry_run,
            **values,
        )
        if dry_run:
            return self.answer(self.shape(export, approval=signed))
        return self.shown(export)


class DelegateDoor(LadderArea):
    """A stage handed on."""

    @extend_schema(
        summary="Delegate a stage",
        parameters=[Rehearsal],
        request=DelegateForm,
        responses=schemas.Export,
        tags=["exports"],
    )
    def post(self, request: Request, **ids: str) -> Response:
        export = self.found(ids)
        stage = self.stage(export, ids["stage_id"])
        require_delegable(stage=stage, by=self.person)
        values = self.validated(DelegateForm)
        due_at = values.get("due_at")
        return self.rehearsed(
            export,
            delegate_stage,
            stage=stage,
            delegate=find_person(values["delegate_id"]),
            due_at=parse_utc(due_at, pointer="/due_at") if due_at is not None else None,
            notes=values.get("notes") or "",
            metadata=values.get("metadata"),
        )


class ResetDoor(LadderArea):
    """A stage put back."""

    @extend_schema(
        summary="Put a stage back to be signed again",
        parameters=[Rehearsal],
        request=ResetForm,
        responses=schemas.Export,
        tags=["exports"],
    )
    def post(self, request: Request, **ids: str) -> Response:
        export = self.found(ids)
        stage = self.stage(export, ids["stage_id"])
        require_resettable(stage=stage, by=self.person)
        values = self.validated(ResetForm)
        return self.rehearsed(export, reset_stage, stage=stage, notes=values["notes"], metadata=values.get("metadata"))


class CommentDoor(LadderArea):
    """Something said about a stage."""

    @extend_schema(
        summary="Comment on a stage",
        parameters=[Rehearsal],
        request=CommentForm,
        responses=schemas.Export,
        tags=["exports"],
    )
    def post(self, request: Request, **ids: str) -> Response:
        export = self.found(ids)
        stage = self.stage(export, ids["stage_id"])
        require_writer(self.person)
        values = self.validated(CommentForm)
        return self.rehearsed(
            export, comment_stage, stage=stage, notes=values["notes"], metadata=values.get("metadata")
        )


class WithdrawDoor(LadderArea):
    """A request taken back."""

    @extend_schema(
        summary="Withdraw a pending request",
        parameters=[Rehearsal],
        request=WithdrawForm,
        responses=schemas.Export,
        tags=["exports"],
    )
    def post(self, request: Request, **ids: str) -> Response:
        export = self.found(ids)
        require_withdrawable(request=export.approval, by=self.person)
        values = self.validated(WithdrawForm)
        return self.rehearsed(export, withdraw_request, request=export.approval, notes=values.get("notes") or "")


class DeskDoor(LadderArea):
    """One export, as administrators read it."""

    @extend_schema(summary="Read an export as an administrator", responses=schemas.Export, tags=["governance"])
    def get(self, request: Request, **ids: str) -> Response:
        return self.answer(self.shape(self.found(ids), content=True))
