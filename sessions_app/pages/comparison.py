"""Two sessions of one protocol side by side, as a page without a script."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from biolab.accounts.pages import SignedInPage, status_of
from biolab.kernel.errors import Refusal
from biolab.kernel.ids import find
from sessions_app.comparison import ChannelPair, compare_sessions, duration_s
from sessions_app.models import LabSession
from sessions_app.ports import ChannelEnvelope

OFFERED: Final = 100
WIDTH, HEIGHT = 600, 140  # of a chart, in its own units


class ComparePage(SignedInPage):
    """Choose another session of the same protocol, and see both."""

    section = "sessions"

    def get(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        sessions = LabSession.objects.visible_to(self.person).with_protocol()
        first = find(sessions, sid)
        chosen = request.GET.get("with", "")
        second = find(sessions, chosen) if chosen else None
        others: Any = ()
        if first.protocol_version is not None:
            same = sessions.filter(protocol_version__protocol=first.protocol_version.protocol_id).exclude(pk=first.pk)
            others = same.order_by("-created_at", "-id")[:OFFERED]
        context: dict[str, Any] = {"session": first, "others": others, "second": second}
        try:
            comparison = compare_sessions(first, second) if second is not None else None
        except Refusal as refusal:
            return self.page("sessions/compare.html", status=status_of(refusal), refusal=refusal, **context)
        if comparison is not None:
            context |= {
                "steps": comparison.steps,
                "durations": [duration_s(first), duration_s(second)],
                "channels": [drawn(pair) for pair in comparison.channels],
            }
        return self.page("sessions/compare.html", **context)


def drawn(pair: ChannelPair) -> dict[str, Any]:
    """Return a channel of both sessions with the shapes that its chart shows, on one scale."""
    present = [each for each in (pair.first, pair.second) if each is not None]
    low, high = min(each.minimum for each in present), max(each.maximum for each in present)
    earliest_s = min([0.0, *(each.elapsed_s[0] for each in present)])  # instruments may run before the session does
    latest_s = max(each.elapsed_s[-1] for each in present)
    shapes = [
        _shape(each, low, high, earliest_s, latest_s) if each is not None else "" for each in (pair.first, pair.second)
    ]
    return {"pair": pair, "shapes": shapes, "low": low, "high": high, "latest_s": latest_s}


def _shape(envelope: ChannelEnvelope, low: float, high: float, earliest_s: float, latest_s: float) -> str:
    """Return the points of the band between least and greatest value: there along the top, back along the bottom."""
    lasts_s = latest_s - earliest_s
    span = high / 2 - low / 2  # halves, so that the largest numbers stay within a float

    def point(elapsed_s: float, value: float) -> str:
        x = WIDTH * (elapsed_s - earliest_s) / lasts_s if lasts_s > 0 else 0.0
        y = HEIGHT * (1 - (value / 2 - low / 2) / span) if span > 0 else HEIGHT / 2
        return f"{x:.1f},{y:.1f}"

    top = [point(*each) for each in zip(envelope.elapsed_s, envelope.high, strict=True)]
    bottom = [point(*each) for each in zip(envelope.elapsed_s, envelope.low, strict=True)]
    return " ".join([*top, *reversed(bottom)])
