"""One line per request: who asked for what, in which session of the lab, and how long it took."""

import re
from time import perf_counter
from typing import Any

import structlog
from django.dispatch import receiver
from django.http import HttpRequest
from django_structlog.signals import bind_extra_request_finished_metadata, bind_extra_request_metadata

from biolab.accounts.services.sign_in import client_address

SESSION = re.compile(r"/(?:api/|ws/)?sessions/([^/]+)")


@receiver(bind_extra_request_metadata)
def start_watch(request: HttpRequest, **_: Any) -> None:
    """Remember when the request came in, and say from where, as far as trusted proxies tell."""
    request.came_in_at = perf_counter()  # type: ignore[attr-defined]
    structlog.contextvars.bind_contextvars(ip=client_address(request))


@receiver(bind_extra_request_finished_metadata)
def add_what_matters(request: HttpRequest, log_kwargs: dict[str, Any], **_: Any) -> None:
    """Add the duration and the lab session to the line that ends the request."""
    log_kwargs["duration_ms"] = round((perf_counter() - request.came_in_at) * 1000, 1)  # type: ignore[attr-defined]
    if found := SESSION.search(request.path):
        log_kwargs["session"] = found[1]
