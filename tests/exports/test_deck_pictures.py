"""Pictures that slides ask for in words: painted by Runware, drawn, or a placeholder that says why there is none."""

from __future__ import annotations

import base64
import io
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image
from pptx import Presentation

from exports_app.decks.images import Fetched
from exports_app.decks.pptx import write_deck
from exports_app.decks.runware import Painter, Runware
from exports_app.decks.slides import DRAWN, Picture, Slide
from exports_app.models import DeckJob
from exports_app.services.decks import build_deck, named_engine, open_deck
from tests.exports.doors import client_of
from tests.factories.sessions import NINE, make_member

pytestmark = pytest.mark.sqlite_only

KEY = "rw-secret-key"
Answer = Callable[[dict[str, Any]], tuple[int, bytes]]


class Server(ThreadingHTTPServer):
    """Answers tasks as the test says, and keeps them."""

    answer: Answer
    asked: list[tuple[str, Any]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        tasks = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.headers["Authorization"], tasks))
        status, body = self.server.answer(tasks[0])
        with suppress(OSError):  # whoever asked may have gone
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def studio(answer: Answer) -> Iterator[tuple[str, Server]]:
    server = Server(("127.0.0.1", 0), Handler)
    server.answer, server.asked, server.daemon_threads = answer, [], True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", server
    finally:
        server.shutdown()
        server.server_close()


def painted(task: dict[str, Any], *, size: tuple[int, int] = (64, 44), **other: Any) -> tuple[int, bytes]:
    out = io.BytesIO()
    Image.new("RGB", size, "green").save(out, "JPEG")
    one = {
        "taskType": "imageInference",
        "taskUUID": task["taskUUID"],
        "imageUUID": str(uuid.uuid4()),
        "imageBase64Data": base64.b64encode(out.getvalue()).decode(),
    }
    return 200, json.dumps({"data": [{**one, **other}]}).encode()


def refused(message: Any, status: int = 400) -> tuple[int, bytes]:
    return status, json.dumps({"errors": [{"code": "x", "message": message}]}).encode()


def asking(url: str, *, budget_s: float = 5.0) -> Runware:
    return Runware(url, KEY, "runware:101@1", budget_s=budget_s, wait_s=0.01)


def test_a_picture_is_asked_for_as_a_task_with_words_and_the_key_in_the_header_alone() -> None:
    with studio(painted) as (url, server):
        (found,) = asking(url).paint(["A bioreactor\u202e\x00 " + "foam " * 300])

    assert (found.width, found.height, (found.data or b"")[:4]) == (64, 44, b"\x89PNG")
    ((authorization, (task,)),) = server.asked
    assert authorization == f"Bearer {KEY}"
    assert uuid.UUID(task.pop("taskUUID")).version == 4
    prompt = task.pop("positivePrompt")
    assert prompt.startswith("A bioreactor foam foam")
    assert len(prompt) < 600
    assert task == {
        "taskType": "imageInference", "width": 1024, "height": 704, "model": "runware:101@1", "numberResults": 1,
        "outputType": "base64Data", "outputFormat": "JPG",
    }  # fmt: skip
    assert KEY not in repr(asking(url))


def test_a_busy_server_is_asked_again_under_another_id() -> None:
    turns = iter([(429, b""), (503, b"")])
    with studio(lambda task: next(turns, None) or painted(task)) as (url, server):
        (found,) = asking(url).paint(["Yeast"])

    assert found.data
    assert len({tasks[0]["taskUUID"] for _, tasks in server.asked}) == 3


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda task: refused(f"Invalid API key {KEY}.", 401), "Runware refused it: Invalid API key …."),
        (lambda task: (200, json.dumps({"error": "No\x1b credit"}).encode()), "Runware refused it: No credit"),
        (lambda task: (429, b""), "Runware answered 429."),
        (lambda task: (500, b"<html>"), "Runware answered 500."),
        (lambda task: (302, b""), "Runware answered 302."),
        (lambda task: (200, b"{"), "Runware's answer holds no picture."),
        (lambda task: (200, b"[]"), "Runware's answer holds no picture."),
        (lambda task: (200, b'{"data": []}'), "Runware's answer holds no picture."),
        (lambda task: painted(task, taskUUID="other"), "Runware's answer holds no picture."),
        (lambda task: painted(task, imageBase64Data="!"), "Runware's answer holds no picture."),
        (lambda task: painted(task, imageBase64Data="PHN2Zz4="), "It is no picture that can be read."),
        (lambda task: (200, b" " * (12 * 1024 * 1024 + 1)), "Runware's answer was too large."),
    ],
)
def test_a_picture_that_fails_says_why_and_never_the_key(answer: Answer, why: str) -> None:
    with studio(answer) as (url, _):
        (found,) = asking(url).paint(["Yeast"])

    assert found.data is None
    assert found.trouble == why


def test_all_pictures_of_a_deck_share_one_budget() -> None:
    def slow(task: dict[str, Any]) -> tuple[int, bytes]:
        time.sleep(0 if "quick" in task["positivePrompt"] else 2)
        return painted(task)

    began = time.monotonic()
    with studio(slow) as (url, _):
        found = asking(url, budget_s=1).paint(["quick", *["slow"] * 9])

    assert time.monotonic() - began < 3
    assert found[0].data
    assert {one.trouble for one in found[1:]} == {"Runware took too long."}
    (gone,) = asking("http://127.0.0.1:9").paint(["Yeast"])
    assert gone.trouble == "Runware could not be reached (ConnectError)."
    assert "neither http" in asking("file:///etc/passwd").paint(["Yeast"])[0].trouble


def nothing_fetched(url: str) -> Fetched:
    raise AssertionError(url)


def written(path: Path, slides: list[Slide], paint: Painter | None = None) -> Any:
    write_deck(path, slides, at=NINE, author="Anna", fetch=nothing_fetched, paint=paint)
    return Presentation(str(path))


def beside(page: Any) -> Any:
    (shape,) = (one for one in page.shapes if one.name in ("Picture", "Drawing", "Missing picture"))
    return shape


def alt(shape: Any) -> str:
    return str(shape._element.xpath(".//p:cNvPr")[0].get("descr"))


def test_without_a_painter_a_picture_is_drawn_of_the_slides_words_and_always_the_same(tmp_path: Path) -> None:
    lines = ("Feed starts at six hours, and not before", "Foam\x0b rises", "We stop", "a", "b", "c", "d")
    slides = [Slide("Fed-batch", lines[:count], image=Picture("", "How a fed-batch runs")) for count in (1, 2, 7)]

    decks = [written(tmp_path / f"{number}.pptx", slides) for number in (1, 2)]

    drawings = [[beside(page) for page in deck.slides] for deck in decks]
    first, second = ([shape._element.xml for shape in one] for one in drawings)
    assert first == second
    for shape, count in zip(drawings[0], (1, 2, 6), strict=True):
        assert alt(shape) == "How a fed-batch runs"
        said = [part.text_frame.text for part in shape.shapes if part.has_text_frame and part.text_frame.text]
        assert len(said) == count + 1
        assert said[-1] == "Fed-batch"
        assert said[0] == "Feed starts at six hours, and…"
        assert shape.left >= 0
        assert shape.left + shape.width <= decks[0].slide_width
        assert shape.top + shape.height <= decks[0].slide_height


def test_painted_pictures_keep_their_proportions_and_failed_ones_leave_a_word(tmp_path: Path) -> None:
    asked: list[str] = []
    out = io.BytesIO()
    Image.new("RGB", (300, 100)).save(out, "PNG")

    def paint(texts: Any) -> list[Fetched]:
        asked.extend(texts)
        return [Fetched(out.getvalue(), 300, 100), Fetched(None, trouble="Runware answered 500.")]

    slides = [
        Slide("One", ("a",), image=Picture("", "Yeast", "runware")),
        Slide("Two", ("b",), image=Picture("", "Plan", DRAWN)),
        Slide("Three", ("c",), image=Picture("", "Foam")),
        Slide("Four", ("d",)),
    ]
    pages = list(written(tmp_path / "d.pptx", slides, paint).slides)

    assert asked == ["Yeast", "Foam"]
    good, drawn, missing = map(beside, pages[:3])
    assert abs(good.width / good.height - 3) < 0.01
    assert [alt(shape) for shape in (good, drawn, missing)] == ["Yeast", "Plan", "Missing picture: Foam"]
    assert missing.text_frame.text == "Picture: Foam\nRunware answered 500."


@pytest.mark.django_db
def test_what_a_model_asks_for_is_outlined_posted_back_and_painted_once(settings: Any, caplog: Any) -> None:
    page = {"title": "Yeast", "bullets": ["It grows"], "notes": "", "picture": "A flask of yeast"}
    content = json.dumps({"slides": [page, {**page, "picture": "A busy sky"}, {**page, "picture": " \x00"}]})
    outline = json.dumps({"choices": [{"message": {"content": content}}]}).encode()
    caplog.set_level(logging.DEBUG)

    class Both(Handler):
        def do_POST(self) -> None:
            if not self.path.endswith("/chat/completions"):
                super().do_POST()
                return
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(outline)))
            self.end_headers()
            self.wfile.write(outline)

    with studio(lambda task: refused(KEY) if "sky" in task["positivePrompt"] else painted(task)) as (url, server):
        server.RequestHandlerClass = Both
        settings.DECK_MODEL_URL, settings.RUNWARE_URL, settings.RUNWARE_API_KEY = url, url, KEY
        client = client_of(make_member(None))
        slides = client.post("/api/v1/chat/generate", {"prompt": "Yeast", "slideCount": 3}, format="json").json()
        said = client.post("/api/v1/slides/build", slides, format="json").json()
        job = DeckJob.objects.get()
        assert job.public_id == said["jobId"]
        assert build_deck(job_id=job.pk, clock=timezone.now, fetch=nothing_fetched)

    assert [slide.get("image") for slide in slides] == [
        {"url": "", "altText": "A flask of yeast", "provider": "runware"},
        {"url": "", "altText": "A busy sky", "provider": "runware"},
        None,
    ]
    assert len(server.asked) == 2
    job.refresh_from_db()
    with open_deck(job) as file:
        deck = Presentation(file)
    assert [[shape.name for shape in page.shapes if "icture" in shape.name] for page in deck.slides] == [
        ["Picture"], ["Missing picture"], [],
    ]  # fmt: skip
    assert "Runware refused it: …" in beside(deck.slides[1]).text_frame.text
    assert "pictures were not painted" in caplog.text
    assert KEY not in caplog.text
    assert KEY not in repr(named_engine())


@pytest.mark.django_db
@pytest.mark.parametrize("image", [{}, {"url": ""}, {"altText": " "}, {"url": "", "provider": "drawn"}])
def test_a_picture_that_nobody_describes_is_refused(image: Any) -> None:
    slides = [{"title": "x", "bullets": ["a"], "image": image}]

    answer = client_of(make_member(None)).post("/api/v1/slides/build", slides, format="json")

    assert answer.status_code == 422
    assert not DeckJob.objects.exists()
