"""The decisions of a session: what was advised, done, taken back and said about it, and the baselines proposed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from biolab.accounts.pages import SignedInPage, status_of
from biolab.kernel.errors import Missing, Refusal
from biolab.kernel.ids import find
from governance_app.analytics.advice import advice_for, choices_for
from governance_app.models import CoachingNote, GovernanceBaseline, OverrideAction
from governance_app.policies.approvals import may_coach, may_moderate, tier_of
from governance_app.rules.tiers import suffices
from governance_app.selectors.approvals import decisions_of
from governance_app.selectors.coaching import coaching_notes_for
from governance_app.selectors.recommended import Recommended, find_person_in_sight, find_recommended
from governance_app.services.coaching import moderate_coaching_note, write_coaching_note
from governance_app.services.overrides import decide_override, reverse_override
from governance_app.shapes.overrides import ENTRY_TYPES, entry_type
from governance_app.states import ACTION_OF_RULE, MODERATION, OverrideKind, OverrideRule, OverrideStatus
from sessions_app.models import LabSession

PER_PAGE: Final = 50
OVERRIDES_SHOWN: Final = 20
KINDS: Final = {
    "override_recommendation": "Advice",
    "override_action": "Override",
    "baseline_event": "Baseline",
    "coaching_note": "Coaching note",
    "preview": "Preview",
}


class DecisionView(SignedInPage):
    """Base of the page and of its forms."""

    section = "sessions"

    def session(self, sid: str) -> LabSession:
        """Return the session if the person sees it."""
        return find(LabSession.objects.visible_to(self.person).select_related("team"), sid)

    def override(self, sid: str, override_id: str) -> OverrideAction:
        """Return an override of a session that the person sees."""
        return find(OverrideAction.objects.filter(session=self.session(sid)).told(), override_id)

    def act(self, sid: str, work: Callable[[], Any], *, done: str, at: str) -> HttpResponseBase:
        """Do one thing and go back to it; or show the refusal on the page."""
        try:
            work()
        except Missing:
            raise
        except Refusal as refusal:
            return self.whole(self.session(sid), status=status_of(refusal), refusal=refusal, refused=at)
        messages.success(self.request, done)
        session = self.session(sid)
        answer = redirect("page-decisions", session.public_id)
        answer["Location"] += f"#{at}"
        return answer

    def whole(self, session: LabSession, *, status: int = 200, **more: Any) -> HttpResponseBase:
        """Return the page: overrides with what was said about each, then everything in order."""
        chosen = self.request.GET.get("type", "")
        chosen = chosen if chosen in KINDS else ""
        before = self.request.GET.get("before", "")
        events = decisions_of(session)
        if chosen:
            events = events.filter(
                kind__startswith=next(start for start, name in ENTRY_TYPES.items() if name == chosen)
            )
        if before.isascii() and before.isdecimal() and len(before) < 16:
            events = events.filter(sequence__lt=int(before))
        rows = list(events.order_by("-sequence")[: PER_PAGE + 1])
        return self.page(
            "governance/decisions.html",
            status=status,
            session=session,
            **self._advice(session),
            overrides=self._overrides(session),
            entries=[(event, KINDS[entry_type(event.kind)]) for event in rows[:PER_PAGE]],
            older=rows[PER_PAGE - 1].sequence if len(rows) > PER_PAGE else None,
            kinds=KINDS.items(),
            chosen=chosen,
            **more,
        )

    def _advice(self, session: LabSession) -> dict[str, Any]:
        """Return what is advised, and what a decision may name where this person may take one."""
        advice = advice_for(session, self.person, at=self.now)
        choices = choices_for(session, self.person) if any(each.may_decide for each in advice) else {}
        return {"advice": advice, **choices}

    def _overrides(self, session: LabSession) -> list[dict[str, Any]]:
        """Return the newest overrides with their notes, and what this person may do about each."""
        notes = coaching_notes_for(self.person).select_related("author", "parent__author").order_by("created_at", "id")
        found = OverrideAction.objects.filter(session=session).told()
        newest = found.prefetch_related(Prefetch("coaching_notes", notes)).order_by("-created_at", "-id")
        moderates = may_moderate(self.person, session)
        shown = []
        for row in newest[:OVERRIDES_SHOWN]:
            row.session = session
            tier = tier_of(self.person, session, actor=row.actor, target=row.target_reviewer or row.reviewer)
            shown.append(
                {
                    "row": row,
                    "why": OverrideRule(row.rule).label,
                    "reversal": getattr(row, "reversal", None),
                    "cooling": row.is_cooling(self.now),
                    "may_reverse": row.reversible
                    and not row.is_cooling(self.now)
                    and suffices(tier, OverrideKind(row.action)),
                    "may_coach": may_coach(self.person, row),
                    "notes": [(note, self._moves(note) if moderates else []) for note in row.coaching_notes.all()],
                }
            )
        return shown

    def _moves(self, note: CoachingNote) -> list[str]:
        return [move.name for move in MODERATION.open_moves(note) if move.name != "publish"]


class Decisions(DecisionView):
    """The page."""

    def get(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        return self.whole(self.session(sid))


class DecideAdvice(DecisionView):
    """Accept, decline or execute what is advised."""

    http_method_names = ["post"]
    VERBS: ClassVar[dict[str, OverrideStatus]] = {
        "accept": OverrideStatus.ACCEPTED,
        "decline": OverrideStatus.DECLINED,
        "execute": OverrideStatus.EXECUTED,
    }

    def post(self, request: HttpRequest, sid: str, recommendation_id: str) -> HttpResponseBase:
        session, posted = self.session(sid), request.POST
        recommended = find_recommended(recommendation_id, session=session, person=self.person)
        decision = self.VERBS.get(posted.get("decision", ""))
        if decision is None:
            raise Missing("There is no such decision.")
        baseline_id, target_id = posted.get("baseline"), posted.get("target")
        return self.act(
            sid,
            lambda: decide_override(
                session=session,
                recommended=recommended,
                decision=decision,
                action=ACTION_OF_RULE[recommended.rule],
                baseline=find(GovernanceBaseline.objects.filter(session=session), baseline_id) if baseline_id else None,
                target_reviewer=find_person_in_sight(target_id, session=session, person=self.person)
                if target_id
                else None,
                notes=posted.get("notes", ""),
                by=self.person,
                at=self.now,
            ),
            done=f"The advice is {decision.label.lower()}.",
            at=recommended.id,
        )


class WriteCoachingNote(DecisionView):
    """A note about an override, or an answer to one."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, sid: str, override_id: str) -> HttpResponseBase:
        override, posted = self.override(sid, override_id), request.POST
        parent_id = posted.get("parent", "")
        parent = find(coaching_notes_for(self.person).filter(override=override), parent_id) if parent_id else None
        return self.act(
            sid,
            lambda: write_coaching_note(
                override=override,
                parent=parent,
                body=posted.get("body", "").replace("\r\n", "\n"),
                by=self.person,
                at=self.now,
            ),
            done="The note is kept.",
            at=override.public_id,
        )


class ModerateCoachingNote(DecisionView):
    """Flag, resolve or remove a note."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, sid: str, note_id: str, name: str) -> HttpResponseBase:
        session = self.session(sid)
        notes = coaching_notes_for(self.person).filter(override__session=session).select_related("override")
        note, move = find(notes, note_id), MODERATION.named(name)
        return self.act(
            sid,
            lambda: moderate_coaching_note(
                note=note, move=move, by=self.person, at=self.now, reason=request.POST.get("reason", "")
            ),
            done=f"The note is {move.target}.",
            at=note.override.public_id,
        )


class TakeBackOverride(DecisionView):
    """Take an executed override back."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, sid: str, override_id: str) -> HttpResponseBase:
        row = self.override(sid, override_id)
        recommended = Recommended(OverrideRule(row.rule), row.reviewer)
        return self.act(
            sid,
            lambda: reverse_override(
                session=row.session,
                recommended=recommended,
                by=self.person,
                at=self.now,
                notes=request.POST.get("notes", ""),
            ),
            done="It is taken back; both stay on record.",
            at=row.public_id,
        )
