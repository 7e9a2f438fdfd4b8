"""What the doors of decks read and answer."""

# ruff: noqa: N815  the wire has its own names

from __future__ import annotations

from typing import Any, Final

from django.core.validators import URLValidator
from rest_framework import serializers

from exports_app.decks.slides import (
    FACTS,
    LLM,
    LONGEST_BULLET,
    LONGEST_NOTES,
    LONGEST_TITLE,
    MOST_BULLETS,
    MOST_SLIDES,
    Picture,
    Slide,
)
from exports_app.models import DeckJob
from exports_app.states import DeckStatus

LONGEST_PROMPT: Final = 10_000
MOST_BUILT: Final = 100
Form = serializers.Serializer[Any]


def _count(**kwargs: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=MOST_SLIDES, required=False, **kwargs)


def _maybe(longest: int, **kwargs: Any) -> serializers.CharField:
    return serializers.CharField(max_length=longest, required=False, allow_blank=True, allow_null=True, **kwargs)


class OutlineForm(Form):
    """What a deck is to be about, and in how many slides; the count goes by three names."""

    prompt = serializers.CharField(max_length=LONGEST_PROMPT)
    slideCount = _count()
    numSlides = _count(help_text="As `slideCount`.")
    slide_count = _count(help_text="As `slideCount`.")
    model = _maybe(100, help_text="The model's name at the configured server.")
    language = _maybe(35)
    context = serializers.JSONField(  # type: ignore[assignment]
        required=False, allow_null=True, help_text="More of the same: text, or an object."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        names = ("slideCount", "numSlides", "slide_count")
        given = [attrs[name] for name in names if name in attrs]
        if not given:
            raise serializers.ValidationError({"slideCount": "Say how many slides."})
        if len(set(given)) > 1:
            raise serializers.ValidationError({"slideCount": "The names of the count contradict each other."})
        return {**attrs, "count": given[0]}


class ImageForm(Form):
    """A picture from the public internet, or without `url` one made of its `altText`; else a placeholder says why."""

    url = serializers.CharField(
        max_length=2048, required=False, allow_blank=True, validators=[URLValidator(schemes=["http", "https"])]
    )
    altText = _maybe(500)
    provider = _maybe(100, help_text="`drawn`: without `url`, have it drawn here.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not (attrs.get("url") or attrs.get("altText")):
            raise serializers.ValidationError({"altText": "Give the picture's url, or say what it shows."})
        return attrs


class SlideForm(Form):
    """One slide; a text ``body`` stands for one bullet."""

    title = serializers.CharField(max_length=LONGEST_TITLE)
    bullets = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_BULLET), required=False, min_length=1, max_length=MOST_BULLETS
    )
    body = serializers.CharField(max_length=LONGEST_BULLET, required=False)
    image = ImageForm(required=False, allow_null=True)
    notes = _maybe(LONGEST_NOTES)
    source = serializers.ChoiceField(choices=[LLM, FACTS], required=False)  # type: ignore[assignment]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("bullets" in attrs) == ("body" in attrs):
            raise serializers.ValidationError({"bullets": "Give bullets, or a body."})
        return attrs


class DeckForm(serializers.ListSerializer[Any]):
    """The slides of a deck, in their order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        usual = {"child": SlideForm(), "allow_empty": False, "max_length": MOST_BUILT}
        super().__init__(*args, **{**usual, **kwargs})


def slide_of(values: dict[str, Any]) -> Slide:
    """Return a validated ``SlideForm`` as the service takes it."""
    image = values.get("image")
    return Slide(
        title=values["title"],
        bullets=tuple(values.get("bullets") or (values["body"],)),
        notes=values.get("notes") or "",
        source=values.get("source", FACTS),
        image=Picture(image.get("url") or "", image.get("altText") or "", image.get("provider") or "")
        if image is not None
        else None,
    )


class SessionDeckForm(Form):
    """How long a session's deck is to be, and for whom."""

    slideCount = _count()
    audience = _maybe(200)


class SessionQuery(Form):
    """The session that a deck belongs to."""

    sessionId = serializers.CharField(max_length=64, required=False)


class JobQuery(Form):
    """Which deck."""

    jobId = serializers.CharField(max_length=64)


class SlideImage(Form):
    """A picture of a slide."""

    url = serializers.CharField(allow_blank=True, help_text="Empty where it is made when the deck is built.")
    altText = serializers.CharField(allow_blank=True)
    provider = serializers.CharField(allow_blank=True)


class OutlinedSlide(Form):
    """One slide of an outline."""

    title = serializers.CharField()
    bullets = serializers.ListField(child=serializers.CharField())
    image = SlideImage(required=False)
    notes = serializers.CharField(required=False)
    source = serializers.ChoiceField(choices=[LLM, FACTS])  # type: ignore[assignment]


class DeckJobAnswer(Form):
    """How far a deck is."""

    jobId = serializers.CharField()
    status = serializers.ChoiceField(choices=DeckStatus.choices)
    progress = serializers.FloatField(help_text="Share of the slides that are done.")
    resultUrl = serializers.CharField(allow_null=True)
    errorMessage = serializers.CharField(allow_null=True)


def job_as_wire(job: DeckJob) -> dict[str, Any]:
    """Return a deck as the wire shows it."""
    return {
        "jobId": job.public_id,
        "status": job.status,
        "progress": job.progress,
        "resultUrl": job.result_url,
        "errorMessage": job.error or None,
    }
