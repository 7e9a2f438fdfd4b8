"""One request before one person: which forms there are, and what sending one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone

from biolab.accounts.auth.periods import period_of
from biolab.accounts.models import User
from biolab.accounts.policies import objection_to_own_signature
from biolab.accounts.services.reentry import components_asked
from biolab.kernel.errors import Refusal
from governance_app.admin.ladder_forms import CommentForm, DelegateForm, ResetForm, SignForm
from governance_app.models import ApprovalRequest
from governance_app.policies.approvals import may_delegate, may_reset, objection_to_signing
from governance_app.selectors.approvals import standing_of
from governance_app.selectors.outstanding import unsigned
from governance_app.services.approvals import comment_stage, delegate_stage, reset_stage
from governance_app.services.signing import cast_signature
from governance_app.states import OPEN_STAGES, Decision


class Desk:
    """One request before one person."""

    FORMS: ClassVar[dict[str, str]] = {
        "sign": "Signed.",
        "delegate": "Delegated.",
        "reset": "Put back.",
        "comment": "Comment written.",
    }

    def __init__(self, row: ApprovalRequest, person: User, *, period: str) -> None:
        self.row, self.person, self.period = row, person, period
        self.stages = list(row.stages.all())
        for stage in self.stages:
            stage.request = row
        self.standing = standing_of(row, self.stages)
        self.current = next((stage for stage in self.stages if stage.status in OPEN_STAGES), None)
        self.objection = self._objection()
        self.forms = {name: form for name in self.FORMS if (form := self._form(name, None)) is not None}

    def act(self, request: HttpRequest) -> bool:
        """Do what the sent form asks; tell what came of it. Returns whether it was done."""
        name = request.POST.get("operation", "")
        form = self._form(name, request.POST) if name in self.forms else None
        if form is None:
            messages.error(request, self.objection if name == "sign" else "That is no longer possible here.")
            return False
        self.forms[name] = form
        if not form.is_valid():
            return False
        work: Callable[[dict[str, Any]], Any] = getattr(self, f"_{name}")
        try:
            work(form.cleaned_data)
        except Refusal as refusal:
            form.add_error(None, refusal.sentence)  # beside the form, where the person is looking
            return False
        messages.success(request, self.FORMS[name])
        return True

    def context(self) -> dict[str, Any]:
        """Return what the page shows."""
        current = self.current
        return {
            "row": self.row,
            "stages": self.stages,
            "current": current,
            "missing": self.standing.missing(current.sequence_index) if current is not None else 0,
            "unsigned": unsigned(current) if current is not None else [],
            "objection": self.objection,
            "forms": self.forms,
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

    def _form(self, name: str, data: Any) -> forms.Form | None:
        """Return the form ``name``, filled from ``data``; None where the person has no use for it."""
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


def desk_of(row: ApprovalRequest, request: HttpRequest, person: User) -> Desk:
    """Return the request ``row`` as it lies before the person who asks."""
    return Desk(row, person, period=period_of(request))
