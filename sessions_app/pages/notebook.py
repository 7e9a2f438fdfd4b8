"""Pages of the notebook: the list, an entry to read and sign, and writing one."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from biolab.accounts.auth.periods import period_of
from biolab.accounts.pages import SignedInPage, status_of
from biolab.accounts.policies import teams_where
from biolab.accounts.roles import Right
from biolab.kernel.errors import Missing, Refusal, Stale
from biolab.kernel.ids import find
from sessions_app.models import LabSession, NotebookEntry
from sessions_app.policies import rights_in
from sessions_app.rendering import rendered
from sessions_app.services.entry_signing import objection_to, sign_entry
from sessions_app.services.notebook import change_entry, withdraw_entry, write_entry
from sessions_app.signed_entries import holds
from sessions_app.states import ENTRY_MACHINE, SIGN_ENTRY, WITNESS_ENTRY, EntryStatus

PER_PAGE: Final = 25
VERSIONS_SHOWN: Final = 50
SIGNS: Final = {move.name: move for move in (SIGN_ENTRY, WITNESS_ENTRY)}
DONE: Final = {
    "sign": "You have signed this entry. It reads like this from now on.",
    "witness": "You have witnessed this entry.",
    "withdraw": "The entry is withdrawn; its versions are kept.",
}


class _NotebookPage(SignedInPage):
    """A page of the notebook."""

    section = "notebook"

    def entry(self, entry_id: str) -> NotebookEntry:
        """Return the entry, withdrawn or not, if the person sees it."""
        return find(NotebookEntry.objects.visible_to(self.person).with_signatures(), entry_id)

    def may_write(self, entry: NotebookEntry) -> bool:
        """Tell whether the person may change anything of the entry."""
        return entry.withdrawn_at is None and Right.RUN in rights_in(self.person, entry.team_id)


class NotebookPage(_NotebookPage):
    """The entries a person sees, newest first."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        status, text = request.GET.get("status", ""), request.GET.get("q", "").replace("\x00", "").strip()[:255]
        entries = NotebookEntry.objects.visible_to(self.person).standing().told().defer("content")
        if status in EntryStatus.values:
            entries = entries.filter(status=status)
        if text:
            entries = entries.matching(text)
        return self.page(
            "notebook/list.html",
            page=Paginator(entries.order_by("-created_at", "-id"), PER_PAGE).get_page(request.GET.get("page")),
            statuses=EntryStatus.choices,
            chosen=status,
            q=text,
            query=urlencode({"q": text, "status": status}),
            may_write=teams_where(self.person, Right.RUN).exists(),
        )


class EntryPage(_NotebookPage):
    """One entry: its text, its signatures and every version; to sign, to witness and to withdraw."""

    def get(self, request: HttpRequest, entry_id: str) -> HttpResponseBase:
        return self._shown(self.entry(entry_id))

    def post(self, request: HttpRequest, entry_id: str) -> HttpResponseBase:
        entry, posted = self.entry(entry_id), request.POST
        wanted = posted.get("act", "")
        if wanted not in DONE:
            raise Missing("There is no such act.")
        try:
            self._do(wanted, entry, posted)
        except Missing:
            raise
        except Refusal as refusal:
            return self._shown(self.entry(entry_id), refusal=refusal, refused=wanted, posted=posted)
        messages.success(request, DONE[wanted])
        return redirect("page-notebook") if wanted == "withdraw" else redirect("page-entry", entry.public_id)

    def _do(self, wanted: str, entry: NotebookEntry, posted: QueryDict) -> None:
        if wanted == "withdraw":
            reason, version = posted.get("reason", ""), version_read(posted)
            withdraw_entry(entry=entry, by=self.person, at=self.now, reason=reason, version=version)
            return
        sign_entry(
            move=SIGNS[wanted],
            entry=entry,
            signature=posted.get("signature", ""),
            password=posted.get("password", ""),
            totp=posted.get("totp", ""),
            period=period_of(self.request),
            digest=posted.get("digest", ""),
            by=self.person,
            at=self.now,
        )

    def _shown(self, entry: NotebookEntry, **refused: Any) -> HttpResponseBase:
        refusal = refused.get("refusal")
        versions = list(entry.versions.order_by("-version")[: VERSIONS_SHOWN + 1])
        may_write = self.may_write(entry)
        move = next(iter(ENTRY_MACHINE.open_moves(entry)), None) if may_write else None
        objection = objection_to(move, entry, self.person) if move is not None else None
        return self.page(
            "notebook/entry.html",
            status=200 if refusal is None else status_of(refusal),
            entry=entry,
            text=rendered(entry.content),
            signatures=[(one, holds(one, entry=entry)) for one in entry.signatures.all()],
            versions=versions[:VERSIONS_SHOWN],
            more_versions=len(versions) > VERSIONS_SHOWN,
            may_write=may_write,
            may_edit=may_write and entry.status == EntryStatus.DRAFT,
            move=move.name if move is not None and objection is None else "",
            why_not=objection.sentence if objection is not None and objection.code == "password_not_own" else "",
            **refused,
        )


class EditEntryPage(_NotebookPage):
    """An entry to change; of two who do it at once the second loses nothing."""

    def get(self, request: HttpRequest, entry_id: str) -> HttpResponseBase:
        entry = self.entry(entry_id)
        return self._form(entry, {"title": entry.title, "content": entry.content})

    def post(self, request: HttpRequest, entry_id: str) -> HttpResponseBase:
        entry, posted = self.entry(entry_id), request.POST
        typed = {"title": posted.get("title", ""), "content": lines(posted), "reason": posted.get("reason", "")}
        try:
            change_entry(entry=entry, by=self.person, at=self.now, version=version_read(posted), **typed)
        except Missing:
            raise
        except Refusal as refusal:
            return self._form(self.entry(entry_id), typed, refusal)
        messages.success(request, "The entry is kept, and what it said before.")
        return redirect("page-entry", entry.public_id)

    def _form(self, entry: NotebookEntry, typed: dict[str, str], refusal: Refusal | None = None) -> HttpResponseBase:
        if refusal is None and (not self.may_write(entry) or entry.status != EntryStatus.DRAFT):
            return redirect("page-entry", entry.public_id)
        return self.page(
            "notebook/edit.html",
            status=200 if refusal is None else status_of(refusal),
            entry=entry,
            typed=typed,
            refusal=refusal,
            conflict=isinstance(refusal, Stale),
            newest=entry.versions.order_by("-version").first(),
        )


class NewEntryPage(_NotebookPage):
    """An entry to begin, of a session or of none."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return self._form(self._session(request.GET.get("session", "")), {})

    def post(self, request: HttpRequest) -> HttpResponseBase:
        posted = request.POST
        session = self._session(posted.get("session", ""))
        typed = {"title": posted.get("title", ""), "content": lines(posted), "reason": posted.get("reason", "")}
        try:
            team = session.team if session is not None else find(self._teams(), posted.get("team", ""))
            entry = write_entry(team=team, session=session, by=self.person, at=self.now, **typed)
        except Refusal as refusal:
            return self._form(session, {**typed, "team": posted.get("team", "")}, refusal)
        return redirect("page-entry", entry.public_id)

    def _form(
        self, session: LabSession | None, typed: dict[str, str], refusal: Refusal | None = None
    ) -> HttpResponseBase:
        return self.page(
            "notebook/new.html",
            status=200 if refusal is None else status_of(refusal),
            session=session,
            teams=self._teams(),
            typed=typed,
            refusal=refusal,
        )

    def _session(self, sid: str) -> LabSession | None:
        return find(LabSession.objects.visible_to(self.person).select_related("team"), sid) if sid else None

    def _teams(self) -> Any:
        return teams_where(self.person, Right.RUN)


def version_read(posted: QueryDict) -> int:
    """Return the version that the page was made of; 0, which is none, where it does not say."""
    text = posted.get("version", "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def lines(posted: QueryDict) -> str:
    """Return the text that was typed; browsers send CR LF between lines."""
    return posted.get("content", "").replace("\r\n", "\n")
