"""Prometheus figures, for the machine itself or for whoever holds the metrics token."""

from hmac import compare_digest
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET
from django_prometheus.exports import ExportToDjangoView


def _may_read(request: HttpRequest) -> bool:
    """Return whether the request comes from this machine itself or carries the metrics token."""
    token: str = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and compare_digest(given.encode(), token.encode()):
        return True
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with every process's counters in Prometheus text form."""
    if not _may_read(request):
        return HttpResponse("Reading metrics takes the metrics token.\n", status=401, content_type="text/plain")
    response: HttpResponse = ExportToDjangoView(request)
    return response
