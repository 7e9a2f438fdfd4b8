"""The door of `/metrics/bench`: the latest readings of the running sessions, for a Prometheus that scrapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from biolab.kernel.api import Door
from telemetry_app.promql.house import HELP, METRIC, HouseSeries
from telemetry_app.promql.shapes import Labels

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class BenchMetricsDoor(Door):
    """What the instruments show now, as far as the token sees."""

    scope_area = "telemetry"

    @extend_schema(
        operation_id="metrics_bench",
        tags=["prometheus"],
        responses={(200, "text/plain"): OpenApiTypes.STR},
        description="One line per channel of every running session, with the time at which the instrument measured.",
    )
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse("".join(_lines(HouseSeries(self.person))), content_type=MEDIA_TYPE)


def _lines(series: HouseSeries) -> Iterator[str]:
    yield f"# HELP {METRIC} {HELP}\n# TYPE {METRIC} gauge\n"
    for labels, reading in series.newest():
        yield f"{METRIC}{{{_told(labels)}}} {reading.value!r} {reading.us // 1000}\n"


def _told(labels: Labels) -> str:
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
