"""The doors of `/prometheus/api/v1`: Prometheus' HTTP API as far as Grafana and ``promtool query`` use it.

Answers and errors have Prometheus' own shape. GET and POST ask alike; both only read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, Any, Final, TypeVar

import numpy as np
import promql_parser as promql
import structlog
from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.models import User
from biolab.accounts.permissions import MayPass
from biolab.accounts.policies import require_scope
from biolab.kernel.api import Door, problem_handler
from biolab.kernel.api.parsers import read_bounded
from biolab.kernel.api.problems import request_id
from biolab.kernel.health import version
from telemetry_app.api.prometheus_forms import read_steps, read_time
from telemetry_app.instants import to_us
from telemetry_app.promql import answers
from telemetry_app.promql.errors import BadQueryError, QueryError
from telemetry_app.promql.evaluation import Evaluation
from telemetry_app.promql.house import HELP, LABELS, METRIC, MOST_SESSIONS, HouseSeries, Series, metric_name
from telemetry_app.promql.matching import Matcher, Selector, selector_of
from telemetry_app.promql.reading import inside, read_expression, read_selector
from telemetry_app.promql.shapes import NAME, key_of
from telemetry_app.stores.reading import FIRST_US, LAST_US

log = structlog.get_logger(__name__)
F = TypeVar("F", bound=Callable[..., Response])

SPOKEN: Final = "2.45.0"
"""The Prometheus whose language this is; Grafana decides by it what it asks."""

MOST_SELECTORS: Final = 20
STATUS: Final = {QueryError.kind: 400, "execution": 422}
KINDS: Final = {401: "unauthorized", 403: "forbidden", 404: "not_found", 429: "too_many_requests", 503: "unavailable"}
HEADERS: Final = ("Retry-After", "WWW-Authenticate", "Allow")
EVERYTHING: Final = Selector([[Matcher("channel", "", wanted=False)]])

QUERY = OpenApiParameter("query", str, required=True, description="PromQL.")
TIME = OpenApiParameter("time", str, description="Seconds since 1970 or RFC 3339; left out: now.")
START = OpenApiParameter("start", str, description="Seconds since 1970 or RFC 3339.")
END = OpenApiParameter("end", str, description="Seconds since 1970 or RFC 3339.")
STEP = OpenApiParameter("step", str, required=True, description="Seconds, or a duration such as 15s.")
MATCH = OpenApiParameter("match[]", str, many=True, description="A series selector; may be given several times.")
ONE_METRIC = OpenApiParameter("metric", str, description="Only this metric.")
ANSWER = {
    "type": "object",
    "required": ["status", "data"],
    "properties": {
        "status": {"const": "success"},
        "data": {"description": "As Prometheus' HTTP API describes it."},
        "warnings": {"type": "array", "items": {"type": "string"}},
    },
}
ERROR = {
    "type": "object",
    "required": ["status", "errorType", "error"],
    "properties": {"status": {"const": "error"}, "errorType": {"type": "string"}, "error": {"type": "string"}},
}


def asked(*parameters: OpenApiParameter) -> Callable[[F], F]:
    """Return the schema of a question with these parameters, in the address or in a form."""
    decorator: Callable[[F], F] = extend_schema(
        tags=["prometheus"],
        parameters=list(parameters),
        request={"application/x-www-form-urlencoded": OpenApiTypes.OBJECT},
        responses={(200, "application/json"): ANSWER, **{(code, "application/json"): ERROR for code in (400, 422)}},
    )
    return decorator


class _Form(BaseParser):
    """Reads a form, bounded."""

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return QueryDict(read_bounded(stream, parser_context))


class MayRead(MayPass):
    """Whoever may read; asking by POST is reading too."""

    def has_permission(self, request: Request, view: Any) -> bool:
        person = request.user
        if not isinstance(person, User) or not person.is_active:
            return False
        require_scope(person, f"{view.scope_area}:read")
        return True


class _PrometheusDoor(Door):
    """Reads parameters from address and form, and tells errors as Prometheus does."""

    scope_area = "telemetry"
    permission_classes = (MayRead,)
    parser_classes = (_Form,)

    def _answer_once(self, request: Request) -> None:
        """Ask as often as wanted: a POST changes nothing here."""

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], Response]:
        return _told

    def given(self, name: str) -> list[str]:
        """Return every value of a parameter, those of the form first."""
        form = self.request.data if isinstance(self.request.data, QueryDict) else QueryDict()
        return [*form.getlist(name), *self.request.query_params.getlist(name)]

    def one(self, name: str, default: str | None = None) -> str:
        """Return a parameter.

        Raises:
            BadQueryError: it is missing and has no default.
        """
        value = next(iter(self.given(name)), "") or default
        if value is None:
            raise BadQueryError(f"The parameter {name} is missing.")
        return value

    def success(self, data: Any, *, whole: bool = True) -> Response:
        warnings = [f"Only the {MOST_SESSIONS} sessions that started last were looked through."]
        return Response({"status": "success", "data": data, **({} if whole else {"warnings": warnings})})

    def series(self, *, needed: bool = False) -> tuple[list[Series], bool]:
        """Return the series that the selectors pick, each once, and whether all sessions were looked through.

        Raises:
            BadQueryError: there are too many selectors, or none where one is needed.
        """
        texts = self.given("match[]")
        if len(texts) > MOST_SELECTORS or (needed and not texts):
            raise BadQueryError(f"Give 1 to {MOST_SELECTORS} series selectors as match[].")
        start, end = self.one("start", ""), self.one("end", "")
        first_us = read_time(start, "start") if start else FIRST_US
        last_us = read_time(end, "end") if end else LAST_US
        selectors = [selector_of(read_selector(text)) for text in texts] or [EVERYTHING]
        found = [HouseSeries(self.person).series(selector, first_us, last_us) for selector in selectors]
        series = {key_of(one.labels): one for some in found for one in some.series}
        return [series[key] for key in sorted(series)], all(some.whole for some in found)


class QueryDoor(_PrometheusDoor):
    """A query at one time."""

    @asked(QUERY, TIME)
    def get(self, request: Request) -> Response:
        time = self.one("time", "")
        times = np.array([read_time(time, "time") if time else to_us(self.now)], dtype=np.int64)
        tree = inside(read_expression(self.one("query")))
        evaluation = Evaluation(HouseSeries(self.person), times)
        if isinstance(tree, promql.MatrixSelector):
            return self.success(answers.raw(evaluation.raw(tree)))
        return self.success(answers.at_once(evaluation.result(tree), times))

    post = get


class QueryRangeDoor(_PrometheusDoor):
    """A query at every step of a range."""

    @asked(QUERY, START, END, STEP)
    def get(self, request: Request) -> Response:
        times = read_steps(self.one("start"), self.one("end"), self.one("step"))
        tree = read_expression(self.one("query"))
        return self.success(answers.over_time(Evaluation(HouseSeries(self.person), times).result(tree), times))

    post = get


class SeriesDoor(_PrometheusDoor):
    """The series that selectors pick, by their labels."""

    @asked(MATCH, START, END)
    def get(self, request: Request) -> Response:
        found, whole = self.series(needed=True)
        return self.success([one.labels for one in found], whole=whole)

    post = get


class LabelsDoor(_PrometheusDoor):
    """The names of the labels in sight."""

    @asked(MATCH, START, END)
    def get(self, request: Request) -> Response:
        found, whole = self.series()
        return self.success(sorted({name for one in found for name in one.labels}), whole=whole)

    post = get


class LabelValuesDoor(_PrometheusDoor):
    """The values of one label; those of ``__name__`` are the metrics, every channel's own name among them."""

    @asked(MATCH, START, END)
    def get(self, request: Request, name: str) -> Response:
        if name not in (NAME, *LABELS):
            return self.success([])
        found, whole = self.series()
        values = {one.labels[name] for one in found if name in one.labels}
        if name == NAME and not self.given("match[]"):
            values |= {metric_name(one.labels["channel"]) for one in found}
        return self.success(sorted(values), whole=whole)


class MetadataDoor(_PrometheusDoor):
    """What kind each metric is: all are gauges."""

    @asked(ONE_METRIC)
    def get(self, request: Request) -> Response:
        found, whole = self.series()
        units = {METRIC: ""} | {metric_name(one.labels["channel"]): one.labels.get("unit", "") for one in found}
        wanted = self.one("metric", "")
        return self.success(
            {
                name: [{"type": "gauge", "help": HELP if name == METRIC else "Readings of a channel.", "unit": unit}]
                for name, unit in sorted(units.items())
                if wanted in ("", name)
            },
            whole=whole,
        )


class BuildInfoDoor(_PrometheusDoor):
    """Which Prometheus this is to be taken for."""

    @asked()
    def get(self, request: Request) -> Response:
        nothing = dict.fromkeys(("branch", "buildUser", "buildDate", "goVersion"), "")
        return self.success({"version": SPOKEN, "revision": f"biolab-{version()}", **nothing})


def _told(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Return an error as Prometheus tells it."""
    if isinstance(exc, QueryError):
        return _error(STATUS[exc.kind], exc.kind, str(exc))
    problem = problem_handler(exc, context)
    if problem is None:
        log.error("defect", exc_info=exc)
        return _error(500, "internal", f"A defect; its request id is {request_id(context['request'])}.")
    headers = {name: problem[name] for name in HEADERS if name in problem}
    kind = KINDS.get(problem.status_code, "bad_data")
    return _error(problem.status_code, kind, problem.data["detail"], headers)


def _error(status: int, kind: str, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response({"status": "error", "errorType": kind, "error": text}, status=status, headers=dict(headers or {}))
