"""Every door of the house: the apps' API paths and pages, health, schema and the admin."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from biolab.metrics import metrics

PATHS = (
    "biolab.kernel.api.urls",
    "biolab.accounts.api.urls",
    "biolab.accounts.urls",
    "sessions_app.api.urls",
    "sessions_app.urls",
    "telemetry_app.api.urls",
    "telemetry_app.urls",
    "governance_app.api.urls",
    "governance_app.urls",
    "exports_app.api.urls",
    "exports_app.urls",
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("metrics", metrics, name="metrics"),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("docs", RedirectView.as_view(pattern_name="docs")),
    *(path("", include(paths)) for paths in PATHS),
]

handler400 = "biolab.kernel.api.problems.bad_request"
handler403 = "biolab.kernel.api.problems.not_allowed"
handler404 = "biolab.kernel.api.problems.not_found"
handler500 = "biolab.kernel.api.problems.defect"
