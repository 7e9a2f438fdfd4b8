"""The rows of the form in which people say what steps require: read, turned into parameters, and told what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MOST_ROWS: Final = 100
EVERY_STEP: Final = ""
KINDS: Final = {
    "required_approvals": "Approval",
    "required_equipment_ids": "Equipment",
    "required_channels": "Channel",
    "gate_keys": "Gate key",
}
"""What may be required, by the name of the parameter, as people call it."""
CHANNELS: Final = "required_channels"
FIELDS: Final = ("step", "kind", "name", "min", "max", "within_s")
_ONLY_CHANNELS: Final = "Only a channel has limits and a time."

Error = dict[str, str]


@dataclass(slots=True)
class Row:
    """One requirement as it was typed: of which step, what, and for a channel its limits and its time.

    Attributes:
        errors: what is wrong with it, by field.
    """

    number: int
    step: str = EVERY_STEP
    kind: str = ""
    name: str = ""
    min: str = ""
    max: str = ""
    within_s: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        """Tell whether nothing was typed; such a row requires nothing."""
        return not (self.name or self.min or self.max or self.within_s)


def read_rows(posted: Mapping[str, str]) -> list[Row]:
    """Return the rows that are not blank, numbered anew from 0; their fields are called ``req-<number>-<field>``."""
    rows: list[Row] = []
    for number in range(MOST_ROWS):
        step, kind, name, least, most, within_s = (posted.get(f"req-{number}-{field}", "").strip() for field in FIELDS)
        row = Row(len(rows), step, kind, name, least, most, within_s)
        if not row.is_blank:
            rows.append(row)
    return rows


def as_parameters(rows: Sequence[Row]) -> tuple[dict[str, Any], dict[str, Row]]:
    """Return the parameters of a session that say what the rows say, and the row behind each pointer.

    A row that cannot be one gets its error, and is left out.
    """
    parameters: dict[str, Any] = {}
    sources: dict[str, Row] = {}
    for row in rows:
        if row.kind not in KINDS:
            row.errors["kind"] = "Choose what is required."
        elif row.kind != CHANNELS and (row.min or row.max or row.within_s):
            row.errors["name"] = _ONLY_CHANNELS
        else:
            pointer = "/parameters"
            place = parameters
            if row.step != EVERY_STEP:
                pointer += f"/step_requirements/{row.step}"
                place = parameters.setdefault("step_requirements", {}).setdefault(row.step, {})
            entries = place.setdefault(row.kind, [])
            sources[f"{pointer}/{row.kind}/{len(entries)}"] = row
            entries.append(row.name if row.kind != CHANNELS else _window(row))
    return parameters, sources


def tell(sources: Mapping[str, Row], errors: Iterable[Error]) -> list[Error]:
    """Write to each row what is wrong with it, and return the errors that are of none."""
    others = []
    for error in errors:
        pointer, _, member = error["pointer"].rpartition("/")
        row, name = sources.get(error["pointer"]), "name"
        if row is None and (row := sources.get(pointer)) is not None:
            name = member if member in FIELDS else "name"
        if row is None:
            row, name = (
                next((row for of, row in sources.items() if of.startswith(f"{error['pointer']}/")), None),
                "step",
            )
        if row is None:
            others.append(error)
        else:
            row.errors[name] = error["detail"]
    return others


def _window(row: Row) -> dict[str, Any]:
    typed = {"min": row.min, "max": row.max, "within_s": row.within_s}
    return {"channel": row.name, **{name: _number(text) for name, text in typed.items() if text}}


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
