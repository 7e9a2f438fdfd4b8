"""The door of `/api/v1/experiments/{id}/export/csv`: an experiment's readings as controllers take them away."""

from __future__ import annotations

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from biolab.kernel.api import Door
from biolab.kernel.ids import find
from sessions_app.api.controllers import TAGS
from sessions_app.models import LabSession
from telemetry_app import selectors, stores
from telemetry_app.api.exporting import columns_of, file_headers, file_name
from telemetry_app.exports import FORMATS, Outline, Shape, in_order
from telemetry_app.exports.experiment import experiment_pieces


class ExperimentCsvDoor(Door):
    """The readings of an experiment as CSV."""

    scope_area = "telemetry"

    @extend_schema(
        operation_id="experiments_export_csv",
        tags=TAGS,
        summary="An experiment's readings as CSV",
        description=(
            "`timestamp,event_name,event_public_id,value,unit,datapoint_public_id` by time, streamed. Cells that a "
            "spreadsheet would run stand behind an apostrophe."
        ),
        responses={(200, "text/csv"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, experiment_id: str) -> HttpResponseBase:
        session = find(LabSession.objects.listed().visible_to(self.person), experiment_id)
        headers = file_headers(FORMATS["csv"].media_type, file_name("experiment", session, "csv"))
        if request.method == "HEAD":
            return HttpResponse(headers=headers)
        outline = Outline(Shape.LONG, columns_of(selectors.channels_held(session)))
        first_us, last_us = selectors.range_us(None, None)
        rows = in_order(stores.current().scan(session.pk, first_us, last_us), outline.places)
        return StreamingHttpResponse(experiment_pieces(session.pk, outline, rows), headers=headers)
