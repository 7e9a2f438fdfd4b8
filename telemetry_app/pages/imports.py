"""Files of readings on their way into a session: chosen, looked at, sent, followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from biolab.accounts.pages import status_of
from biolab.accounts.roles import Right
from biolab.kernel.errors import Invalid, Refusal
from biolab.kernel.ids import find
from sessions_app.models import LabSession
from sessions_app.policies import rights_in
from telemetry_app.ingest.files_layout import Wish
from telemetry_app.instants import from_us
from telemetry_app.models import ImportJob
from telemetry_app.pages.base import InstrumentPage, near_fields
from telemetry_app.services.importing import ask_import, preview_import, retry_import
from telemetry_app.states import IMPORT_MACHINE, RETRY_IMPORT, ImportStatus

JOBS_SHOWN: Final = 20
COLUMNS_SHOWN: Final = 8
SHAPES: Final = (
    ("auto", "Find out"),
    ("wide", "A column for each channel"),
    ("long", "A row for each reading"),
)
FIELDS: Final = ("time_column", "channel_column", "value_column", "unit_column", "time_zone")
AT_WORK: Final = (ImportStatus.QUEUED, ImportStatus.RUNNING)


class ImportPage(InstrumentPage):
    """The form, and the imports of the session so far."""

    section = "sessions"

    def get(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        return self.form(self.session(sid))

    def post(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        session = self.session(sid)
        try:
            file = self.file()
            ask_import(
                session=session,
                pieces=_pieces(file),
                file_name=file.name or "readings",
                wish=self.wish(),
                by=self.person,
                at=self.now,
            )
        except Refusal as refusal:
            if "HX-Request" in request.headers:
                return render(request, "parts/refusal.html", {"refusal": refusal}, status=status_of(refusal))
            return self.form(session, refusal)
        if "HX-Request" in request.headers:
            return self.page("telemetry/import_jobs.html", **self.jobs(session))
        return redirect("page-import", session.public_id)

    def form(self, session: LabSession, refusal: Refusal | None = None) -> HttpResponseBase:
        """Return the page, with what was refused near its field."""
        return self.page(
            "telemetry/import.html",
            status=200 if refusal is None else status_of(refusal),
            shapes=SHAPES,
            values=self.request.POST.dict() if refusal is not None else {"shape": "auto"},
            wrong=near_fields(refusal),
            refusal=refusal,
            **self.jobs(session),
        )

    def jobs(self, session: LabSession) -> dict[str, Any]:
        """Return the newest imports as the page shows them."""
        jobs = list(
            ImportJob.objects.filter(session=session)
            .select_related("asked_by")
            .order_by("-created_at", "-id")[:JOBS_SHOWN]
        )
        may_run = Right.RUN in rights_in(self.person, session.team_id)
        return {
            "session": session,
            "may_import": may_run and not session.is_ended,
            "jobs": [(job, may_run and RETRY_IMPORT in IMPORT_MACHINE.open_moves(job)) for job in jobs],
            "at_work": any(job.status in AT_WORK for job in jobs),
        }

    def file(self) -> UploadedFile[bytes]:
        """Return the file that was sent.

        Raises:
            Invalid: none was.
        """
        file = self.request.FILES.get("file")
        if not isinstance(file, UploadedFile):
            detail = "Choose a CSV or Parquet file."
            raise Invalid(detail, errors=[{"pointer": "/file", "detail": detail}])
        return file

    def wish(self) -> Wish:
        """Return how the person says the file is to be read."""
        posted = {name: self.request.POST.get(name, "").strip() for name in FIELDS}
        try:
            return msgspec.convert({**posted, "shape": self.request.POST.get("shape", "auto")}, Wish)
        except msgspec.ValidationError:
            detail = "Choose one of the shapes."
            raise Invalid(detail, errors=[{"pointer": "/shape", "detail": detail}]) from None


class ImportPreview(ImportPage):
    """What the file, or its beginning, would give; nothing is kept."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        session = self.session(sid)
        try:
            pieces = _pieces(self.file())
            glance = preview_import(session=session, pieces=pieces, wish=self.wish(), by=self.person, at=self.now)
        except Refusal as refusal:
            headers = refusal.facts.get("headers", [])
            sample = refusal.facts.get("sample", [])
            shown = {"refusal": refusal, "headers": headers, "rows": _narrow(sample), "wrong": near_fields(refusal)}
            return self.page("telemetry/import_preview.html", **shown)
        layout = glance.layout
        return self.page(
            "telemetry/import_preview.html",
            layout=layout,
            headers=layout.headers,
            rows=_narrow(glance.sample.rows()),
            series=layout.series[:50],
            more_series=max(0, len(layout.series) - 50),
            readings=[(from_us(us), name, value, unit) for us, name, value, unit in glance.readings[:8]],
            wrong_rows=glance.wrong[:20],
        )


class ImportJobs(ImportPage):
    """The imports, drawn again."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        return self.page("telemetry/import_jobs.html", **self.jobs(self.session(sid)))


class RetryImport(ImportPage):
    """Queue an import that failed once more."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, sid: str, job_id: str = "") -> HttpResponseBase:
        session = self.session(sid)
        job = find(ImportJob.objects.filter(session=session).select_related("session"), job_id)
        try:
            retry_import(job=job, by=self.person, at=self.now)
        except Refusal as refusal:
            if "HX-Request" in request.headers:
                return render(request, "parts/refusal.html", {"refusal": refusal}, status=status_of(refusal))
            return self.form(session, refusal)
        if "HX-Request" in request.headers:
            return self.page("telemetry/import_jobs.html", **self.jobs(session))
        return redirect("page-import", session.public_id)


def _pieces(file: UploadedFile[bytes]) -> Iterator[bytes]:
    return iter(file.chunks())


def _narrow(rows: list[list[Any]]) -> list[list[Any]]:
    """Return as many cells of each row as a page can show."""
    return [row[:COLUMNS_SHOWN] for row in rows]
