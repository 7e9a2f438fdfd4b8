"""What the doors of notebook entries and of files share: where a new one belongs, and what both show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from rest_framework import serializers

from biolab.accounts.models import Team
from biolab.accounts.services.teams import team_for
from biolab.kernel.api import Door
from biolab.kernel.ids import find, typeid
from biolab.kernel.times import iso
from sessions_app.api.console_fields import PublicId
from sessions_app.models import LabSession
from sessions_app.models.bound import BoundRecord
from sessions_app.wording import MAX_REASON, invalid


class Place(TypedDict):
    """Where a new record belongs."""

    team: Team
    session: LabSession | None


class PlaceForm(serializers.Serializer[Any]):
    """Where a new record belongs, and why it comes late."""

    execution_id = PublicId("sess", required=False, allow_null=True, help_text="The session it belongs to, for good.")
    team_id = PublicId(
        "team", required=False, allow_null=True, help_text="The session's team, or the caller's only one, by default."
    )
    reason = serializers.CharField(
        max_length=MAX_REASON, default="", allow_blank=True, help_text="Why; needed once the session has ended."
    )


class BoundDoor(Door):
    """A door to records of a team that may belong to a session."""

    scope_area = "sessions"

    def place(self, form: Mapping[str, Any]) -> Place:
        """Return where the form says that something belongs.

        Raises:
            Missing: no such session or team for this person.
            Invalid: the session is another team's, or it cannot be told which team is meant.
        """
        session_id, team_id = form.get("execution_id"), form.get("team_id")
        if session_id is None:
            return Place(team=team_for(self.person, team_id, at=self.now), session=None)
        session = find(LabSession.objects.visible_to(self.person).select_related("team"), session_id)
        if team_id not in (None, session.team_id):
            raise invalid("/team_id", "The session belongs to another team.")
        return Place(team=session.team, session=session)


def bound_shape(record: BoundRecord) -> dict[str, Any]:
    """Return what every such record shows; read it ``told()`` to keep the queries few."""
    return {
        "id": record.public_id,
        "execution_id": record.session.public_id if record.session is not None else None,
        "team_id": typeid(Team.id_prefix, record.team_id),
        "late_entry": record.late_entry,
        "created_at": iso(record.created_at),
    }
