"""One request before one person: which forms there are, and what sending one does."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from biolab.accounts.models import User
from biolab.accounts.policies import objection_to_own_signature
from biolab.accounts.services.reentry import components_asked
from governance_app.admin.desk import Desk
from governance_app.admin.ladder_forms import CommentForm, DelegateForm, ResetForm, SignForm, WithdrawForm
from governance_app.models import ApprovalRequest
from governance_app.policies.approvals import may_delegate, may_reset, objection_to_signing
from governance_app.selectors.approvals import standing_of
from governance_app.selectors.outstanding import unsigned
from governance_app.services.approvals import comment_stage, delegate_stage, reset_stage, withdraw_request
from governance_app.services.signing import cast_signature
from governance_app.states import OPEN_STAGES, Decision, LadderState


class LadderDesk(Desk):
    """One request before one person."""

    done = {
        "sign": "Signed.",
        "delegate": "Delegated.",
        "reset": "Put back.",
        "comment": "Comment written.",
        "withdraw": "Withdrawn.",
    }

    def __init__(self, row: ApprovalRequest, person: User, *, period: str) -> None:
        self.row, self.person, self.period = row, person, period
        self.stages = list(row.stages.all())
        for stage in self.stages:
            stage.request = row
        self.standing = standing_of(row, self.stages)
        self.current = next((stage for stage in self.stages if stage.status in OPEN_STAGES), None)
        self.objection = self._objection()
        self.lay_out()

    def closed(self, name: str) -> str:
        return self.objection if name == "sign" else super().closed(name)

    def context(self, request: HttpRequest) -> dict[str, Any]:
        current = self.current
        return {
            "row": self.row,
            "stages": self.stages,
            "current": current,
            "missing": self.standing.missing(current.sequence_index) if current is not None else 0,
            "unsigned": unsigned(current) if current is not None else [],
            "objection": self.objection,
            "now": timezone.now(),
        }

    def _objection(self) -> str:
        """Return why the person cannot sign now, in a sentence; nothing where they can."""
        if self.current is None:
            return f"This request is {self.row.get_state_display().lower()}."
        refusal = objection_to_signing(self.person, self.current)
        if refusal is not None:
            return refusal.sentence
        signed = {given.index for given in self.standing.counted if given.signer == str(self.person.pk)}
        if self.current.sequence_index in signed:
            return "You have signed this stage; it waits for others."
        if signed and not self.row.allow_repeat_signers:
            return "You have signed this ladder."
        foreign = objection_to_own_signature(self.person)
        return foreign.sentence if foreign is not None else ""

    def form(self, name: str, data: Any) -> forms.Form | None:
        if self.person.reads_only:
            return None
        if name == "sign":
            if self.current is None or self.objection:
                return None
            asked = components_asked(self.person, period=self.period, at=timezone.now())
            return SignForm(data, stage=self.current, asked=asked)
        if name == "comment":
            return CommentForm(data, request=self.row)
        if name == "delegate" and any(may_delegate(self.person, stage) for stage in self.stages):
            delegate = DelegateForm(data, request=self.row)
            return delegate if delegate.worth_showing and self.current is not None else None
        if name == "reset" and any(may_reset(self.person, stage) for stage in self.stages):
            reset = ResetForm(data, request=self.row)
            return reset if reset.worth_showing and self.row.withdrawn_at is None else None
        if name == "withdraw" and self.row.state == LadderState.PENDING and self.row.asked_by_id == self.person.pk:
            return WithdrawForm(data)
        return None

    def _sign(self, values: dict[str, Any]) -> None:
        rejects = values["decision"] == Decision.REJECTED
        cast_signature(
            request_id=self.row.pk,
            stage_id=values["stage_id"],
            decision=values["decision"],
            signature=values["signature"],
            meaning="" if rejects else values["meaning"],
            password=values.get("password", ""),
            totp=values.get("totp", ""),
            period=self.period,
            content_digest=values["content_digest"],
            notes=values["notes"],
            by=self.person,
            at=timezone.now(),
        )

    def _delegate(self, values: dict[str, Any]) -> None:
        delegate_stage(
            stage=values["stage"],
            delegate=values["delegate"],
            due_at=values["due_at"],
            notes=values["notes"],
            by=self.person,
            at=timezone.now(),
        )

    def _reset(self, values: dict[str, Any]) -> None:
        reset_stage(stage=values["stage"], notes=values["notes"], by=self.person, at=timezone.now())

    def _comment(self, values: dict[str, Any]) -> None:
        comment_stage(stage=values["stage"], notes=values["notes"], by=self.person, at=timezone.now())

    def _withdraw(self, values: dict[str, Any]) -> None:
        withdraw_request(request=self.row, notes=values["notes"], by=self.person, at=timezone.now())
