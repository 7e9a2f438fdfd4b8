"""Search in what people wrote: every word asked for begins a word of the text, in any order and any case.

PostgreSQL answers from a full-text index over whole words, SQLite by comparing note by note; both find the same. There
is no stemming and no list of words too common to be found: notes are written in many languages, and "in" is an element.
"""

from __future__ import annotations

import re
from typing import Final

from django.contrib.postgres.search import SearchQuery, SearchVector, SearchVectorExact
from django.db import connection
from django.db.models import F, Func, Q, TextField

MOST_WORDS: Final = 20
_WORD: Final = re.compile(r"[^\W_]+")
_WORD_BEGINS: Final = r"(?<![^\W_])"


class _Words(Func):
    """Some columns as one text whose words stand apart: cut at every sign, as ``words`` cuts a query."""

    template = "regexp_replace(%(expressions)s, '[!-/:-@\\[-`{-~]+', ' ', 'g')"
    arg_joiner = " || ' ' || "
    output_field = TextField()


def words(text: str) -> list[str]:
    """Return the words of a query, the first twenty."""
    return _WORD.findall(text.lower())[:MOST_WORDS]


def notes_holding(text: str) -> Q:
    """Return the condition on notes that their content and speaker hold every word of ``text``; none holds no word."""
    wanted = words(text)
    if not wanted:
        return Q(pk__in=[])
    if connection.vendor == "postgresql":
        vector = SearchVector(_Words(F("content"), F("speaker")), config="simple")
        query = SearchQuery(" & ".join(f"{word}:*" for word in wanted), search_type="raw", config="simple")
        return Q(SearchVectorExact(vector, query))
    condition = Q()
    for word in wanted:
        condition &= _begins_a_word("content", word) | _begins_a_word("speaker", word)
    return condition


def _begins_a_word(field: str, word: str) -> Q:
    exactly = Q(**{f"{field}__iregex": _WORD_BEGINS + word})
    return Q(**{f"{field}__icontains": word}) & exactly if word.isascii() else exactly  # LIKE is much the quicker
