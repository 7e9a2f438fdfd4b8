"""What the pages of the instruments have in common."""

from __future__ import annotations

import math
from typing import Any

from django.db.models import QuerySet

from biolab.accounts.models import Team
from biolab.accounts.pages import SignedInPage
from biolab.accounts.policies import teams_where
from biolab.accounts.roles import Right
from biolab.accounts.selectors import teams_of
from biolab.kernel.errors import Invalid, Refusal
from biolab.kernel.ids import find
from sessions_app.models import LabSession
from telemetry_app.models import Channel


class InstrumentPage(SignedInPage):
    """A page that finds sessions and channels only where the person may see them."""

    section = "channels"

    def session(self, sid: str) -> LabSession:
        """Return the session if the person sees it."""
        return find(LabSession.objects.visible_to(self.person).select_related("team"), sid)

    def channel(self, channel_id: str, session: LabSession | None = None) -> Channel:
        """Return a channel that is in use: of the session's team, or of a team the person sees."""
        channels = Channel.objects.in_use().select_related("team")
        if session is None:
            return find(channels.visible_to(self.person), channel_id)
        return find(channels.filter(team_id=session.team_id), channel_id)

    def teams_to(self, right: Right) -> QuerySet[Team]:
        """Return the teams whose channels the person may set up; an administrator's are all."""
        return teams_of(self.person).order_by("name", "id") if self.person.is_admin else teams_where(self.person, right)


def near_fields(refusal: Refusal | None) -> dict[str, str]:
    """Return what is wrong by the name of the form's field; what belongs to none is told above the form."""
    errors: list[dict[str, Any]] = refusal.facts.get("errors", []) if refusal is not None else []
    return {str(error.get("pointer", "")).strip("/"): str(error["detail"]) for error in errors}


def number(text: str, field: str) -> float | None:
    """Return a number as people type it, with a comma or a point; None for nothing.

    Raises:
        Invalid: it is no finite number.
    """
    text = text.strip().replace(",", ".").replace("−", "-")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        detail = f"“{text[:40]}” is no number."
        raise Invalid(detail, errors=[{"pointer": f"/{field}", "detail": detail}])
    return value
