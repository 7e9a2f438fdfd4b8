"""What waits for the caller's signature."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.api import Door
from governance_app.api import schemas
from governance_app.selectors.approvals import waiting_for
from governance_app.shapes.approvals import waiting_as_wire


class WaitingDoor(Door):
    """The stages the caller may sign now."""

    scope_area = "exports"

    @extend_schema(
        summary="What waits for my signature",
        description="Overdue first, then by due date. Complete: a person's own queue is not paged.",
        responses=schemas.Waiting(many=True),
        tags=["governance"],
    )
    def get(self, request: Request) -> Response:
        return self.answer([waiting_as_wire(stage) for stage in waiting_for(self.person, at=self.now)])
