"""The originals that an export keeps byte for byte: raw uploads, recordings and their transcripts."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import orjson
import zstandard

from biolab.kernel import storage
from biolab.kernel.times import iso, iso_or_none
from exports_app.errors import IntegrityFailed
from exports_app.models import OriginalFolder
from sessions_app.models import LabSession, Transcript
from sessions_app.states import SpeechStatus
from telemetry_app.models import ImportJob, Original

BODIES: Final = "bodies.jsonl"
ENDINGS: Final = {"audio/webm": "webm", "audio/mp4": "m4a", "audio/ogg": "ogg", "audio/wav": "wav"}
IMPORTED: Final = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


@dataclass(frozen=True, kw_only=True)
class OriginalFound:
    """One original with the way to its bytes; ``sha256`` is what they must have, empty where nobody noted it."""

    folder: OriginalFolder
    filename: str
    media_type: str
    pieces: Callable[[], Iterable[bytes]]
    sha256: str = ""


def find_originals(session: LabSession) -> Iterator[OriginalFound]:
    """Yield what came into the session as files: raw data first, then recordings, then what was heard in them."""
    for job in ImportJob.objects.filter(session=session).order_by("created_at", "id"):
        yield OriginalFound(
            folder=OriginalFolder.RAW,
            filename=job.file_name,
            media_type=IMPORTED.get(job.format, "application/octet-stream"),
            pieces=partial(storage.read, job.stored_as),
            sha256=job.sha256,
        )
    if Original.objects.filter(segment__session=session).exists():
        yield OriginalFound(
            folder=OriginalFolder.RAW,
            filename=BODIES,
            media_type="application/jsonl",
            pieces=partial(_bodies, session),
        )
    transcripts = Transcript.objects.filter(session=session).select_related("reviewed_by").order_by("created_at", "id")
    for recording in transcripts.exclude(stored_as="").defer("words"):
        ending = ENDINGS.get(recording.media_type, "bin")
        yield OriginalFound(
            folder=OriginalFolder.AUDIO,
            filename=f"{recording.audio_chunk_id[:80]}.{ending}",
            media_type=recording.media_type or "application/octet-stream",
            pieces=partial(storage.read, recording.stored_as),
            sha256=recording.sha256,
        )
    for transcript in transcripts.filter(status=SpeechStatus.DONE).iterator(chunk_size=100):
        yield OriginalFound(
            folder=OriginalFolder.TRANSCRIPTS,
            filename=f"{transcript.audio_chunk_id[:80]}.json",
            media_type="application/json",
            pieces=partial(_transcript, transcript),
        )


def require_unchanged(found: OriginalFound, sha256: str) -> None:
    """Refuse an original that is not what was received.

    Raises:
        IntegrityFailed: the store has other bytes.
    """
    if found.sha256 and found.sha256 != sha256:
        raise IntegrityFailed(
            f"The stored original {found.filename!r} is not what was received; nothing is exported.",
            code="original_changed",
            expected=found.sha256,
            observed=sha256,
        )


def _bodies(session: LabSession) -> Iterator[bytes]:
    """Yield the bodies that hold more than readings, a line of JSON each, in the order received."""
    bodies = Original.objects.filter(segment__session=session).select_related("segment").order_by("segment")
    unpacker = zstandard.ZstdDecompressor()
    for original in bodies.iterator(chunk_size=20):
        body = unpacker.decompress(bytes(original.body), max_output_size=original.size)
        line = {
            "batch_id": original.segment.batch_id,
            "received_at": iso(original.segment.received_at),
            "source": original.segment.source,
            "media_type": original.media_type,
            "body_sha256": original.segment.body_sha256,
            "body_base64": base64.b64encode(body).decode(),
        }
        yield orjson.dumps(line, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _transcript(transcript: Transcript) -> Iterable[bytes]:
    told: dict[str, Any] = {
        "id": transcript.public_id,
        "recording": transcript.audio_chunk_id,
        "recording_sha256": transcript.sha256,
        "created_at": iso(transcript.created_at),
        "engine": transcript.engine,
        "confidence": transcript.confidence,
        "duration_seconds": transcript.duration_seconds,
        "transcript": transcript.transcript,
        "words": transcript.words,
        "confirmed_by": transcript.reviewed_by.printed_name if transcript.reviewed_by is not None else None,
        "confirmed_at": iso_or_none(transcript.reviewed_at),
    }
    yield orjson.dumps(told, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
