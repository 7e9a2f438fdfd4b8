"""People, for administrators and for themselves."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.api import forms
from biolab.accounts.api.shapes import user_shape
from biolab.accounts.models import User
from biolab.accounts.permissions import AdministratorsOnly
from biolab.accounts.selectors import people_of
from biolab.accounts.services import people
from biolab.kernel.api import Door, etag_of
from biolab.kernel.api.paging import NUMBERED
from biolab.kernel.ids import find

TAGS = ["users"]


class UsersDoor(Door):
    """The accounts, and making one."""

    permission_classes: Any = (AdministratorsOnly,)

    @extend_schema(
        operation_id="users_list",
        tags=TAGS,
        summary="People",
        parameters=[OpenApiParameter("q", str, description="Part of the e-mail or the user name."), *NUMBERED],
        responses=forms.UserList,
    )
    def get(self, request: Request) -> Response:
        found = people_of(self.person)
        asked = request.query_params.get("q", "").strip()
        if asked:
            found = found.filter(Q(email__icontains=asked) | Q(username__icontains=asked))
        return self.numbered(found, user_shape)

    @extend_schema(tags=TAGS, summary="Add a person", request=forms.UserForm, responses={201: forms.UserDone})
    def post(self, request: Request) -> Response:
        person = people.add_person(by=self.person, at=self.now, **self.validated(forms.UserForm))
        return self.answer({"status": "success", "message": "Person added.", **user_shape(person)}, 201)


class UserDoor(Door):
    """One account."""

    own_affairs: ClassVar[bool] = True

    def _person(self, user_id: str) -> User:
        return find(people_of(self.person), user_id)

    @extend_schema(tags=TAGS, summary="One person", responses=forms.UserAnswer)
    def get(self, request: Request, user_id: str) -> Response:
        person = self._person(user_id)
        return self.answer(user_shape(person), etag=_tag(person))

    @extend_schema(
        tags=TAGS, summary="Change a person", request=forms.UserChange(partial=True), responses=forms.UserDone
    )
    def put(self, request: Request, user_id: str) -> Response:
        person = self._person(user_id)
        self.must_match(_tag(person))
        changes = self.validated(forms.UserChange, partial=True)
        person = people.change_person(person=person, by=self.person, at=self.now, **changes)
        told = {"status": "success", "message": "Person changed.", **user_shape(person)}
        return self.answer(told, etag=_tag(person))

    patch = put

    @extend_schema(tags=TAGS, summary="Deactivate a person", responses={200: forms.Done})
    def delete(self, request: Request, user_id: str) -> Response:
        people.deactivate_person(person=self._person(user_id), by=self.person, at=self.now)
        return self.answer({"status": "success", "message": "Person deactivated; their name stays in the records."})


def _tag(person: User) -> str:
    return etag_of(person.pk, *sorted(user_shape(person).items()))
