"""A person's own instruments: their tokens, made, shown once with what to paste, and revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from biolab.accounts.models import ServiceToken, Team
from biolab.accounts.pages import status_of
from biolab.accounts.policies import teams_where
from biolab.accounts.roles import Right, Scope
from biolab.accounts.services.tokens import issue_token, revoke_token
from biolab.kernel.errors import Invalid, Missing, Refusal
from biolab.kernel.ids import find, parse_id
from sessions_app.models import LabSession
from telemetry_app.pages.base import InstrumentPage, near_fields
from telemetry_app.snippets import snippets
from telemetry_app.snippets_here import destination

DAYS: Final = {"1": "One day", "30": "30 days", "365": "One year", "": "Until it is revoked"}
RIGHTS: Final = {
    "write": ("Send readings", [Scope.TELEMETRY_WRITE]),
    "both": ("Send and read readings", [Scope.TELEMETRY_WRITE, Scope.TELEMETRY_READ]),
    "read": ("Read readings", [Scope.TELEMETRY_READ]),
}
SESSIONS_OFFERED: Final = 100
ENDED_SHOWN: Final = 10


class TokensPage(InstrumentPage):
    """The tokens, and the form for another."""

    section = "tokens"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return self._list({"into": request.GET.get("session", ""), "rights": "write", "days": "365"})

    def post(self, request: HttpRequest) -> HttpResponseBase:
        posted = {name: str(value) for name, value in request.POST.items()}
        try:
            token, secret = self._issued(posted)
        except Refusal as refusal:
            return self._list(posted, refusal)
        session_id = token.session_ids[0] if token.session_ids else None
        answer = self.page(
            "telemetry/token_issued.html",
            token=token,
            secret=secret,
            snippets=snippets(destination(request, secret, session_id)) if posted["rights"] != "read" else [],
        )
        answer["Cache-Control"] = "no-store"
        return answer

    def _issued(self, posted: dict[str, str]) -> tuple[ServiceToken, str]:
        name = posted.get("name", "").strip()
        if not 1 <= len(name) <= 100:
            raise _wrong("name", "Name the instrument, in up to 100 characters.")
        if posted.get("rights") not in RIGHTS:
            raise _wrong("rights", "Choose one of these.")
        if posted.get("days") not in DAYS:
            raise _wrong("days", "Choose one of these.")
        session, team = self._target(posted.get("into", ""))
        return issue_token(
            owner=self.person,
            by=self.person,
            at=self.now,
            name=name,
            scopes=RIGHTS[posted["rights"]][1],
            team=team,
            session_ids=[session.public_id] if session is not None else [],
            expires_at=self.now + timedelta(days=int(posted["days"])) if posted["days"] else None,
        )

    def _target(self, into: str) -> tuple[LabSession | None, Team | None]:
        """Return the session that a token is for, or the team into whose running session it sends."""
        try:
            if into.startswith(f"{Team.id_prefix}_"):
                return None, find(self._teams(), into)
            return find(self._sessions(), into), None
        except Missing:
            raise _wrong("into", "Choose where the readings go.") from None

    def _list(self, values: dict[str, str], refusal: Refusal | None = None) -> HttpResponseBase:
        tokens = ServiceToken.objects.filter(owner=self.person).select_related("team")
        good = Q(revoked_at__isnull=True) & (Q(expires_at__isnull=True) | Q(expires_at__gt=self.now))
        shown = [*tokens.filter(good), *tokens.exclude(good)[:ENDED_SHOWN]]
        names = self._names([session_id for token in shown for session_id in token.session_ids])
        return self.page(
            "telemetry/tokens.html",
            status=200 if refusal is None else status_of(refusal),
            rows=[_row(token, names, is_good=token.is_good(self.now)) for token in shown],
            teams=self._teams(),
            sessions=self._sessions()[:SESSIONS_OFFERED],
            days=DAYS.items(),
            rights=[(key, label) for key, (label, _) in RIGHTS.items()],
            values=values,
            refusal=refusal,
            wrong=near_fields(refusal),
        )

    def _teams(self) -> QuerySet[Team]:
        return teams_where(self.person, Right.RUN)

    def _sessions(self) -> QuerySet[LabSession]:
        """Return the sessions that an instrument of this person can send to."""
        return (
            LabSession.objects.live()
            .filter(team__in=teams_where(self.person, Right.RUN))
            .order_by("-started_at", "-id")
        )

    def _names(self, session_ids: list[str]) -> dict[str, str]:
        keys = [parse_id(session_id, LabSession.id_prefix) for session_id in session_ids]
        found = LabSession.objects.visible_to(self.person).filter(pk__in=[key for key in keys if key is not None])
        return {session.public_id: session.name for session in found}


class RevokeToken(InstrumentPage):
    """End one of one's own tokens at once."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, token_id: str) -> HttpResponseBase:
        token = find(ServiceToken.objects.filter(owner=self.person), token_id)
        try:
            revoke_token(token=token, by=self.person, at=self.now)
        except Refusal as refusal:
            messages.error(request, refusal.sentence)
        else:
            messages.success(request, f"“{token}” is revoked. Whatever used it is cut off.")
        return redirect("page-tokens")


def _row(token: ServiceToken, names: dict[str, str], *, is_good: bool) -> dict[str, Any]:
    return {
        "token": token,
        "is_good": is_good,
        "state": "revoked" if token.revoked_at is not None else "expired",
        "may": _may(token),
        "sessions": [(session_id, names.get(session_id, session_id)) for session_id in token.session_ids],
    }


def _may(token: ServiceToken) -> str:
    """Return what a token may do, in the words of the form where it has them."""
    words = {frozenset(scopes): label for label, scopes in RIGHTS.values()}
    return words.get(frozenset(token.scopes)) or ", ".join(token.scopes) or "All that you may"


def _wrong(field: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[{"pointer": f"/{field}", "detail": detail}])
