"""The button on the session page that makes a deck of it."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from exports_app.pages.session import SessionView
from exports_app.services.decks import ask_session_deck


class MakeDeck(SessionView):
    """Have a deck built of the session's record as it stands."""

    def post(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        return self.act(sid, "exports", lambda session, by, at: ask_session_deck(session=session, by=by, at=at))
