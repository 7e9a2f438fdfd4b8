"""Doors of `/api/v1/logs`, also under `/api/v1/logging`: the instruments' log."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.api.forms import Done
from biolab.accounts.services.teams import team_for
from biolab.kernel.api import Door, etag_of
from biolab.kernel.api.paging import NUMBERED
from biolab.kernel.ids import find
from sessions_app.api import controllers as forms
from sessions_app.api.bench_forms import given
from sessions_app.api.controllers import READ, TAGS, log_shape
from sessions_app.models import LogEntry
from sessions_app.services.logs import change_log, withdraw_log, write_log


class LogsDoor(Door):
    """The log, and writing a line into it."""

    scope_area = "sessions"

    @extend_schema(
        operation_id="logs_list",
        tags=TAGS,
        summary="The log, newest first",
        parameters=[*NUMBERED, forms.LogFilters],
        responses=forms.LogsOut,
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(forms.LogFilters)
        found = LogEntry.objects.standing().visible_to(self.person)
        found = found.matching(
            type=asked.get("logging_type", ""),
            is_read=asked["status_type"] == READ if "status_type" in asked else None,
            text=asked.get("search", ""),
            since=asked.get("from_date"),
            until=asked.get("to_date"),
        )
        return self.numbered(found, log_shape)

    @extend_schema(tags=TAGS, summary="Write a line", request=forms.LogForm, responses={201: forms.LogDone})
    def post(self, request: Request) -> Response:
        form = self.validated(forms.LogForm)
        team_id = form.get("team_id")
        team = team_for(self.person, str(team_id) if team_id else None, at=self.now, controllers=True)
        entry = write_log(team=team, by=self.person, at=self.now, content=form["content"], type=form["logging_type"])
        return self.answer({"status": "success", "message": "Log entry written.", **log_shape(entry)}, 201)


@extend_schema_view(get=extend_schema(operation_id="logging_list"))
class LoggingDoor(LogsDoor):
    """The log under the name by which today's controllers know it."""


class LogDoor(Door):
    """One line of the log."""

    scope_area = "sessions"

    def entry(self, log_id: str) -> LogEntry:
        return find(LogEntry.objects.standing().visible_to(self.person), log_id)

    @extend_schema(tags=TAGS, summary="One line", responses=forms.LogOut)
    def get(self, request: Request, log_id: str) -> Response:
        entry = self.entry(log_id)
        return self.answer(log_shape(entry), etag=_tag(entry))

    @extend_schema(
        tags=TAGS,
        summary="Mark a line as read, or word it anew",
        description="Only what is given. Its words are its author's; what they were stays in the security log.",
        request=forms.LogChange,
        responses=forms.LogDone,
    )
    def put(self, request: Request, log_id: str) -> Response:
        entry = self.entry(log_id)
        self.must_match(_tag(entry))
        form = given(self.validated(forms.LogChange))
        is_read = form["status_type"] == READ if "status_type" in form else None
        entry = change_log(entry=entry, by=self.person, at=self.now, content=form.get("content"), is_read=is_read)
        told = {"status": "success", "message": "Log entry changed.", **log_shape(entry)}
        return self.answer(told, etag=_tag(entry))

    @extend_schema(
        tags=TAGS,
        summary="Withdraw a line",
        description="Its author, or a lead of its team. The security log keeps who withdrew what.",
        responses={200: Done},
    )
    def delete(self, request: Request, log_id: str) -> Response:
        withdraw_log(entry=self.entry(log_id), by=self.person, at=self.now)
        return self.answer({"status": "success", "message": "Log entry withdrawn."})


def _tag(entry: LogEntry) -> str:
    return etag_of(*log_shape(entry).items())
