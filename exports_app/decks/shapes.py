"""What stands beside a slide's text: a picture, a placeholder that says why not, or a drawing of its words."""

from __future__ import annotations

import io
import math
import re
from typing import Any, Final

from exports_app.decks.images import Fetched
from exports_app.decks.slides import Slide, clipped

INK, ACCENT, SOFT = "1B2A27", "0B6E5C", "5B6B67"
PALE, LINE = "EEF2F1", "B9C4C1"
MOST_DRAWN: Final = 6
LONGEST_WORDS: Final = 32
_UNWRITABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

Frame = tuple[Any, Any, Any, Any]
"""Left, top, width and height."""


def add_picture(page: Any, picture: Fetched, alt: str, frame: Frame) -> None:
    """Add a picture as large as it goes into the frame, its proportions kept; or a placeholder."""
    left, top, width, height = frame
    if picture.data is None:
        _add_placeholder(page, picture.trouble, alt, frame)
        return
    scale = min(width / picture.width, height / picture.height)
    size = (int(picture.width * scale), int(picture.height * scale))
    at = (left + (width - size[0]) // 2, top + (height - size[1]) // 2)
    shape = page.shapes.add_picture(io.BytesIO(picture.data), *at, *size)
    shape.name = "Picture"
    describe(shape, alt)


def add_drawing(page: Any, slide: Slide, alt: str, frame: Frame) -> None:
    """Add the slide's title in the middle and what its lines begin with around it; the same slide, the same drawing."""
    from pptx.enum.shapes import MSO_CONNECTOR, MSO_SHAPE
    from pptx.util import Pt

    left, top, width, height = frame
    group = page.shapes.add_group_shape()
    middle = (left + width // 2, top + height // 2)
    size = (width * 30 // 100, height * 17 // 100)
    lines = slide.bullets[:MOST_DRAWN]
    around = []
    for place in range(len(lines)):
        angle = 2 * math.pi * place / len(lines) - math.pi / 2
        reach = ((width - size[0]) / 2, (height - size[1]) / 2)
        around.append((middle[0] + int(math.cos(angle) * reach[0]), middle[1] + int(math.sin(angle) * reach[1])))
    for at in around:
        line = group.shapes.add_connector(MSO_CONNECTOR.STRAIGHT, *middle, *at)
        line.line.color.rgb, line.line.width = colour(LINE), Pt(1.5)
    for text, at in zip(lines, around, strict=True):
        _add_words(group, MSO_SHAPE.ROUNDED_RECTANGLE, clipped(text, LONGEST_WORDS), at, size, fill=PALE, ink=INK)
    hub = (width * 34 // 100, height * 30 // 100)
    _add_words(group, MSO_SHAPE.OVAL, clipped(slide.title, LONGEST_WORDS), middle, hub, fill=ACCENT, ink="FFFFFF")
    group.name = "Drawing"
    describe(group, alt)


def _add_words(
    group: Any, kind: Any, text: str, middle: tuple[int, int], size: tuple[int, int], *, fill: str, ink: str
) -> None:
    from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
    from pptx.util import Pt

    shape = group.shapes.add_shape(kind, middle[0] - size[0] // 2, middle[1] - size[1] // 2, *size)
    shape.shadow.inherit = False
    shape.fill.solid()
    shape.fill.fore_color.rgb, shape.line.color.rgb = colour(fill), colour(ACCENT)
    frame = shape.text_frame
    frame.word_wrap, frame.vertical_anchor = True, MSO_ANCHOR.MIDDLE
    frame.margin_left = frame.margin_right = Pt(4)
    frame.paragraphs[0].alignment = PP_ALIGN.CENTER
    run = frame.paragraphs[0].add_run()
    run.text = writable(text)
    run.font.size, run.font.color.rgb = Pt(14), colour(ink)


def _add_placeholder(page: Any, trouble: str, alt: str, frame: Frame) -> None:
    from pptx.enum.shapes import MSO_SHAPE
    from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
    from pptx.util import Pt

    shape = page.shapes.add_shape(MSO_SHAPE.RECTANGLE, *frame)
    shape.name, shape.shadow.inherit = "Missing picture", False
    describe(shape, f"Missing picture: {alt}")
    shape.fill.solid()
    shape.fill.fore_color.rgb = colour(PALE)
    shape.line.color.rgb = colour(LINE)
    shape.text_frame.word_wrap, shape.text_frame.vertical_anchor = True, MSO_ANCHOR.MIDDLE
    for place, text in enumerate((f"Picture: {alt}", trouble)):
        paragraph = shape.text_frame.paragraphs[0] if place == 0 else shape.text_frame.add_paragraph()
        paragraph.alignment = PP_ALIGN.CENTER
        run = paragraph.add_run()
        run.text = writable(clipped(text, 200))
        run.font.size, run.font.color.rgb = Pt(16 if place == 0 else 12), colour(SOFT)


def colour(code: str) -> Any:
    """Return a colour by its six hexadecimal digits."""
    from pptx.dml.color import RGBColor

    return RGBColor(*bytes.fromhex(code))  # type: ignore[no-untyped-call]


def describe(shape: Any, alt: str) -> None:
    """Give a shape its alternative text."""
    properties = shape._element.xpath(".//p:cNvPr")[0]
    properties.set("descr", writable(alt))


def writable(text: str) -> str:
    """Return a text without what XML cannot hold."""
    return _UNWRITABLE.sub("\ufffd", text)
