"""Read a dossier as a page, or print it."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request

from biolab.kernel.api import sending
from exports_app.api.exports import ExportsArea
from exports_app.narrative.page import STYLE_HASH
from exports_app.services.dossiers import OpenDossier, open_page, open_pdf

PAGE_POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'none'"],
    "connect-src": ["'none'"],
    "font-src": ["'none'"],
    "style-src": [STYLE_HASH],
    "img-src": ["data:"],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
    "frame-ancestors": ["'none'"],
}


def shown(request: HttpRequest, dossier: OpenDossier, media_type: str) -> HttpResponseBase:
    """Return a rendering, to be read where it is."""
    opened = sending.OpenFile(dossier.file, dossier.size, dossier.checksum, dossier.filename, media_type)
    response = sending.send(request, opened, None)
    response.headers["Content-Disposition"] = f'inline; filename="{dossier.filename}"'
    return response


class DossierPageDoor(ExportsArea):
    """The dossier as one self-contained page."""

    @extend_schema(
        operation_id="dossier_html",
        summary="Read a dossier as one self-contained page",
        description="With charts of the readings and the signatures so far. It holds no script and fetches nothing.",
        responses={(200, "text/html"): OpenApiResponse(OpenApiTypes.STR, description="The page.")},
        tags=["exports"],
    )
    def get(self, request: Request, sid: str, eid: str) -> HttpResponseBase:
        dossier = open_page(export=self.export(sid, eid), at=self.now)
        response = shown(request._request, dossier, "text/html; charset=utf-8")
        response._csp_replace = PAGE_POLICY  # type: ignore[attr-defined]
        return response


class DossierPdfDoor(ExportsArea):
    """The dossier for print."""

    @extend_schema(
        operation_id="dossier_pdf",
        summary="Read a dossier as a PDF",
        description="The one in the archive, once that is packed. 503 `pdf_unavailable` where nothing here can print.",
        responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY, description="The PDF.")},
        tags=["exports"],
    )
    def get(self, request: Request, sid: str, eid: str) -> HttpResponseBase:
        return shown(request._request, open_pdf(export=self.export(sid, eid), at=self.now), "application/pdf")
