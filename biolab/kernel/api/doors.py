"""The base of every API door."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from biolab.kernel.api import idempotency, paging
from biolab.kernel.api.parsers import StrictJSONParser
from biolab.kernel.api.problems import CHALLENGE, invalid
from biolab.kernel.api.renderers import JSONRenderer, Negotiation
from biolab.kernel.api.texts import refuse_other_than_text
from biolab.kernel.api.throttles import PersonThrottle
from biolab.kernel.errors import Invalid, Missing, Stale

T = TypeVar("T")
M = TypeVar("M", bound=Model)


class Door(APIView):
    """Where a request comes in: parse, find, ask one service, render.

    Attributes:
        scope_area: the word before the colon of the scope that a scoped service token needs here; reading needs
            ``<area>:read``, everything else ``<area>:write``. Empty: such a token may not pass at all. None: any may.
        own_affairs: what this door writes belongs to the person alone, so a platform viewer may use it.
        secret_answer: the answer of POST holds a secret; an idempotency key never stores it.
        one_transaction: with an idempotency key, POST's work and its kept answer commit together. Set it to False
            where the work opens transactions that must stand alone (password gates, denials in the security log).
    """

    scope_area: ClassVar[str | None] = ""
    own_affairs: ClassVar[bool] = False
    secret_answer: ClassVar[bool] = False
    one_transaction: ClassVar[bool] = True

    parser_classes: Sequence[Any] = (StrictJSONParser,)
    renderer_classes: Sequence[Any] = (JSONRenderer,)
    content_negotiation_class = Negotiation
    throttle_classes: Sequence[type[BaseThrottle]] = (PersonThrottle,)

    now: datetime

    @property
    def person(self) -> Any:
        """The ``accounts.User`` who asks."""
        return self.request.user

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        self.now = timezone.now()
        return super().initialize_request(request, *args, **kwargs)

    def get_authenticate_header(self, request: Request) -> str:
        return super().get_authenticate_header(request) or CHALLENGE

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method not in self.allowed_methods:
            self.http_method_not_allowed(request)  # whoever asks
        super().initial(request, *args, **kwargs)
        if any(isinstance(value, str) and "\x00" in value for value in kwargs.values()):
            raise Missing("There is nothing here.")
        for name, values in request.query_params.lists():
            if any("\x00" in value for value in (name, *values)):
                raise paging.bad_query(name.replace("\x00", ""), "Text must not hold NUL characters.")
        if request.method == "POST" and "Idempotency-Key" in request.headers and request.user.is_authenticated:
            self._answer_once(request)

    def _answer_once(self, request: Request) -> None:
        """Put ``idempotency.answer_once`` around this request's ``post``, which dispatch looks up after this."""
        post: Callable[..., HttpResponseBase] | None = getattr(self, "post", None)
        if post is None:
            return

        def once(request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return idempotency.answer_once(
                request,
                scope=f"person:{request.user.pk}",
                at=self.now,
                handler=partial(post, request, *args, **kwargs),
                secret=self.secret_answer,
                one_transaction=self.one_transaction,
            )

        setattr(self, "post", once)  # noqa: B010

    # -- reading what came in --------------------------------------------------

    def validated(
        self, form: type[serializers.BaseSerializer[Any]], *, partial: bool = False, instance: Any = None
    ) -> dict[str, Any]:
        """Return the body's values as ``form`` reads them.

        Raises:
            ValidationError: told as 422 with a pointer for each field.
        """
        reader = form(
            instance, data=self.request.data, partial=partial, context={"request": self.request, "door": self}
        )
        refuse_other_than_text(reader, self.request.data)
        reader.is_valid(raise_exception=True)
        values: dict[str, Any] = reader.validated_data
        return values

    def asked(self, form: type[serializers.BaseSerializer[Any]]) -> dict[str, Any]:
        """Return the query's values as ``form`` reads them; pointers read ``?name``."""
        query = self.request.query_params
        reader = form(data=query, context={"request": self.request, "door": self})
        if not reader.is_valid():
            found: Invalid = invalid(ValidationError(dict(reader.errors)))
            for error in found.facts["errors"]:
                error["pointer"] = "?" + error["pointer"].strip("/")
            raise found
        values: dict[str, Any] = reader.validated_data
        return values

    # -- pages -------------------------------------------------------------------

    def page(
        self, queryset: QuerySet[M], *, order: Sequence[str], default: int = 100, most: int = 1000
    ) -> paging.Page[M]:
        """Return the page of ``queryset`` that ``?limit=&cursor=`` ask for; see ``paging.keyset_page``."""
        return paging.keyset_page(self.request, queryset, order=order, default=default, most=most)

    def bare(self, page: paging.Page[T], render: Callable[[T], Any]) -> Response:
        """Answer a bare array with a ``Link`` header."""
        return paging.bare(self.request, page, render)

    def items(self, page: paging.Page[T], render: Callable[[T], Any], *, name: str = "items") -> Response:
        """Answer ``{items, next_cursor}``."""
        return paging.items(page, render, name=name)

    def numbered(
        self, queryset: QuerySet[M], render: Callable[[M], Any], *, order: Sequence[str] = ("-created_at", "-id")
    ) -> Response:
        """Answer ``{page, page_size, total, data}``."""
        return paging.numbered(self.request, queryset, render, order=order)

    # -- entity tags ---------------------------------------------------------------

    def must_match(self, etag: str) -> None:
        """Refuse when the caller's ``If-Match`` names another version than ``etag``.

        Raises:
            Stale: with the current tag.
        """
        wanted = self.request.headers.get("If-Match")
        if wanted is not None and wanted.strip() != "*" and etag not in [tag.strip() for tag in wanted.split(",")]:
            raise Stale("It has changed since you read it.", etag=etag)

    def answer(
        self, data: Any, status: int = 200, *, etag: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return ``data``, with its tag; a read whose ``If-None-Match`` names the tag gets 304 and no body."""
        if etag is None:
            return Response(data, status=status, headers=dict(headers or {}))
        known = [tag.strip().removeprefix("W/") for tag in self.request.headers.get("If-None-Match", "").split(",")]
        if self.request.method in ("GET", "HEAD") and etag in known:
            return Response(None, status=304, headers={"ETag": etag})
        return Response(data, status=status, headers={**(headers or {}), "ETag": etag})


def etag_of(*parts: object) -> str:
    """Return a strong entity tag for a row: give its id and its version, or whatever changes with it."""
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}"'
