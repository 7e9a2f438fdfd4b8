"""Pages of a list: three shapes on the wire, one keyset underneath, so that ties are never lost."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import orjson
from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.api.renderers import dump
from biolab.kernel.errors import Invalid

T = TypeVar("T")
M = TypeVar("M", bound=Model)


def pages(*, most: int = 1_000_000) -> list[OpenApiParameter]:
    """Return what a list with numbered pages reads, for the OpenAPI document."""
    return [
        OpenApiParameter("page", {"type": "integer", "minimum": 1, "maximum": most, "default": 1}),
        OpenApiParameter("page_size", {"type": "integer", "minimum": 1, "maximum": 100, "default": 25}),
    ]


NUMBERED: Final = pages()
"""What ``numbered`` reads."""


def paged(*, default: int = 100, most: int = 1000) -> list[OpenApiParameter]:
    """Return what ``keyset_page`` reads, for the OpenAPI document."""
    limit = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return [
        OpenApiParameter("limit", limit, description="At most so many."),
        OpenApiParameter("cursor", str, description="Where the page before ended: its `next_cursor` or `Link`."),
    ]


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list, and the cursor of the next ones where there are more."""

    items: Sequence[T]
    next_cursor: str | None


def keyset_page(
    request: Request, queryset: QuerySet[M], *, order: Sequence[str], default: int = 100, most: int = 1000
) -> Page[M]:
    """Return the page that ``?limit=&cursor=`` ask for.

    Args:
        order: fields of the model, all ascending or all descending (``-``), the last of them unique:
            ``("-created_at", "-id")`` or ``("sequence",)``. None of them may be null.

    Raises:
        Invalid: ``limit`` is out of range, or ``cursor`` is none of ours.
    """
    limit = whole_number(request, "limit", default=default, least=1, most=most)
    descending = order[0].startswith("-")
    names = [name.lstrip("-") for name in order]
    text = request.query_params.get("cursor")
    if text:
        queryset = queryset.filter(_beyond(names, _read_cursor(queryset.model, names, text), descending))
    rows = list(queryset.order_by(*order)[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(rows, _write_cursor([getattr(rows[-1], name) for name in names]) if more else None)


def _beyond(names: Sequence[str], values: Sequence[Any], descending: bool) -> Q:
    """Return ``(a, b) > (x, y)`` spelt out, with the bound on ``a`` in front so that its index serves."""
    sign = "lt" if descending else "gt"
    condition = Q()
    for depth in range(len(names)):
        equal = dict(zip(names[:depth], values, strict=False))
        condition |= Q(**equal, **{f"{names[depth]}__{sign}": values[depth]})
    return Q(**{f"{names[0]}__{sign}e": values[0]}) & condition


def _write_cursor(values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(dump(list(values))).rstrip(b"=").decode()


def _read_cursor(model: type[Model], names: Sequence[str], text: str) -> list[Any]:
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        fields = [model._meta.get_field(name) for name in names]
        if not isinstance(values, list) or len(values) != len(names) or len(text) > 512:
            raise ValueError
        read = [field.to_python(value) for field, value in zip(fields, values, strict=True) if isinstance(field, Field)]
        if None in read or len(read) != len(names):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, ValidationError, OverflowError):
        raise bad_query("cursor", "This is not a cursor of this list.") from None
    return read


def bare(request: Request, page: Page[T], render: Callable[[T], Any]) -> Response:
    """Return the page as a bare array, with ``Link: <…>; rel="next"`` where there is more."""
    response = Response([render(item) for item in page.items])
    if page.next_cursor is not None:
        response["Link"] = f'<{_next_address(request, page.next_cursor)}>; rel="next"'
    return response


def items(page: Page[T], render: Callable[[T], Any], *, name: str = "items") -> Response:
    """Return the page as ``{items, next_cursor}``."""
    return Response({name: [render(item) for item in page.items], "next_cursor": page.next_cursor})


def numbered(
    request: Request,
    queryset: QuerySet[M],
    render: Callable[[M], Any],
    *,
    order: Sequence[str] = ("-created_at", "-id"),
) -> Response:
    """Return ``{page, page_size, total, data}`` for ``?page=&page_size=``, as ``/api/v1`` lists do."""
    number = whole_number(request, "page", default=1, least=1, most=1_000_000)
    size = whole_number(request, "page_size", default=25, least=1, most=100)
    rows = queryset.order_by(*order)[(number - 1) * size : number * size]
    data = [render(row) for row in rows]
    return Response({"page": number, "page_size": size, "total": queryset.count(), "data": data})


def whole_number(request: Request, name: str, *, default: int, least: int, most: int) -> int:
    """Return the query value ``name``.

    Raises:
        Invalid: it is no whole number, or outside ``least`` … ``most``.
    """
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 12 and least <= int(text) <= most):
        raise bad_query(name, f"Give a whole number from {least} to {most}.")
    return int(text)


def bad_query(name: str, detail: str) -> Invalid:
    """Return the refusal of one query value; its pointer is ``?name``."""
    return Invalid(f"The query value {name} is not valid: {detail}", errors=[{"pointer": f"?{name}", "detail": detail}])


def _next_address(request: Request, cursor: str) -> str:
    query = request.query_params.copy()
    query["cursor"] = cursor
    for name in ("token", "p"):  # credentials never come back in an address
        query.pop(name, None)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
