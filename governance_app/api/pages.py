"""Pages of the template list, whose order is key ascending and version descending."""

from __future__ import annotations

import base64
import binascii

from django.db.models import Q, QuerySet
from rest_framework.request import Request

from biolab.kernel.api import Page, bad_query, whole_number
from governance_app.models import WorkflowTemplate

DEFAULT, MOST = 200, 1000
LARGEST_VERSION = 2**31 - 1


def templates_page(request: Request, templates: QuerySet[WorkflowTemplate]) -> Page[WorkflowTemplate]:
    """Return the templates that ``?limit=&cursor=`` ask for.

    Raises:
        Invalid: ``limit`` is out of range, or ``cursor`` is none of ours.
    """
    limit = whole_number(request, "limit", default=DEFAULT, least=1, most=MOST)
    cursor = request.query_params.get("cursor")
    if cursor:
        key, version = _read(cursor)
        templates = templates.filter(Q(key__gt=key) | Q(key=key, version__lt=version))
    rows = list(templates.order_by("key", "-version")[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(rows, _write(rows[-1]) if more else None)


def _write(template: WorkflowTemplate) -> str:
    return base64.urlsafe_b64encode(f"{template.version} {template.key_id}".encode()).rstrip(b"=").decode()


def _read(text: str) -> tuple[str, int]:
    try:
        version, _, key = base64.urlsafe_b64decode(text[:512] + "=" * (-len(text) % 4)).decode().partition(" ")
        if not key or "\x00" in key or not 0 <= int(version) <= LARGEST_VERSION:
            raise ValueError
        return key, int(version)
    except (ValueError, binascii.Error):
        raise bad_query("cursor", "This is not a cursor of this list.") from None
