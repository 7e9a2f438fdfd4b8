"""Figures of a bench: a line each, ours first, and how they compare."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Line:
    """One contender's figures; ``cpu_ms``, its server's processor time for a batch, bends less on a busy machine."""

    name: str
    points_per_s: float
    p50_ms: float
    p95_ms: float
    cpu_ms: float | None = None


def show(bench: str, lines: list[Line], target: float) -> str:
    """Return the figures as a table whose last column is ours divided by theirs."""
    width = max(len(line.name) for line in lines)
    text = [
        f"{bench}  (target: {target:g}x the reference)",
        f"{'':{width}}  {'points/s':>10}  {'p50 ms':>7}  {'p95 ms':>7}  {'cpu ms':>6}  ours/it",
    ]
    text += [
        f"{line.name:{width}}  {line.points_per_s:>10,.0f}  {line.p50_ms:>7.1f}  {line.p95_ms:>7.1f}"
        f"  {'-' if line.cpu_ms is None else format(line.cpu_ms, '.1f'):>6}"
        f"  {lines[0].points_per_s / line.points_per_s:>6.2f}x"
        for line in lines
    ]
    return "\n".join(text)


def keep(bench: str, lines: list[Line], target: float, folder: Path) -> Path:
    """Write the figures as JSON and return where."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{bench}.json"
    told = {
        "bench": bench,
        **_here(),
        "target": target,
        "ratio": lines[0].points_per_s / lines[1].points_per_s,
        "lines": [asdict(line) for line in lines],
    }
    path.write_text(json.dumps(told, indent=2) + "\n")
    return path


@dataclass(frozen=True)
class Table:
    """Figures with columns of their own; None where a row has no such figure."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str | float | None, ...]]


def show_table(table: Table) -> str:
    """Return a table as text, names to the left and figures to the right."""
    cells = [("", *table.columns), *(tuple(_cell(value) for value in row) for row in table.rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in cells
    ]
    return "\n".join([table.title, *lines])


def _cell(value: str | float | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def keep_tables(bench: str, tables: list[Table], folder: Path) -> Path:
    """Write tables as JSON and return where."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{bench}.json"
    path.write_text(
        json.dumps({"bench": bench, **_here(), "tables": [asdict(table) for table in tables]}, indent=2) + "\n"
    )
    return path


def _here() -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "load_1min": os.getloadavg()[0],
    }
