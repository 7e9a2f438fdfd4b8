"""Doors of `/api/protocols`."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.services.teams import team_for
from biolab.kernel.api import Door
from biolab.kernel.ids import find
from sessions_app.api.console_forms import PageQuery, ProtocolChanges, ProtocolFilters, ProtocolForm
from sessions_app.api.console_schemas import ProtocolSchema, ProtocolsSchema, ProtocolVersionsSchema
from sessions_app.api.console_shapes import kept_version_shape, protocol_shape
from sessions_app.models import Protocol
from sessions_app.services.protocols import change_protocol, create_protocol


class ProtocolDoorBase(Door):
    """A door to protocols."""

    scope_area = "sessions"

    def protocols(self) -> QuerySet[Protocol]:
        """Return the protocols this person sees, with their current wording."""
        return Protocol.objects.visible_to(self.person).worded()

    def shown(self, protocol: Protocol, status: int = 200) -> Response:
        """Answer one protocol with its tag."""
        return self.answer(protocol_shape(protocol), status=status, etag=protocol.etag)


class ProtocolsDoor(ProtocolDoorBase):
    """The protocols a person sees, and writing one."""

    @extend_schema(
        operation_id="protocols_list",
        tags=["protocols"],
        summary="List protocols",
        description="By title.",
        parameters=[ProtocolFilters, PageQuery],
        responses=ProtocolsSchema,
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(ProtocolFilters)
        protocols = self.protocols()
        if "status" in asked:
            protocols = protocols.filter(status=asked["status"])
        if "q" in asked:
            protocols = protocols.filter(title__icontains=asked["q"])
        return self.items(self.page(protocols, order=("title", "id"), default=50), protocol_shape)

    @extend_schema(
        operation_id="protocols_create",
        tags=["protocols"],
        summary="Write a protocol",
        request=ProtocolForm,
        responses={201: ProtocolSchema},
    )
    def post(self, request: Request) -> Response:
        form = self.validated(ProtocolForm)
        team = team_for(self.person, form.pop("team_id", None), at=self.now)
        return self.shown(create_protocol(team=team, by=self.person, at=self.now, **form), status=201)


class ProtocolDoor(ProtocolDoorBase):
    """One protocol."""

    @extend_schema(
        operation_id="protocols_retrieve", tags=["protocols"], summary="Show a protocol", responses=ProtocolSchema
    )
    def get(self, request: Request, protocol_id: str) -> Response:
        return self.shown(find(self.protocols(), protocol_id))

    @extend_schema(
        tags=["protocols"],
        summary="Change a protocol",
        description="Another wording becomes the next version; sessions keep the one they run. "
        "`If-Match` with the `ETag` that was read guards against overwriting.",
        request=ProtocolChanges,
        responses=ProtocolSchema,
    )
    def patch(self, request: Request, protocol_id: str) -> Response:
        protocol = find(self.protocols(), protocol_id)
        self.must_match(protocol.etag)
        changed = change_protocol(
            protocol=protocol,
            by=self.person,
            at=self.now,
            if_match=protocol.etag if "If-Match" in request.headers else None,
            **self.validated(ProtocolChanges),
        )
        return self.shown(changed)


class ProtocolVersionsDoor(ProtocolDoorBase):
    """Every wording a protocol ever had."""

    @extend_schema(
        tags=["protocols"],
        summary="List the versions of a protocol",
        description="Newest first.",
        parameters=[PageQuery],
        responses=ProtocolVersionsSchema,
    )
    def get(self, request: Request, protocol_id: str) -> Response:
        protocol = find(Protocol.objects.visible_to(self.person), protocol_id)
        versions = protocol.versions.select_related("created_by")
        return self.items(self.page(versions, order=("-version",), default=50), kept_version_shape)
