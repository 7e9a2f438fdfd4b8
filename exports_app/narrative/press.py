"""The press: draws pictures and prints pages in a process of its own, which keeps nothing once it is done.

Run as ``python -m exports_app.narrative.press pictures|pdf FOLDER``. It needs neither Django nor a database, and may
neither read other files than those in FOLDER nor fetch anything.
"""

from __future__ import annotations

import hashlib
import resource
import sys
from pathlib import Path
from typing import Any, Final

import orjson

CHANNELS, PICTURES, PAGE, PDF = "channels.json", "pictures.json", "page.html", "page.pdf"
NO_PANGO: Final = 3
MEMORY_BYTES: Final = 3 << 30


def main(work: str, folder: Path) -> int:
    """Do one piece of work on the files in ``folder``; return 0, or 3 where nothing here can print."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    if work == "pictures":
        channels = orjson.loads((folder / CHANNELS).read_bytes())
        (folder / PICTURES).write_bytes(orjson.dumps([picture_of(channel) for channel in channels]))
        return 0
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError):  # OSError: the system's Pango is not there
        return NO_PANGO
    page = (folder / PAGE).read_text()
    fetcher = URLFetcher(allowed_protocols=("data",), allow_redirects=False)
    identifier = hashlib.sha256(page.encode()).hexdigest()[:32].encode()
    HTML(string=page, url_fetcher=fetcher).write_pdf(folder / PDF, pdf_identifier=identifier)
    return 0


def picture_of(channel: dict[str, Any]) -> str:
    """Return the chart of one channel, as ``ChannelFacts`` has it, in SVG; times are the middles of its spans."""
    from datetime import datetime

    from exports_app.charts import draw_chart

    first, last = (datetime.fromisoformat(channel[name]).timestamp() for name in ("first_at", "last_at"))
    spans = channel["envelope"]
    width = (last - first) / len(spans)
    nothing = float("nan")
    low = [nothing if span is None else span[0] for span in spans]
    high = [nothing if span is None else span[1] for span in spans]
    times = [first + width * (place + 0.5) for place in range(len(spans))]
    return draw_chart(channel["name"], channel["unit"], times, low, None, high).decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
