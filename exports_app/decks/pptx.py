"""Decks as PowerPoint files: 16:9, real title placeholders, native charts, alt text, speaker notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from exports_app.decks.images import Fetched, Fetcher
from exports_app.decks.runware import Painter
from exports_app.decks.shapes import ACCENT, INK, LINE, SOFT, add_drawing, add_picture, colour, describe, writable
from exports_app.decks.slides import DRAWN, Slide

WIDTH_IN, HEIGHT_IN = 13.333, 7.5
MARGIN_IN: Final = 0.7
TITLE_SLIDE, CONTENT = 0, 1
_PLACES: Final = {"title": ((0.5, 1.1), (1.5, 1.9)), "text": ((1.8, HEIGHT_IN - 2.4), (3.6, 3.2))}
"""Top and height in inches of what a layout holds: on a page of content, and on the opening one."""

Progress = Callable[[int], None]


def write_deck(
    path: Path,
    slides: Sequence[Slide],
    *,
    at: datetime,
    author: str,
    fetch: Fetcher,
    paint: Painter | None = None,
    progress: Progress = lambda _done: None,
) -> None:
    """Write a presentation of one page per slide, in their order.

    Args:
        fetch: brings a picture by its address, or says why not; a picture that does not come is a placeholder.
        paint: makes pictures that are asked for in words, or says why not; without it they are drawn.
        progress: called with the number of slides done after each.
    """
    from pptx import Presentation
    from pptx.util import Inches

    deck: Any = Presentation()
    deck.slide_width, deck.slide_height = Inches(WIDTH_IN), Inches(HEIGHT_IN)
    _widen(deck)
    core = deck.core_properties
    core.title, core.author, core.created, core.modified = writable(slides[0].title), writable(author), at, at
    core.last_modified_by, core.comments = writable(author), "Made by BioLab"
    painted = _painted(slides, paint)
    for number, slide in enumerate(slides, 1):
        picture = fetch(slide.image.url) if slide.image is not None and slide.image.url else painted.get(number)
        _page(deck, slide, picture, number=number, of=len(slides))
        progress(number)
    deck.save(str(path))


def _painted(slides: Sequence[Slide], paint: Painter | None) -> dict[int, Fetched]:
    """Return the pictures that were asked for in words, by the numbers of their slides."""
    if paint is None:
        return {}
    asked = {
        number: slide.image.alt or slide.title
        for number, slide in enumerate(slides, 1)
        if slide.image is not None and not slide.image.url and slide.image.provider != DRAWN and slide.chart is None
    }
    return dict(zip(asked, paint(list(asked.values())), strict=True))


def _widen(deck: Any) -> None:
    """Move the placeholders of the layouts in use to where a wide page has them, and drop the other layouts."""
    from pptx.util import Inches

    layouts = deck.slide_layouts
    for layout in list(layouts)[CONTENT + 1 :]:
        layouts.remove(layout)
    wide = Inches(WIDTH_IN - 2 * MARGIN_IN)
    for place, holder in enumerate((layouts[TITLE_SLIDE], layouts[CONTENT], deck.slide_master)):
        for shape in list(holder.placeholders):
            kind = shape.placeholder_format.type.name
            if kind in ("DATE", "FOOTER", "SLIDE_NUMBER"):
                shape._element.getparent().remove(shape._element)
                continue
            top_in, height_in = _PLACES["title" if kind.endswith("CENTER_TITLE") or kind == "TITLE" else "text"][
                place == TITLE_SLIDE
            ]
            shape.left, shape.width = Inches(MARGIN_IN), wide
            shape.top, shape.height = Inches(top_in), Inches(height_in)


def _page(deck: Any, slide: Slide, picture: Fetched | None, *, number: int, of: int) -> None:
    from pptx.util import Inches

    opens = number == 1 and slide.chart is None and slide.image is None
    page = deck.slides.add_slide(deck.slide_layouts[TITLE_SLIDE if opens else CONTENT])
    title, body = page.shapes.title, page.placeholders[1]
    _write_title(title, slide.title, opens=opens)
    beside = slide.chart is not None or slide.image is not None
    if beside:
        body.left, body.top = Inches(MARGIN_IN), Inches(1.8)
        body.width, body.height = Inches(4.6), Inches(HEIGHT_IN - 2.4)
    _write_body(body, slide.bullets, narrow=beside, opens=opens)
    frame = (Inches(5.6), Inches(1.8), Inches(WIDTH_IN - 5.6 - MARGIN_IN), Inches(HEIGHT_IN - 2.6))
    if slide.chart is not None:
        _add_chart(page, slide, frame)
    elif slide.image is not None and picture is not None:
        add_picture(page, picture, slide.image.alt or slide.title, frame)
    elif slide.image is not None:
        add_drawing(page, slide, slide.image.alt or slide.title, frame)
    _add_bar(page, opens=opens)
    _add_number(page, number, of)
    page.notes_slide.notes_text_frame.text = writable(slide.notes or "No notes.")


def _write_title(shape: Any, text: str, *, opens: bool) -> None:
    from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
    from pptx.util import Pt

    shape.text_frame.text = writable(text)
    shape.text_frame.word_wrap = True
    shape.text_frame.vertical_anchor = MSO_ANCHOR.BOTTOM if opens else MSO_ANCHOR.MIDDLE
    for paragraph in shape.text_frame.paragraphs:
        paragraph.alignment = PP_ALIGN.LEFT
        for run in paragraph.runs:
            run.font.size = Pt((40 if len(text) <= 50 else 32) if opens else (32 if len(text) <= 50 else 26))
            run.font.bold, run.font.color.rgb = True, colour(INK)


def _write_body(shape: Any, bullets: Sequence[str], *, narrow: bool, opens: bool) -> None:
    from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
    from pptx.util import Pt

    size = _size(bullets, width_in=4.4 if narrow else 11.4, height_in=3.0 if opens else 4.6)
    frame = shape.text_frame
    frame.word_wrap, frame.vertical_anchor = True, MSO_ANCHOR.TOP
    for place, bullet in enumerate(bullets):
        paragraph = frame.paragraphs[0] if place == 0 else frame.add_paragraph()
        paragraph.alignment, paragraph.space_after = PP_ALIGN.LEFT, Pt(size / 2.5)
        run = paragraph.add_run()
        run.text = writable(bullet)
        run.font.size, run.font.color.rgb = Pt(size), colour(SOFT if opens else INK)


def _size(bullets: Sequence[str], *, width_in: float, height_in: float) -> int:
    """Return the largest size, in points, in which all lines fit."""
    for size in (24, 22, 20, 18, 16, 14, 12, 11, 10, 9, 8):
        per_line = max(1, int(width_in * 72 / (size * 0.52)) - 3)
        lines = sum(-(-max(1, len(bullet)) // per_line) for bullet in bullets)
        if lines * size * 1.22 + len(bullets) * size / 2.5 <= height_in * 72:
            return size
    return 7


def _add_chart(page: Any, slide: Slide, frame: tuple[Any, ...]) -> None:
    from pptx.chart.data import XyChartData
    from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION
    from pptx.util import Pt

    chart = slide.chart
    assert chart is not None  # noqa: S101
    data: Any = XyChartData()  # type: ignore[no-untyped-call]
    spread = chart.low != chart.high
    named = (("Highest", chart.high), ("Lowest", chart.low)) if spread else ((writable(chart.channel), chart.low),)
    for name, values in named:
        series = data.add_series(name)
        for hour, value in zip(chart.hours, values, strict=True):
            series.add_data_point(hour, value)
    shape = page.shapes.add_chart(XL_CHART_TYPE.XY_SCATTER_LINES_NO_MARKERS, *frame, data)
    shape.name = "Chart"
    describe(shape, _alt(slide))
    drawn = shape.chart
    drawn.font.size, drawn.font.color.rgb = Pt(12), colour(SOFT)
    drawn.has_title, drawn.has_legend = False, spread
    if spread:
        drawn.legend.position, drawn.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False
    for axis, text in (
        (drawn.category_axis, "hours since the first reading"),
        (
            drawn.value_axis,
            f"{writable(chart.channel)} ({writable(chart.unit)})" if chart.unit else writable(chart.channel),
        ),
    ):
        axis.has_title = True
        axis.axis_title.text_frame.text = text
        axis.axis_title.text_frame.paragraphs[0].runs[0].font.size = Pt(12)
        axis.axis_title.text_frame.paragraphs[0].runs[0].font.bold = False
        axis.format.line.color.rgb = colour(LINE)
    drawn.category_axis.has_major_gridlines = False
    drawn.value_axis.major_gridlines.format.line.color.rgb = colour("E3E8E7")
    drawn.category_axis.minimum_scale = 0
    for series, code in zip(drawn.plots[0].series, (ACCENT, "6FB3A4"), strict=False):
        series.smooth = False
        series.format.line.width, series.format.line.color.rgb = Pt(1.75), colour(code)


def _alt(slide: Slide) -> str:
    chart = slide.chart
    assert chart is not None  # noqa: S101
    if not chart.hours:
        return f"Chart of {chart.channel}: no readings."
    low, high = min(chart.low), max(chart.high)
    return (
        f"Line chart of {chart.channel} over {chart.hours[-1]:.3g} hours, between {low:.4g} and {high:.4g} {chart.unit}"
    ).rstrip() + "."


def _add_bar(page: Any, *, opens: bool) -> None:
    """Add the stripe at the left edge, and tell readers of the screen that it is nothing but decoration."""
    from pptx.enum.shapes import MSO_SHAPE
    from pptx.util import Inches

    shape = page.shapes.add_shape(MSO_SHAPE.RECTANGLE, 0, 0, Inches(0.28 if opens else 0.14), Inches(HEIGHT_IN))
    shape.name, shape.shadow.inherit = "Stripe", False
    shape.fill.solid()
    shape.fill.fore_color.rgb = colour(ACCENT)
    shape.line.fill.background()
    page.shapes._spTree.remove(shape._element)
    page.shapes._spTree.insert(2, shape._element)


def _add_number(page: Any, number: int, of: int) -> None:
    from pptx.enum.text import PP_ALIGN
    from pptx.util import Inches, Pt

    box = page.shapes.add_textbox(Inches(WIDTH_IN - 2), Inches(HEIGHT_IN - 0.5), Inches(1.6), Inches(0.35))
    box.name = "Slide number"
    paragraph = box.text_frame.paragraphs[0]
    paragraph.alignment = PP_ALIGN.RIGHT
    run = paragraph.add_run()
    run.text = f"{number} / {of}"
    run.font.size, run.font.color.rgb = Pt(11), colour(SOFT)
