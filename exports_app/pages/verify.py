"""A page on which anyone has an archive checked; nothing of it is kept."""

from __future__ import annotations

from typing import Final, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View

from biolab.accounts.services.sign_in import client_address
from biolab.kernel.api.throttles import require_pass
from biolab.kernel.errors import Invalid, Refusal, TooLarge, TooMany
from exports_app import storage
from exports_app.archive.verify import Report, Wrong, check, parse_key

CHECKS: Final = (
    ("container", "The file", "One folder, and every byte of the file accounted for."),
    ("bag", "The bag", "Every file is listed with its digest; none is missing, added or changed."),
    ("signature", "The seal", "The laboratory's key signed the list of everything."),
    ("crate", "The description", "Every file is described as it is."),
    ("dossier", "The dossier", "It is the one that was approved, with the evidence and the originals that it names."),
    ("telemetry", "The readings", "They are the ones that were sealed."),
    ("events", "The history", "Every event follows from the one before it, up to a signed end."),
    ("signatures", "The signatures", "Each was given for exactly this record."),
)


class VerifyPage(View):
    """Drop a file, see every check, and the first thing that is wrong."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            require_pass("verify", client_address(request), settings.VERIFY_RATE)
            sent = cast("UploadedFile[bytes] | None", request.FILES.get("file"))
            report = _checked(sent, request.POST.get("key", "").strip())
        except TooMany as refusal:
            page = self._page(request, refusal=refusal, status=429)
            page.headers["Retry-After"] = str(refusal.retry_after_s)
            return page
        except Refusal as refusal:
            return self._page(request, refusal=refusal, status=413 if isinstance(refusal, TooLarge) else 422)
        found = {one.name: one for one in report.checks}
        return self._page(
            request,
            report=report,
            filename=sent.name if sent is not None else "",
            pinned=bool(request.POST.get("key")),
            rows=[(title, what, found.get(name)) for name, title, what in CHECKS],
        )

    def _page(self, request: HttpRequest, *, status: int = 200, **context: object) -> HttpResponse:
        return render(request, "exports/verify.html", context, status=status)


def _checked(sent: UploadedFile[bytes] | None, key: str) -> Report:
    """Check the file that was sent.

    Raises:
        Invalid: there is none, or the key is no key.
        TooLarge: it is larger than this instance takes.
    """
    if sent is None:
        raise Invalid("Choose an archive first: a file that ends in .eln.")
    try:
        if key:
            parse_key(key)
    except Wrong as wrong:
        raise Invalid("The key is neither 64 hex digits nor a minisign public key.") from wrong
    with storage.workbench() as folder:
        file = storage.measure(
            sent.chunks(storage.CHUNK), folder=folder, media_type="", limit=settings.UPLOAD_MAX_BYTES
        )
        return check(file.path, key)
