"""Baselines as scientists see them: a session proposed and held against its protocol's, and the page of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from biolab.accounts.models import User
from biolab.accounts.pages import SignedInPage, status_of
from biolab.accounts.policies import may
from biolab.accounts.roles import Right
from biolab.kernel.errors import Missing, Refusal
from biolab.kernel.ids import find
from governance_app.models import GovernanceBaseline
from governance_app.policies.approvals import may_administer
from governance_app.policies.baselines import objection_to_deciding
from governance_app.rules.comparison import INSIDE, MISSING, OUTSIDE, TOLERANCE_PERCENT
from governance_app.selectors.baselines import current_baseline, earlier_versions, people_to_review
from governance_app.services.baselines import publish_baseline, review_baseline, roll_back_baseline, submit_baseline
from governance_app.services.freezing import hold_against
from governance_app.states import BASELINE_MACHINE, PUBLISH_BASELINE, REVIEWABLE_BASELINES, ROLL_BACK, BaselineStatus
from sessions_app.comparison import ChannelPair
from sessions_app.models import LabSession
from sessions_app.pages.comparison import drawn
from sessions_app.ports import ChannelEnvelope
from sessions_app.states import StepStatus

OFFERED: Final = 100
ORDER: Final = (OUTSIDE, MISSING, INSIDE)  # what to look at first


class BaselinePageBase(SignedInPage):
    """What the pages of baselines share."""

    section = "sessions"

    def session(self, sid: object) -> LabSession:
        """Return the session if the person sees it."""
        return find(LabSession.objects.visible_to(self.person).with_protocol().select_related("team"), sid)

    def baseline(self, bid: str) -> GovernanceBaseline:
        """Return the baseline if the person sees it, with its history and its content."""
        return find(GovernanceBaseline.objects.visible_to(self.person).with_events().select_related("frozen"), bid)

    def comparable(self, baseline: GovernanceBaseline) -> QuerySet[LabSession]:
        """Return the sessions that a page offers to hold against a baseline, newest first."""
        sessions = LabSession.objects.visible_to(self.person).exclude(pk=baseline.session_id)
        same = sessions.filter(protocol_version__protocol=baseline.protocol_id)
        return same.order_by("-created_at", "-id")[:OFFERED]

    def held(self, baseline: GovernanceBaseline, session: LabSession) -> dict[str, Any]:
        """Return what a page shows of a session held against a baseline; the refusal where it cannot be."""
        try:
            found, now = hold_against(baseline=baseline, session=session, at=self.now)
        except Refusal as refusal:
            return {"comparison_refusal": refusal}
        theirs = {channel["name"]: channel for channel in now["channels"]}
        ours = {channel["name"]: channel for channel in baseline.content["channels"]}
        charts = [
            {
                **chart(ours[each["name"]], theirs.get(each["name"])),
                "compared": each,
                "seen": each["intervals"][INSIDE] + each["intervals"][OUTSIDE],
            }
            for each in sorted(found["channels"], key=lambda each: ORDER.index(each["verdict"]))
        ]
        charts += [chart(None, theirs[each["name"]]) for each in found["additional_channels"]]
        done = [step for step in now["steps"] if step["status"] == StepStatus.COMPLETED]
        return {
            "comparison": found,
            "charts": charts,
            "against": baseline,
            "compared": session,
            "done": len(done),
            "tolerance": TOLERANCE_PERCENT,
        }


class SessionBaseline(BaselinePageBase):
    """A session held against its protocol's current baseline, and proposed as the next."""

    def get(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        return self.whole(self.session(sid))

    def post(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        session, posted = self.session(sid), request.POST
        people = {person.public_id: person for person in people_to_review(session, proposed_by=self.person)}
        try:
            baseline = submit_baseline(
                session=session,
                name=posted.get("name", ""),
                description=posted.get("description", ""),
                reviewers=[one_of(people, chosen) for chosen in posted.getlist("reviewer")],
                labels=read_labels(posted.get("labels", "")),
                by=self.person,
                at=self.now,
            )
        except Missing:
            raise
        except Refusal as refusal:
            return self.whole(session, status=status_of(refusal), refusal=refusal, posted=posted)
        messages.success(request, f"“{baseline.name}” is proposed; what it holds is frozen.")
        return redirect("page-baseline", baseline.public_id)

    def whole(self, session: LabSession, *, status: int = 200, **more: Any) -> HttpResponseBase:
        version = session.protocol_version
        current = current_baseline(version.protocol_id) if version is not None else None
        context: dict[str, Any] = {
            "session": session,
            "current": current,
            "baselines": GovernanceBaseline.objects.filter(session=session).with_people(),
            "may_propose": version is not None and may(self.person, Right.RUN, session.team_id),
            "people": people_to_review(session, proposed_by=self.person),
            "chosen": posted_list(more.get("posted"), "reviewer"),
        }
        if current is not None and current.session_id != session.pk:
            context |= self.held(current, session)
        return self.page("baselines/session.html", status=status, **context, **more)


class OneBaseline(BaselinePageBase):
    """One baseline: what was frozen, what happened to it, and what the person may do with it."""

    def get(self, request: HttpRequest, bid: str) -> HttpResponseBase:
        return self.whole(self.baseline(bid))

    def whole(self, baseline: GovernanceBaseline, *, status: int = 200, **more: Any) -> HttpResponseBase:
        moves, objection = BASELINE_MACHINE.open_moves(baseline), objection_to_deciding(self.person, baseline)
        content = baseline.content
        may_roll = ROLL_BACK in moves and may_administer(self.person)
        context = {
            "baseline": baseline,
            "content": content,
            "charts": [chart(channel, None) for channel in content["channels"]],
            "others": self.comparable(baseline),
            "may_review": baseline.status in REVIEWABLE_BASELINES and objection is None,
            "may_publish": PUBLISH_BASELINE in moves and objection is None,
            "may_roll": may_roll,
            "versions": earlier_versions(baseline) if may_roll else [],
            "objection": objection if baseline.status in {*REVIEWABLE_BASELINES, BaselineStatus.APPROVED} else None,
        }
        return self.page("baselines/one.html", status=status, **context, **more)


class DecideBaseline(OneBaseline):
    """Review, publish or roll back."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, bid: str, name: str) -> HttpResponseBase:
        baseline, posted = self.baseline(bid), request.POST
        common: dict[str, Any] = {"baseline": baseline, "by": self.person, "at": self.now}
        try:
            if name == "review":
                decision = posted.get("decision", "")
                review_baseline(decision=decision, notes=posted.get("notes", ""), **common)
            elif name == "publish":
                publish_baseline(notes=posted.get("notes", ""), **common)
            elif name == "rollback":
                target = self.baseline(posted["target"]) if posted.get("target") else None
                roll_back_baseline(reason=posted.get("reason", ""), target=target, **common)
            else:
                raise Missing("There is no such move.")
        except Missing:
            raise
        except Refusal as refusal:
            return self.whole(self.baseline(bid), status=status_of(refusal), refusal=refusal, refused=name)
        return redirect("page-baseline", baseline.public_id)


class CompareBaseline(BaselinePageBase):
    """A session held against one baseline, whichever is current."""

    def get(self, request: HttpRequest, bid: str) -> HttpResponseBase:
        baseline, chosen = self.baseline(bid), request.GET.get("with", "")
        context: dict[str, Any] = {"baseline": baseline, "others": self.comparable(baseline)}
        if chosen:
            session = self.session(chosen)
            context |= {"session": session, **self.held(baseline, session)}
        return self.page("baselines/compare.html", **context)


def chart(ours: Mapping[str, Any] | None, theirs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a channel's shapes: the baseline's band and the session's, on one scale."""
    pair = [ChannelEnvelope(**each) if each is not None else None for each in (ours, theirs)]
    present = ours or theirs or {}
    return drawn(ChannelPair(present["name"], *pair))


def read_labels(text: str) -> list[dict[str, str]]:
    """Return the labels of lines such as ``scale: 2 L``; a line without a colon is a key alone."""
    lines = [line.partition(":") for line in text.splitlines() if line.strip()]
    return [{"key": key.strip(), "value": value.strip()} for key, _, value in lines]


def one_of(people: Mapping[str, User], public_id: str) -> User:
    """Return the person with that id.

    Raises:
        Missing: none of those offered.
    """
    if public_id not in people:
        raise Missing("There is no such reviewer.")
    return people[public_id]


def posted_list(posted: QueryDict | None, name: str) -> list[str]:
    """Return every value that was sent under ``name``."""
    return posted.getlist(name) if posted is not None else []
