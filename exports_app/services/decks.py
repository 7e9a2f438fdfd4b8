"""Decks: asked for with their slides frozen, built by whoever holds the lease, fetched when they are there."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import IO, Any, Final

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from biolab.accounts.models import User
from biolab.accounts.policies import require, require_scope
from biolab.accounts.roles import Right, Scope
from biolab.kernel import leases, realtime
from biolab.kernel.errors import Conflict, Invalid, Refusal
from biolab.kernel.leases import LEASE, Clock, LeaseLost, kept_lease, pause_after
from exports_app import storage
from exports_app.decks.images import Fetched, Fetcher, fetch_picture
from exports_app.decks.model import USUAL_MODEL, USUAL_URL, ModelEngine, ModelFailed
from exports_app.decks.outline import outline_prompt, outline_session
from exports_app.decks.pptx import write_deck
from exports_app.decks.runware import Painter, Runware
from exports_app.decks.slides import DRAWN, MOST_SLIDES, RUNWARE, Slide, slide_from
from exports_app.models import DeckJob
from exports_app.services.deck_facts import tell_session
from exports_app.states import DECK_MACHINE, FINISH_DECK, GIVE_UP_DECK, RETRY_DECK, TAKE_DECK, DeckStatus
from sessions_app.models import LabSession

log = structlog.get_logger(__name__)

BUILD: Final = "build_deck"
PLACE: Final = "decks"
MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
TRIES: Final = 5
USUAL_COUNT: Final = 8
FELL_BACK: Final = "The model gave no outline; these are the prompt's own words."
PROGRESS, COMPLETED, FAILED = "slide:progress", "slide:completed", "error"


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One worker's turn at a deck."""

    job: DeckJob
    lease: uuid.UUID

    @property
    def row(self) -> QuerySet[DeckJob]:
        """The job's row, as long as the lease is this worker's."""
        return DeckJob.objects.filter(pk=self.job.pk, lease=self.lease)


@transaction.atomic
def ask_deck(*, slides: Sequence[Slide], by: User, at: datetime, session: LabSession | None = None) -> DeckJob:
    """Keep the slides as they are and have them built; returns the job.

    Args:
        session: whose room hears of it.

    Raises:
        Forbidden: the person may not take anything out of this session.
        Invalid: there are no slides.
    """
    if session is not None:
        require_deck_right(by, session)
    if not slides:
        raise Invalid(
            "A deck needs at least one slide.", errors=[{"pointer": "", "detail": "Give at least one slide."}]
        )
    job = DeckJob.objects.create(
        session=session,
        asked_by=by,
        slides=[slide.as_json() for slide in slides],
        slide_count=len(slides),
        created_at=at,
    )
    transaction.on_commit(partial(leases.knock, BUILD, str(job.pk)), robust=True)
    return job


def ask_session_deck(
    *, session: LabSession, by: User, at: datetime, count: int = USUAL_COUNT, audience: str = ""
) -> DeckJob:
    """Outline a session from its record as it stands now, and have the deck built; returns the job.

    Raises:
        Forbidden: the person may not take anything out of this session.
    """
    return ask_deck(
        slides=outline_of(session, by=by, at=at, count=count, audience=audience), by=by, at=at, session=session
    )


def outline_of(session: LabSession, *, by: User, at: datetime, count: int, audience: str = "") -> list[Slide]:
    """Return the slides that the session's record gives.

    Raises:
        Forbidden: the person may not take anything out of this session.
    """
    require_deck_right(by, session)
    return outline_session(tell_session(session, at=at), count=min(count, MOST_SLIDES), audience=audience)


def outline_prompt_by(
    engine: ModelEngine | None, prompt: str, *, count: int, model: str = "", language: str = "", context: str = ""
) -> list[Slide]:
    """Return ``count`` slides by the model where there is one, else of the prompt's own words.

    Where the model gives none that can be used, the first slide says so.
    """
    if engine is None:
        return outline_prompt(prompt, count=count, context=context)
    try:
        return engine.outline(prompt, count=count, model=model, language=language, context=context)
    except ModelFailed as error:
        log.warning("the model gave no outline", error=str(error))
        first, *rest = outline_prompt(prompt, count=count, context=context)
        return [replace(first, bullets=(*first.bullets, FELL_BACK), notes=f"{FELL_BACK} ({error})"), *rest]


def named_engine() -> ModelEngine | None:
    """Return the model that the settings name, if they name one."""
    if not (settings.DECK_MODEL_URL or settings.OPENROUTER_API_KEY):
        return None
    return ModelEngine(
        base_url=settings.DECK_MODEL_URL or USUAL_URL,
        api_key=settings.OPENROUTER_API_KEY,
        model=settings.DECK_MODEL or USUAL_MODEL,
        pictures=RUNWARE if settings.RUNWARE_API_KEY else DRAWN,
    )


def named_painter() -> Painter | None:
    """Return who paints pictures that are asked for in words, if the settings name one."""
    if not settings.RUNWARE_API_KEY:
        return None
    account = Runware(settings.RUNWARE_URL, settings.RUNWARE_API_KEY, settings.RUNWARE_MODEL)

    def paint(asked: Sequence[str]) -> list[Fetched]:
        painted = account.paint(asked)
        for trouble in sorted({one.trouble for one in painted if one.trouble}):
            log.warning("pictures were not painted", why=trouble)
        return painted

    return paint


def require_deck_right(by: User, session: LabSession) -> None:
    """Refuse whoever may not take anything out of the session.

    Raises:
        Forbidden: the role in the team, or the token's scopes, do not allow it.
    """
    require_scope(by, Scope.EXPORTS_WRITE)
    require(by, Right.EXPORT, session.team_id)


def build_deck(*, job_id: uuid.UUID, clock: Clock, fetch: Fetcher = fetch_picture) -> bool:
    """Build the deck if it is due and tell whether this call finished it.

    Called twice, or for something that is not due, it does nothing. What goes wrong is written on the row, and tried
    again later, or given up.
    """
    attempt = _take(job_id, clock())
    if attempt is None:
        return False
    job, name = attempt.job, f"{PLACE}/{attempt.job.public_id}/{attempt.lease.hex}.pptx"
    try:
        with kept_lease(attempt.row, clock), storage.workbench() as folder:
            path = folder / "deck.pptx"
            slides = [slide_from(kept) for kept in job.slides]
            author = job.asked_by.printed_name
            write_deck(
                path,
                slides,
                at=job.created_at,
                author=author,
                fetch=fetch,
                paint=named_painter(),
                progress=partial(_tell, attempt),
            )
            made = storage.measured(path, media_type=MEDIA_TYPE)
            storage.put(path, name)
        _finish(attempt, name, made, at=clock())
    except LeaseLost:
        with contextlib.suppress(Refusal):  # the sweep removes what cannot be removed now
            storage.remove(name)
        return False
    except Exception as error:
        log.exception("a deck failed", job_id=job.public_id, attempt=job.attempts)
        _note_failure(attempt, error, at=clock())
        return False
    return True


def due_decks(*, at: datetime) -> list[uuid.UUID]:
    """Return the decks that somebody should be building now."""
    return list(DeckJob.objects.due(at).order_by("created_at").values_list("pk", flat=True)[:200])


def open_deck(job: DeckJob) -> IO[bytes]:
    """Return the finished file, checked whole.

    Raises:
        Conflict: it is not there yet, or failed. StorageUnreachable, IntegrityFailed.
    """
    if job.status != DeckStatus.COMPLETED:
        raise Conflict(f"This deck is {job.get_status_display().lower()}.", code="deck_not_ready", status=job.status)
    return storage.fetch(job.stored_as, sha256=job.sha256)


def sweep_deck_files(*, at: datetime) -> int:
    """Remove files of attempts that no deck names, a day later; return how many."""
    return storage.sweep_orphans(PLACE, at=at, is_named=lambda name: DeckJob.objects.filter(stored_as=name).exists())


def _take(job_id: uuid.UUID, at: datetime) -> _Attempt | None:
    with transaction.atomic():
        job = DeckJob.objects.due(at).held().filter(pk=job_id).first()
        if job is None:
            return None
        if job.attempts >= TRIES:
            _give_up(job, "The worker stopped in the middle of it, again and again.", at=at)
            return None
        DECK_MACHINE.make(TAKE_DECK, job)
        job.lease, job.lease_until, job.attempts = uuid.uuid4(), at + LEASE, job.attempts + 1
        job.next_retry_at, job.progress = None, 0.0
        job.save(update_fields=["status", "lease", "lease_until", "attempts", "next_retry_at", "progress"])
        return _Attempt(job, job.lease)


def _tell(attempt: _Attempt, done: int) -> None:
    """Note how far it is, on the row and to whoever watches the session."""
    share = round(done / attempt.job.slide_count, 3)
    if not attempt.row.update(progress=share):
        raise LeaseLost
    _share(attempt.job, PROGRESS, progress=share)


def _finish(attempt: _Attempt, name: str, made: storage.Measured, *, at: datetime) -> None:
    with transaction.atomic():
        job = _held(attempt)
        DECK_MACHINE.make(FINISH_DECK, job)
        job.lease = job.lease_until = None
        job.stored_as, job.sha256, job.size = name, made.sha256, made.size
        job.progress, job.error, job.finished_at = 1.0, "", at
        job.save()
        transaction.on_commit(partial(_share, job, COMPLETED, fileUrl=job.result_url))


def _note_failure(attempt: _Attempt, error: Exception, *, at: datetime) -> None:
    told = str(error) if isinstance(error, Refusal) else f"{type(error).__name__} while building."
    with contextlib.suppress(LeaseLost), transaction.atomic():
        job = _held(attempt)
        if job.attempts >= TRIES:
            _give_up(job, told, at=at)
            return
        DECK_MACHINE.make(RETRY_DECK, job)
        job.lease = job.lease_until = None
        job.error, job.next_retry_at = told[:500], at + pause_after(job.attempts)
        job.save()


def _held(attempt: _Attempt) -> DeckJob:
    job = DeckJob.objects.held().get(pk=attempt.job.pk)
    if job.lease != attempt.lease or job.status != DeckStatus.IN_PROGRESS:
        raise LeaseLost
    return job


def _give_up(job: DeckJob, told: str, *, at: datetime) -> None:
    DECK_MACHINE.make(GIVE_UP_DECK, job)
    job.lease = job.lease_until = job.next_retry_at = None
    job.error, job.finished_at = told[:500], at
    job.save()
    transaction.on_commit(partial(_share, job, FAILED, message=job.error))


def _share(job: DeckJob, event: str, **told: Any) -> None:
    if job.session is not None:
        data = {"jobId": job.public_id, **told}
        realtime.ring(job.session.topic, share={"event": event, "data": data, "beside": data})
