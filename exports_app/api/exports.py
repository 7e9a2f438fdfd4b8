"""Ask for exports, list them, read them, compare them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.api import Door
from biolab.kernel.api.paging import paged
from biolab.kernel.ids import find
from exports_app.api import schemas
from exports_app.api.forms import Against, ExportForm, Inclusion, Rehearsal, wish_of
from exports_app.links import artifact_url
from exports_app.models import NarrativeExport
from exports_app.selectors import compare_dossiers, open_jobs, queue_figures
from exports_app.services.artifacts import read_frozen
from exports_app.services.exports import ask_export
from exports_app.shapes import export_as_wire, job_as_wire
from exports_app.states import ArtifactStatus
from sessions_app.models import LabSession

FULL_PAGE = 25


class ExportsArea(Door):
    """What the doors of one session's exports share."""

    scope_area = "exports"

    def session(self, sid: str) -> LabSession:
        sessions = LabSession.objects.visible_to(self.person)
        return find(sessions.select_related("team", "protocol_version__protocol"), sid)

    def export(self, sid: str, eid: str) -> NarrativeExport:
        return find(NarrativeExport.objects.told().filter(session=self.session(sid)), eid)

    def shape(self, export: NarrativeExport, *, content: bool = False, **more: Any) -> dict[str, Any]:
        """Return the export for this person, with a link of their own where there is an archive."""
        ready = export.artifact_status == ArtifactStatus.READY
        url = artifact_url(export, person=self.person, at=self.now) if ready else None
        text = read_frozen(export.content).decode() if content else None
        return export_as_wire(export, content=text, url=url, **more)


class ExportsDoor(ExportsArea):
    """The exports of a session."""

    @extend_schema(
        operation_id="list_narrative_exports",
        summary="List a session's narrative exports",
        description="Newest first, without the dossiers unless `include=content`.",
        parameters=[*schemas.PAGE, Inclusion],
        responses=schemas.ExportPage,
        tags=["exports"],
    )
    def get(self, request: Request, sid: str) -> Response:
        content = self.asked(Inclusion).get("include") == "content"
        exports = NarrativeExport.objects.told().filter(session=self.session(sid))
        most = FULL_PAGE if content else 200
        page = self.page(exports, order=("-created_at", "-id"), default=min(50, most), most=most)
        return self.items(page, lambda export: self.shape(export, content=content), name="exports")

    @extend_schema(
        summary="Freeze the session and ask for approval",
        description="`dry_run` checks everything, answers 200 with what would be, and keeps nothing.",
        parameters=[Rehearsal],
        request=ExportForm,
        responses={201: schemas.Export, 200: schemas.Export},
        tags=["exports"],
    )
    def post(self, request: Request, sid: str) -> Response:
        session, dry_run = self.session(sid), self.asked(Rehearsal)["dry_run"]
        wish = wish_of(self.validated(ExportForm))
        asked = ask_export(session=session, by=self.person, at=self.now, wish=wish, dry_run=dry_run)
        body = export_as_wire(asked.export, content=asked.content.decode())
        return self.answer(body, status=200 if dry_run else 201)


class ExportDoor(ExportsArea):
    """One export."""

    @extend_schema(summary="Read an export with its dossier", responses=schemas.Export, tags=["exports"])
    def get(self, request: Request, sid: str, eid: str) -> Response:
        return self.answer(self.shape(self.export(sid, eid), content=True))


class DiffDoor(ExportsArea):
    """Two versions side by side."""

    @extend_schema(
        summary="Compare the dossiers of two versions",
        parameters=[Against],
        responses=schemas.Diff,
        tags=["exports"],
    )
    def get(self, request: Request, sid: str, eid: str) -> Response:
        after = self.export(sid, eid)
        before = self.export(sid, self.asked(Against)["against"])
        found = compare_dossiers(before, after)
        return self.answer(
            {
                "export_id": after.public_id,
                "version": after.version,
                "content_digest": after.content_id,
                "against_export_id": before.public_id,
                "against_version": before.version,
                "against_content_digest": before.content_id,
                "identical": found.identical,
                "diff": found.lines,
            }
        )


class JobsDoor(Door):
    """What packaging is busy with."""

    scope_area = "exports"

    @extend_schema(
        summary="Packing jobs and figures of the queue",
        parameters=paged(),
        responses=schemas.Jobs,
        tags=["exports"],
    )
    def get(self, request: Request) -> Response:
        page = self.page(open_jobs(self.person), order=("-created_at", "-id"), default=100, most=1000)
        figures = queue_figures(self.person, at=self.now)
        jobs = [job_as_wire(export) for export in page.items]
        return self.answer({**figures, "jobs": jobs, "next_cursor": page.next_cursor})
