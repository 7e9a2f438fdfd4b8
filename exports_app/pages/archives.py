"""Around an export on the session page: evidence to choose from, archives to check and to queue again."""

from __future__ import annotations

import shutil
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from biolab.kernel.errors import Refusal
from biolab.kernel.ids import find
from exports_app import storage
from exports_app.archive.verify import check
from exports_app.models import NarrativeExport
from exports_app.pages.picker import found_evidence
from exports_app.pages.session import SessionView
from exports_app.services.artifacts import open_artifact
from exports_app.services.packaging import requeue_export

ARCHIVE: Final = "archive.eln"
LONGEST_SEARCH: Final = 100


class Evidence(SessionView):
    """What a search among the session's evidence finds, as a list to tick; what is ticked already is left out."""

    def get(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        words = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
        found, is_cut = found_evidence(self.session(sid), request.GET.get("kind", ""), words)
        taken = set(request.GET.getlist("attach"))
        evidence = [piece for piece in found if piece["value"] not in taken]
        return self.page("exports/evidence.html", evidence=evidence, is_cut=is_cut)


class CheckArchive(SessionView):
    """Everything that anyone can check of the stored archive, checked now."""

    def get(self, request: HttpRequest, sid: str, eid: str) -> HttpResponseBase:
        session = self.session(sid)
        export = find(NarrativeExport.objects.select_related("session").filter(session=session), eid)
        try:
            artifact = open_artifact(export=export, at=self.now)
        except Refusal as refusal:
            return self.page("exports/checks.html", refusal=refusal)
        with artifact.file, storage.workbench() as folder:
            with (folder / ARCHIVE).open("wb") as copy:
                shutil.copyfileobj(artifact.file, copy, storage.CHUNK)
            report = check(folder / ARCHIVE)
        return self.page("exports/checks.html", report=report, checksum=artifact.checksum, at=self.now)


class Requeue(SessionView):
    """Queue an archive that was given up once more."""

    def post(self, request: HttpRequest, sid: str, eid: str) -> HttpResponseBase:
        export = find(NarrativeExport.objects.filter(session=self.session(sid)), eid)
        return self.act(sid, "exports", lambda session, by, at: requeue_export(export=export, by=by, at=at))
