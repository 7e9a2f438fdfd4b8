"""Doors of a session's crew."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.api.forms import PersonForm
from biolab.accounts.models import User
from biolab.accounts.roles import Right
from biolab.kernel.api.paging import paged
from biolab.kernel.errors import Missing
from biolab.kernel.ids import find
from sessions_app.api.console import ConsoleDoor
from sessions_app.api.console_schemas import PersonSchema
from sessions_app.api.console_shapes import person_shape
from sessions_app.policies import require_right
from sessions_app.selectors import people_for_crew
from sessions_app.services.crew import join_crew, leave_crew


class CrewSchema(serializers.Serializer[Any]):
    items = PersonSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class CrewDoor(ConsoleDoor):
    """The crew of a session, and letting somebody in."""

    @extend_schema(
        operation_id="console_crew_list",
        tags=["console"],
        summary="List the crew of a session",
        parameters=paged(),
        responses=CrewSchema,
    )
    def get(self, request: Request, execution_id: str) -> Response:
        return self.items(self.page(self.session(execution_id).crew.all(), order=("id",)), person_shape)

    @extend_schema(
        operation_id="console_crew_join",
        tags=["console"],
        summary="Put a person into the crew",
        description="Whoever runs the session names members of its team; those who manage the team name anybody, who "
        "can read the session then.",
        request=PersonForm,
        responses={201: PersonSchema},
    )
    def post(self, request: Request, execution_id: str) -> Response:
        session = self.session(execution_id)
        require_right(self.person, Right.RUN, session.team_id)  # before anybody is looked up
        form = self.validated(PersonForm)
        people = people_for_crew(session, self.person)
        person = find(people, form["user_id"]) if "user_id" in form else _by_email(people, form["email"])
        join_crew(session=session, person=person, by=self.person, at=self.now)
        return self.answer(person_shape(person), status=201)


class CrewMemberDoor(ConsoleDoor):
    """One of the crew."""

    @extend_schema(
        operation_id="console_crew_leave",
        tags=["console"],
        summary="Take a person out of the crew",
        description="Anyone may leave by themselves.",
        responses={204: None},
    )
    def delete(self, request: Request, execution_id: str, user_id: str) -> Response:
        session = self.session(execution_id)
        leave_crew(session=session, person=find(session.crew.all(), user_id), by=self.person, at=self.now)
        return self.answer(None, status=204)


def _by_email(people: QuerySet[User], email: str) -> User:
    person = people.filter(email=email.strip().casefold()).first()
    if person is None:
        raise Missing("There is nobody with this e-mail whom you could put into the crew.")
    return person
