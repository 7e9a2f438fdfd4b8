"""Signing in and out, and what every page has in common."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.mixins import AccessMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View

from biolab.accounts.auth.periods import period_of
from biolab.accounts.models import User
from biolab.accounts.services.reentry import components_asked
from biolab.accounts.services.sign_in import check_password, client_address, tell_sockets
from biolab.kernel.errors import Forbidden, Missing, Refusal


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: what the frame around every page needs; and what a signature takes, asked where it is used."""
    return {
        "open_bench": settings.OPEN_BENCH,
        "signing": SimpleLazyObject(
            lambda: components_asked(cast(User, request.user), period=period_of(request), at=timezone.now())
        ),
    }


class SignedInPage(AccessMixin, View):
    """A page for people who have signed in; the others are led to the sign-in page and back."""

    section = ""
    now: datetime

    @property
    def person(self) -> User:
        return cast(User, self.request.user)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        self.now = timezone.now()
        try:
            return super().dispatch(request, *args, **kwargs)
        except Missing as refusal:
            raise Http404(refusal.sentence) from refusal

    def page(self, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """Return the rendered template."""
        return render(self.request, template, {"section": self.section, "now": self.now, **context}, status=status)


def status_of(refusal: Refusal) -> int:
    """Return the HTTP status under which a page shows a refusal."""
    if isinstance(refusal, Forbidden):
        return 403
    return {"conflict": 409, "stale": 412}.get(refusal.kind, 422)


class SignIn(View):
    """Sign in by e-mail and password."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            return redirect(settings.LOGIN_REDIRECT_URL)
        return render(request, "people/sign_in.html", {"next": request.GET.get("next", "")})

    def post(self, request: HttpRequest) -> HttpResponseBase:
        email, target = request.POST.get("email", ""), request.POST.get("next", "")
        try:
            person = check_password(
                email=email,
                password=request.POST.get("password", ""),
                address=client_address(request),
                at=timezone.now(),
            )
        except Refusal as refusal:
            context = {"refusal": refusal, "email": email, "next": target}
            return render(request, "people/sign_in.html", context, status=429 if refusal.kind == "too_many" else 401)
        login(request, person, backend=settings.AUTHENTICATION_BACKENDS[0])
        ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
        return redirect(target if ours else settings.LOGIN_REDIRECT_URL)


class SignOut(View):
    """Sign out; the browser's sockets are closed with it."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponseBase:
        person = request.user
        logout(request)
        if isinstance(person, User):
            tell_sockets(person)
        return redirect(settings.LOGOUT_REDIRECT_URL)
