"""What every API door is built from.

A door parses, finds, asks one service and renders. It never decides::

    from biolab.kernel.api import Door, etag_of
    from biolab.kernel.ids import find

    class NoteDoor(Door):
        scope_area = "sessions"                       # scoped tokens need sessions:read or sessions:write

        def get(self, request, sid, nid):             # 404 for what this person cannot see
            note = find(notes_visible_to(self.person, sid), nid)
            return self.answer(note_shape(note), etag=etag_of(note.pk, note.version))

        def put(self, request, sid, nid):
            note = find(notes_visible_to(self.person, sid), nid)
            self.must_match(etag_of(note.pk, note.version))            # If-Match: 412
            note = correct_note(note=note, by=self.person, at=self.now, **self.validated(NoteForm))
            return self.answer(note_shape(note), etag=etag_of(note.pk, note.version))

    class NotesDoor(Door):
        scope_area = "sessions"

        def get(self, request, sid):
            asked = self.asked(NoteFilters)           # the query through a serializer: 422 with pointers
            page = self.page(notes, order=("timestamp", "id"), default=100, most=1000)
            return self.bare(page, note_shape)        # or self.items(page, note_shape, name="events")
                                                      # or self.numbered(queryset, shape) on /api/v1

        def post(self, request, sid):                 # Idempotency-Key is honoured by itself
            note = write_note(session=..., by=self.person, at=self.now, **self.validated(NoteForm))
            return self.answer(note_shape(note), status=201)

Refusals, serializer errors, ``Http404``, ``ProtectedError`` and a database that is down become RFC 9457 problems in
``problem_handler``; a door catches nothing. Who may pass at all is the default permission (signed in, no platform
viewer on writes, the token's scopes); an open door says ``permission_classes = [AllowAny]`` and
``authentication_classes = []``. Files: ``parser_classes = [MultiPartParser]``. ``own_affairs``, ``secret_answer`` and
``one_transaction`` are explained on ``Door``; doors that check passwords or write denials set
``one_transaction = False``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from biolab.kernel.api.parsers import StrictJSONParser, decode
from biolab.kernel.api.problems import PROBLEM_JSON, plain_problem, problem, problem_handler
from biolab.kernel.api.renderers import JSONRenderer, dump

if TYPE_CHECKING:
    from biolab.kernel.api.doors import Door, etag_of
    from biolab.kernel.api.paging import Page, bad_query, whole_number

__all__ = [
    "PROBLEM_JSON",
    "Door",
    "JSONRenderer",
    "Page",
    "StrictJSONParser",
    "bad_query",
    "decode",
    "dump",
    "etag_of",
    "plain_problem",
    "problem",
    "problem_handler",
    "whole_number",
]

_LATER = {"Door": "doors", "etag_of": "doors", "Page": "paging", "bad_query": "paging", "whole_number": "paging"}


def __getattr__(name: str) -> Any:
    """Import on first use what needs Django REST framework's views, whose settings name this package."""
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    raise AttributeError(name)
