"""Doors of `/api/v1/experiments`: the sessions, under the name that controllers know them by."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.api.forms import Done
from biolab.accounts.services.teams import team_for
from biolab.kernel.api import Door
from biolab.kernel.api.paging import NUMBERED
from biolab.kernel.ids import find
from sessions_app.api import controllers as forms
from sessions_app.api.bench_forms import given
from sessions_app.api.controllers import TAGS, experiment_shape
from sessions_app.models import LabSession
from sessions_app.services.experiments import hide_session
from sessions_app.services.sessions import change_session, move_session, session_etag, start_session
from sessions_app.states import COMPLETE


class ExperimentDoorBase(Door):
    """A door to the sessions that controllers list."""

    scope_area = "sessions"

    def visible(self) -> QuerySet[LabSession]:
        return LabSession.objects.listed().visible_to(self.person)

    def told(self, session: LabSession, message: str, status: int = 200) -> Response:
        """Answer what was done, and the experiment."""
        said = {"status": "success", "message": message, **experiment_shape(session)}
        return self.answer(said, status, etag=session_etag(session))


class ExperimentsDoor(ExperimentDoorBase):
    """The experiments, and starting one."""

    @extend_schema(
        operation_id="experiments_list",
        tags=TAGS,
        summary="Experiments, newest first",
        parameters=NUMBERED,
        responses=forms.ExperimentsOut,
    )
    def get(self, request: Request) -> Response:
        return self.numbered(self.visible(), experiment_shape)

    @extend_schema(
        tags=TAGS,
        summary="Start an experiment",
        request=forms.NewExperimentForm,
        responses={201: forms.ExperimentDone},
    )
    def post(self, request: Request) -> Response:
        form = self.validated(forms.NewExperimentForm)
        team_id = form.get("team_id")
        team = team_for(self.person, str(team_id) if team_id else None, at=self.now, controllers=True)
        session = start_session(team=team, by=self.person, at=self.now, name=form["name"])
        return self.told(session, "Experiment started.", 201)


class ExperimentDoor(ExperimentDoorBase):
    """One experiment."""

    @extend_schema(tags=TAGS, summary="One experiment", responses=forms.ExperimentOut)
    def get(self, request: Request, experiment_id: str) -> Response:
        session = find(self.visible(), experiment_id)
        return self.answer(experiment_shape(session), etag=session_etag(session))

    @extend_schema(
        tags=TAGS,
        summary="Rename an experiment",
        request=forms.ExperimentChange,
        responses=forms.ExperimentDone,
    )
    def put(self, request: Request, experiment_id: str) -> Response:
        session = find(self.visible(), experiment_id)
        self.must_match(session_etag(session))
        read = session_etag(session) if "If-Match" in request.headers else None
        form = given(self.validated(forms.ExperimentChange))
        session = change_session(session=session, by=self.person, at=self.now, if_match=read, **form)
        return self.told(session, "Experiment changed.")

    @extend_schema(
        tags=TAGS,
        summary="Take an experiment off the lists",
        description=(
            "Stops it if it runs. It is a session and stays one, with its readings and its history; only these lists "
            "show it no more. 409 under legal hold. A JSON body may give the `reason`."
        ),
        responses={200: Done},
    )
    def delete(self, request: Request, experiment_id: str) -> Response:
        session = find(self.visible(), experiment_id)
        hide_session(session=session, by=self.person, at=self.now, **self.validated(forms.ExperimentReason))
        return self.answer({"status": "success", "message": "Experiment off the lists; its record stays."})


class ExperimentStopDoor(ExperimentDoorBase):
    """Stopping an experiment, once."""

    @extend_schema(
        operation_id="experiments_stop",
        tags=TAGS,
        summary="Stop an experiment",
        description="Completes the session; of an experiment that has stopped already: 409.",
        request=forms.ExperimentReason,
        responses=forms.ExperimentDone,
    )
    def put(self, request: Request, experiment_id: str) -> Response:
        session = find(self.visible(), experiment_id)
        reason = self.validated(forms.ExperimentReason).get("reason", "")
        session = move_session(session=session, move=COMPLETE, by=self.person, at=self.now, reason=reason)
        return self.told(session, "Experiment stopped.")
