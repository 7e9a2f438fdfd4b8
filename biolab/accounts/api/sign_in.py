"""Signing in, going on and signing out by API."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth import logout
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.api import forms
from biolab.accounts.api.shapes import user_shape
from biolab.accounts.models import ServiceToken, SignIn
from biolab.accounts.services import sign_in
from biolab.kernel.api import Door
from biolab.kernel.errors import Forbidden

TAGS = ["sign-in"]


class _SignInDoor(Door):
    """Open to everyone; the gates inside bound guessing."""

    authentication_classes: Any = ()
    permission_classes: Any = (AllowAny,)

    def signed_in(self) -> sign_in.Pair:
        form = self.validated(forms.SignInForm)
        address = sign_in.client_address(self.request._request)
        return sign_in.sign_in(email=form["email"], password=form["password"], address=address, at=self.now)

    def told(self, pair: sign_in.Pair, message: str) -> Response:
        return self.answer(
            {
                "status": "success",
                "message": message,
                "access_token": pair.access,
                "refresh_token": pair.refresh,
                "token_type": "bearer",
                "public_id": pair.person.public_id,
                "username": pair.person.username,
            },
            headers={"Cache-Control": "no-store"},
        )

    def plain(self, pair: sign_in.Pair) -> Response:
        return self.answer({"access": pair.access, "refresh": pair.refresh}, headers={"Cache-Control": "no-store"})


class LoginDoor(_SignInDoor):
    @extend_schema(tags=TAGS, summary="Sign in", request=forms.SignInForm, responses=forms.SignedIn)
    def post(self, request: Request) -> Response:
        return self.told(self.signed_in(), "Signed in.")


class RefreshDoor(_SignInDoor):
    @extend_schema(tags=TAGS, summary="Go on", request=forms.RefreshForm, responses=forms.SignedIn)
    def post(self, request: Request) -> Response:
        form = self.validated(forms.RefreshForm)
        return self.told(sign_in.refresh(token=form["refresh_token"], at=self.now), "Refreshed.")


class PlainPairDoor(_SignInDoor):
    @extend_schema(tags=TAGS, summary="Sign in (simplejwt)", request=forms.SignInForm, responses=forms.PlainPair)
    def post(self, request: Request) -> Response:
        return self.plain(self.signed_in())


class PlainRefreshDoor(_SignInDoor):
    @extend_schema(tags=TAGS, summary="Go on (simplejwt)", request=forms.PlainRefreshForm, responses=forms.PlainPair)
    def post(self, request: Request) -> Response:
        form = self.validated(forms.PlainRefreshForm)
        return self.plain(sign_in.refresh(token=form["refresh"], at=self.now))


class LogoutDoor(Door):
    """The end of a sign-in; its access and refresh tokens are refused at once."""

    own_affairs: ClassVar[bool] = True

    @extend_schema(tags=TAGS, summary="Sign out", request=None, responses=forms.Done)
    def post(self, request: Request) -> Response:
        if isinstance(request.auth, ServiceToken):
            raise Forbidden("A service token does not sign out; revoke it instead.", code="not_a_sign_in")
        if isinstance(request.auth, SignIn):
            sign_in.sign_out(family=request.auth, at=self.now)
        else:
            logout(request._request)
        return self.answer({"status": "success", "message": "Signed out."})


class MeDoor(Door):
    """Who the credential speaks for."""

    scope_area: ClassVar[str | None] = None

    @extend_schema(tags=TAGS, summary="Who am I?", responses=forms.UserAnswer)
    def get(self, request: Request) -> Response:
        return self.answer(user_shape(self.person))
