"""Outline a deck, have one built, and fetch it."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.api import Door
from biolab.kernel.api.throttles import PersonThrottle
from biolab.kernel.errors import Invalid
from biolab.kernel.ids import find, parse_id
from exports_app.api import deck_forms as forms
from exports_app.models import DeckJob
from exports_app.services.decks import (
    MEDIA_TYPE,
    USUAL_COUNT,
    ask_deck,
    ask_session_deck,
    named_engine,
    open_deck,
    outline_of,
    outline_prompt_by,
    require_deck_right,
)
from sessions_app.models import LabSession

TAGS = ["decks"]


class DeckThrottle(PersonThrottle):
    """Counts what is asked for besides, at the rate of the setting ``DECK_RATE``."""

    kind = "decks"

    def allow_request(self, request: Request, view: Any) -> bool:
        return request.method != "POST" or self.passes(self.kind, settings.DECK_RATE, request)


class DecksArea(Door):
    """What the doors of decks share."""

    scope_area = "exports"
    throttle_classes = (PersonThrottle, DeckThrottle)

    def session(self, sid: str) -> LabSession:
        sessions = LabSession.objects.visible_to(self.person)
        return find(sessions.select_related("team", "protocol_version__protocol"), sid)

    def asked_session(self) -> LabSession | None:
        sid = self.asked(forms.SessionQuery).get("sessionId")
        return self.session(sid) if sid is not None else None

    def job(self, job_id: str) -> DeckJob:
        return find(DeckJob.objects.visible_to(self.person), job_id)


class OutlineDoor(DecksArea):
    """Slides from a prompt, or from a session's record."""

    @extend_schema(
        summary="Outline a deck",
        description=(
            "By the configured model, else of the prompt's own words, and nothing else; each slide's `source` says "
            "which. With `sessionId` it is outlined from that session's record, and may be shorter."
        ),
        parameters=[forms.SessionQuery],
        request=forms.OutlineForm,
        responses=forms.OutlinedSlide(many=True),
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        session = self.asked_session()
        values = self.validated(forms.OutlineForm)
        if session is not None:
            slides = outline_of(session, by=self.person, at=self.now, count=values["count"])
        else:
            slides = outline_prompt_by(
                named_engine(),
                values["prompt"],
                count=values["count"],
                model=values.get("model") or "",
                language=values.get("language") or "",
                context=_as_text(values.get("context")),
            )
        return self.answer([slide.as_wire() for slide in slides])


class BuildDoor(DecksArea):
    """A deck from slides."""

    @extend_schema(
        summary="Build a deck",
        description="One page per slide, in their order. With `sessionId` that session's room hears how far it is.",
        parameters=[forms.SessionQuery],
        request=forms.SlideForm(many=True),
        responses=forms.DeckJobAnswer,
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        session = self.asked_session()
        if session is not None:
            require_deck_right(self.person, session)
        given: Any = self.validated(forms.DeckForm)
        slides = [forms.slide_of(values) for values in given]
        job = ask_deck(slides=slides, session=session, by=self.person, at=self.now)
        return self.answer(forms.job_as_wire(job))


class SessionDeckDoor(DecksArea):
    """A deck of one session."""

    @extend_schema(
        summary="Build a deck of a session",
        description=(
            "From the record as it stands now: what was done, charts, deviations, approvals, next steps. The notes of "
            "each slide name the events behind it. There are fewer slides where there is no more to tell."
        ),
        request=forms.SessionDeckForm,
        responses={202: forms.DeckJobAnswer},
        tags=TAGS,
    )
    def post(self, request: Request, sid: str) -> Response:
        session = self.session(sid)
        require_deck_right(self.person, session)
        values = self.validated(forms.SessionDeckForm)
        job = ask_session_deck(
            session=session,
            count=values.get("slideCount", USUAL_COUNT),
            audience=values.get("audience") or "",
            by=self.person,
            at=self.now,
        )
        return self.answer(forms.job_as_wire(job), status=202)


class DeckJobDoor(DecksArea):
    """How far a deck is."""

    @extend_schema(summary="How far a deck is", responses=forms.DeckJobAnswer, tags=TAGS)
    def get(self, request: Request, job_id: str) -> Response:
        return self.answer(forms.job_as_wire(self.job(job_id)))


class DownloadDoor(DecksArea):
    """The finished file."""

    @extend_schema(
        summary="Fetch a finished deck",
        description="409 while it is not ready; 422 where `jobId` is none.",
        parameters=[forms.JobQuery],
        responses={(200, MEDIA_TYPE): OpenApiResponse(OpenApiTypes.BINARY, description="The presentation.")},
        tags=TAGS,
    )
    def get(self, request: Request) -> HttpResponseBase:
        job_id = self.asked(forms.JobQuery)["jobId"]
        if parse_id(job_id, DeckJob.id_prefix) is None:
            detail = "This is not the id of a deck."
            raise Invalid(detail, errors=[{"pointer": "?jobId", "detail": detail}])
        job = self.job(job_id)
        return FileResponse(open_deck(job), as_attachment=True, filename=job.filename, content_type=MEDIA_TYPE)


def _as_text(context: Any) -> str:
    if context is None or isinstance(context, str):
        return context or ""
    return json.dumps(context, ensure_ascii=False)
