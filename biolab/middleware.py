"""Small rules for every request: paths end without a slash, screens get their policy."""

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

Next = Callable[[HttpRequest], HttpResponseBase]

ADMIN = "/admin"
_COLOURS = re.compile(rb'<style id="unfold-theme-colors">(.*?)</style>', re.DOTALL)


class _Middleware:
    """Looks at each request on its way in and at its answer on its way out."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        self.before(request)
        return self.after(request, self.get_response(request))

    def before(self, request: HttpRequest) -> None:
        """Look at the request."""

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Look at the answer."""
        return response


class SlashlessPaths(_Middleware):
    """Serves ``/path/`` as ``/path``; never redirects, because a redirected POST becomes a GET.

    Django's admin keeps its slashes.
    """

    def before(self, request: HttpRequest) -> None:
        path = request.path_info
        if len(path) > 1 and path.endswith("/") and not path.startswith((ADMIN + "/", "/static/")):
            request.path_info = path.rstrip("/") or "/"
            request.path = request.path.rstrip("/") or "/"


class ScreenPolicies(_Middleware):
    """Gives the admin what its front-end library needs and no other page gets: evaluation, and its colours by hash."""

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path_info.startswith(ADMIN + "/"):
            update = {"script-src": ["'unsafe-eval'"]}
            colours = _COLOURS.search(response.content) if isinstance(response, HttpResponse) else None
            if colours is not None:
                update["style-src"] = [f"'sha256-{b64encode(sha256(colours[1]).digest()).decode()}'"]
            response._csp_update = update  # type: ignore[attr-defined]
        return response
