"""Real speech through the real local engine, without a network: what it hears, how alike, how long it takes."""

from __future__ import annotations

import difflib
import io
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from sessions_app.stt.engine import EngineRefused, Heard
from tests.factories.speech import silence
from tests.services import library, program

av = library("av", extra="stt")
library("faster_whisper", extra="stt")
local = library("sessions_app.stt.local", extra="stt")

SAID = (
    "The motor current is rising to two amps. The temperature looks stable. We open the feed valve now. "
    "The dissolved oxygen falls slowly. I write down the value and check the pressure in the vessel. "
    "Foam is visible at the top, so we add antifoam. The pump runs at half speed. "
    "We take a sample after ten minutes. The sample is cloudy. We close the feed valve again."
)
HOTWORDS = ["motor current", "feed valve", "dissolved oxygen", "pressure", "antifoam", "vessel", "sample"]
CONTAINERS = {
    "audio/webm": ("webm", "libopus", 48_000),
    "audio/mp4": ("mp4", "aac", 44_100),
    "audio/ogg": ("ogg", "libopus", 48_000),
    "audio/wav": ("wav", "pcm_s16le", 22_050),
}
FAST_ENOUGH_S = 120


@dataclass(frozen=True)
class Listened:
    """One recording heard twice."""

    first: Heard
    second: Heard
    seconds: float


def encoded(speech: Path, media_type: str) -> io.BytesIO:
    """Return the speech as a browser would record it."""
    name, codec, rate = CONTAINERS[media_type]
    made = io.BytesIO()
    with av.open(str(speech)) as source, av.open(made, "w", format=name) as target:
        stream = target.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
        for frame in (*source.decode(audio=0), None):
            for part in resampler.resample(frame):
                target.mux(stream.encode(part))
        target.mux(stream.encode(None))
    made.seek(0)
    return made


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give about 30 seconds of English, spoken by espeak-ng."""
    path = tmp_path_factory.mktemp("speech") / "said.wav"
    subprocess.run([program("espeak-ng"), "-v", "en-us", "-s", "140", "-w", str(path), SAID], check=True)
    return path


@pytest.fixture(scope="module")
def listened(speech: Path) -> dict[str, Listened]:
    """Give what the engine hears in that speech, in every container, twice."""
    engine = local.LocalEngine(model="", language="en")
    heard = {}
    for media_type in CONTAINERS:
        sound = encoded(speech, media_type)
        started = time.monotonic()
        first = engine.hear(sound, media_type=media_type, hotwords=HOTWORDS)
        seconds = time.monotonic() - started
        sound.seek(0)
        heard[media_type] = Listened(first, engine.hear(sound, media_type=media_type, hotwords=HOTWORDS), seconds)
        print(f"{media_type}: {first.duration_s} s heard in {seconds:.1f} s")
    return heard


def plain(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


@pytest.mark.slow
@pytest.mark.parametrize("media_type", CONTAINERS)
def test_half_a_minute_of_speech_becomes_the_same_text_each_time(
    listened: dict[str, Listened], media_type: str
) -> None:
    heard = listened[media_type]

    assert heard.first == heard.second
    assert heard.first.duration_s == pytest.approx(30, abs=4)
    alike = difflib.SequenceMatcher(None, plain(SAID), plain(heard.first.text)).ratio()
    assert alike > 0.85, heard.first.text
    assert heard.seconds < FAST_ENOUGH_S


@pytest.mark.slow
def test_every_word_has_its_time_and_its_confidence(listened: dict[str, Listened]) -> None:
    heard = listened["audio/webm"].first

    assert " ".join(word.word for word in heard.words) == heard.text
    starts = [word.start for word in heard.words]
    assert starts == sorted(starts)
    assert heard.duration_s is not None
    assert all(0 <= word.start <= word.end <= heard.duration_s + 0.5 for word in heard.words)
    assert all(word.confidence is not None and 0 <= word.confidence <= 1 for word in heard.words)
    assert heard.confidence is not None
    assert 0.5 < heard.confidence <= 1


@pytest.mark.slow
def test_the_containers_tell_the_same_story(listened: dict[str, Listened]) -> None:
    texts = [plain(heard.first.text) for heard in listened.values()]

    for text in texts[1:]:
        assert difflib.SequenceMatcher(None, texts[0], text).ratio() > 0.9


@pytest.mark.slow
def test_silence_says_nothing() -> None:
    engine = local.LocalEngine(model="", language="en")

    heard = engine.hear(io.BytesIO(silence(3)), media_type="audio/wav", hotwords=HOTWORDS)

    assert (heard.text, heard.words, heard.confidence) == ("", (), None)


@pytest.mark.parametrize(
    ("sound", "media_type"),
    [
        (b"\x1aE\xdf\xa3\x9fB\x82\x84webm" + b"\xff" * 500, "audio/webm"),
        (b"\x00\x00\x00\x1cftypisom" + b"\x00" * 500, "audio/mp4"),
        (b"OggS" + b"\x01" * 500, "audio/ogg"),
        (silence()[:30], "audio/wav"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", "audio/wav"),
        (silence(0), "audio/wav"),
    ],
    ids=["webm", "mp4", "ogg", "cut off", "a playlist", "nothing"],
)
def test_what_cannot_be_decoded_is_refused(sound: bytes, media_type: str) -> None:
    with pytest.raises(EngineRefused):
        local.decode(io.BytesIO(sound), media_type=media_type)


def test_a_recording_that_unpacks_to_hours_is_refused_before_it_fills_the_memory() -> None:
    sound = io.BytesIO(silence(2))
    samples = local.decode(sound, media_type="audio/wav")
    assert (samples.shape, str(samples.dtype), float(abs(samples).max())) == ((32_000,), "float32", 0.0)

    sound.seek(0)
    with pytest.raises(EngineRefused, match="longer than"):
        local.decode(sound, media_type="audio/wav", longest_s=1)
