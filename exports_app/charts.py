"""Charts of readings as SVG or PNG; the same readings give the same bytes.

matplotlib is only imported when something is drawn: it costs a second and tens of megabytes.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

Format = Literal["svg", "png"]

WIDTH_IN: Final = 7.2
HEIGHT_IN: Final = 2.4
DOTS_PER_INCH: Final = 160
LONGEST_TITLE: Final = 80
_INK, _BAND, _GRID = "#1f4e79", "#8fb3d9", "#d9dee4"
_SETTINGS: Final[Any] = {
    "svg.hashsalt": "biolab",
    "svg.fonttype": "path",
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "text.usetex": False,
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "axes.formatter.use_mathtext": False,
    "path.simplify": False,
}
_drawing = threading.Lock()


def draw_chart(
    title: str,
    unit: str,
    times: Sequence[float],
    low: Sequence[float],
    mean: Sequence[float] | None,
    high: Sequence[float],
    *,
    form: Format = "svg",
    size_in: tuple[float, float] = (WIDTH_IN, HEIGHT_IN),
) -> bytes:
    """Return a line chart: the mean as a line, low to high as a band around it.

    Args:
        title, unit: any text; neither is read as markup.
        times: shape (n,), seconds since 1970 UTC, rising; n ≥ 0.
        low, mean, high: shape (n,), in ``unit``; NaN where nothing was measured. Without ``mean``, the line runs
            through the middle of the band.
        form: ``svg`` holds no script, no date and no font, ``png`` has 160 dots per inch.

    Raises:
        ValueError: the columns differ in length.
    """
    columns = [times, low, high, *([mean] if mean is not None else [])]
    if len({len(column) for column in columns}) != 1:
        raise ValueError("times, low, mean and high must be of one length")
    import numpy as np
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lows, highs = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    line = lows / 2 + highs / 2 if mean is None else np.asarray(mean, dtype=np.float64)
    scale = _scale(np.concatenate([lows, highs, line]))
    start = float(times[0]) if len(times) else 0.0
    hours, clock = _clock(np.asarray(times, dtype=np.float64) - start)
    with _drawing, rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # drawn as a box, and named in the alt
        figure = Figure(figsize=size_in, dpi=DOTS_PER_INCH, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.fill_between(hours, lows / scale, highs / scale, color=_BAND, linewidth=0, alpha=0.6)
        axes.plot(hours, line / scale, color=_INK, linewidth=1.1, marker=".", markersize=3 if len(times) <= 200 else 0)
        axes.set_title(_short(title), loc="left", fontsize=10, fontweight="bold")
        axes.set_xlabel(f"{clock} since {_moment(start)}" if len(times) else "no readings")
        axes.set_ylabel(_short(unit if scale == 1 else f"{unit} × {scale:g}", 24))
        axes.grid(color=_GRID, linewidth=0.6)
        axes.margins(x=0.01)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        out = io.BytesIO()
        metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
        figure.savefig(out, format=form, dpi=DOTS_PER_INCH, metadata=metadata)
    return out.getvalue()


def _scale(values: Any) -> float:
    """Return what to divide by so that no axis overflows: 1, but for values near the end of float64."""
    import numpy as np

    finite = np.abs(values[np.isfinite(values)])
    return 1e300 if finite.size and finite.max() > 1e300 else 1.0


def _clock(seconds: Any) -> tuple[Any, str]:
    longest = float(seconds[-1]) if len(seconds) else 0.0
    for limit, divisor, name in ((600.0, 1.0, "seconds"), (7200.0, 60.0, "minutes"), (4 * 86400.0, 3600.0, "hours")):
        if longest <= limit:
            return seconds / divisor, name
    return seconds / 86400.0, "days"


def _moment(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "the first reading"


def _short(text: str, longest: int = LONGEST_TITLE) -> str:
    """Return ``text`` on one line, printable, cut where it is long."""
    shown = "".join(character if character.isprintable() else " " for character in text).strip()
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
