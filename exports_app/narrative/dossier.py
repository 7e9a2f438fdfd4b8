"""The dossier in Markdown: a frozen bundle in, text out; the same bundle always gives the same bytes."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from exports_app.archive.verify import approvals_section, plain
from exports_app.narrative.bundle import (
    ChannelFacts,
    DossierBundle,
    EventText,
    EvidenceFacts,
    NoteFacts,
    OriginalFacts,
    SessionFacts,
    StepFacts,
)

__all__ = ["EVENT_HEADING", "approvals_section", "plain", "render"]

EVENT_HEADING: Final = "## ["
SUMMARY_KEYS: Final = ("message", "note", "summary", "description", "status")
_INDENTED: Final = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
_BARS: Final = "▁▂▃▄▅▆▇█"
_EVENTS_AT_ONCE: Final = 200
_BLOCK_START: Final = re.compile(r"^(?:[-+=:]|\d+[.)])")
_HIDDEN_IN_JSON: Final = re.compile("[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def render(bundle: DossierBundle) -> Iterator[str]:
    """Yield the dossier of ``bundle`` piece by piece; joined, the pieces are the dossier.

    Memory stays flat: events are read one by one and given on in groups. Text that people or instruments wrote is
    escaped, so that none of it can become a heading, a link, HTML or the end of a code block.
    """
    yield from _head(bundle)
    yield from _deviations(bundle)
    yield from _steps(bundle.steps)
    yield from _notes(bundle.notes)
    yield from _telemetry(bundle.channels)
    yield from _events(bundle.events)
    yield from _evidence(bundle.evidence)
    yield from _originals(bundle.originals)


def _head(bundle: DossierBundle) -> Iterator[str]:
    session = bundle.session
    yield f"# {plain(session.protocol_name or session.name) or 'Session'}\n"
    yield "\n## Execution Summary\n\n"
    yield from _summary(session, bundle)
    if session.description.strip():
        yield "\n" + _quote(session.description)
    if bundle.remarks.strip():
        yield "\n### Remarks\n\n" + _quote(bundle.remarks)
    if session.parameters:
        yield "\n### Parameters\n\n" + _fenced(session.parameters)


def _summary(session: SessionFacts, bundle: DossierBundle) -> Iterator[str]:
    rows = (
        ("session", session.name),
        ("execution_id", session.execution_id),
        ("protocol_template_id", session.protocol_template_id),
        ("protocol_version", session.protocol_version),
        ("status", session.status),
        ("team", session.team),
        ("created_at", session.created_at),
        ("started_at", session.started_at),
        ("ended_at", session.ended_at),
        ("updated_at", session.updated_at),
        ("generated_at", bundle.generated_at),
        ("total_events", str(bundle.total_events)),
    )
    always = {"execution_id", "protocol_template_id", "protocol_version", "status", "created_at", "updated_at"}
    for name, value in rows:
        if value or name in always:
            yield f"- **{name}**: {plain(value) or 'none'}\n"


def _deviations(bundle: DossierBundle) -> Iterator[str]:
    yield "\n## Deviations\n\n"
    if not bundle.deviations:
        yield "None recorded.\n"
    for deviation in bundle.deviations:
        at = f" at {plain(deviation.at)}" if deviation.at else ""
        source = f" (#{deviation.sequence})" if deviation.sequence is not None else ""
        yield f"- **{plain(deviation.kind)}**{at}{source}: {plain(deviation.sentence)}\n"


def _steps(steps: Iterable[StepFacts]) -> Iterator[str]:
    yield "\n## Steps\n"
    none = True
    for step in steps:
        none = False
        yield f"\n### {step.index + 1}\\. {plain(step.instruction)}\n\n"
        yield f"- status: {plain(step.status)}\n"
        for name in ("started_at", "completed_at", "completed_by", "blocked_reason", "reason"):
            value = getattr(step, name)
            if value:
                yield f"- {name}: {plain(value)}\n"
        for name, value in sorted(step.values.items()):
            yield f"- value of {plain(name)}: {_value(value)}\n"
    if none:
        yield "\nThis session follows no steps.\n"


def _notes(notes: Iterable[NoteFacts]) -> Iterator[str]:
    yield "\n## Notes\n"
    none = True
    for note in notes:
        none = False
        marks = "".join(
            f" — {mark}" for mark, on in (("late entry", note.late_entry), ("unverified", note.unverified_speech)) if on
        )
        yield f"\n### {plain(note.timestamp)} {plain(note.speaker or note.author) or 'Unknown'}{marks}\n\n"
        yield _quote(note.content) + "\n"
        yield f"- type: {plain(note.type)}\n- note_id: {plain(note.id)}\n- version: {note.version}\n"
        for name in ("author", "created_at", "reason"):
            if value := getattr(note, name):
                yield f"- {name}: {plain(value)}\n"
        if note.tags:
            yield "- tags: " + ", ".join(plain(tag) for tag in note.tags) + "\n"
        for name, value in sorted(note.readings.items()):
            yield f"- reading of {plain(name)}: {_value(value)}\n"
        for earlier in note.versions:
            reason = f" ({plain(earlier.reason)})" if earlier.reason else ""
            yield f"\nVersion {earlier.version}, {plain(earlier.at)}, {plain(earlier.by)}{reason}:\n\n"
            yield _quote(earlier.content)
    if none:
        yield "\nNo notes were written.\n"


def _telemetry(channels: Iterable[ChannelFacts]) -> Iterator[str]:
    yield "\n## Telemetry\n"
    none = True
    for channel in channels:
        none = False
        unit = f" ({plain(channel.unit)})" if channel.unit else ""
        yield f"\n### {plain(channel.name)}{unit}\n\n"
        yield f"- count: {channel.count}\n"
        rows = (("min", channel.minimum), ("max", channel.maximum), ("mean", channel.mean))
        for name, value in rows:
            yield f"- {name}: {_number(value)}\n"
        for name, value, at in (
            ("first", channel.first, channel.first_at),
            ("last", channel.last, channel.last_at),
        ):
            yield f"- {name}: {_number(value)}" + (f" at {plain(at)}" if at else "") + "\n"
        yield f"- gaps: {len(channel.gaps)}\n"
        for gap in channel.gaps:
            yield f"    - {plain(gap.start)} to {plain(gap.end)}\n"
        if channel.digest:
            yield f"- digest: {plain(channel.digest)}\n"
        if channel.envelope:
            yield f"\n```text\n{_picture(channel.envelope)}\n```\n"
    if none:
        yield "\nNo readings were taken.\n"


def _evidence(evidence: Iterable[EvidenceFacts]) -> Iterator[str]:
    yield "\n## Evidence\n\n"
    none = True
    for one in evidence:
        none = False
        label = f" {plain(one.label)}" if one.label else ""
        yield f"- **{plain(one.evidence_type)}**{label}: {plain(one.reference_id)}, SHA-256 {plain(one.digest)}"
        yield f", {one.size} bytes\n" if one.size else "\n"
    if none:
        yield "No evidence is attached.\n"


def _originals(originals: Iterable[OriginalFacts]) -> Iterator[str]:
    """Yield what binds the originals to the signatures; a session without any says nothing of them."""
    heading = "\n## Originals\n\n"
    for one in originals:
        yield f"{heading}- **{plain(one.folder)}** {plain(one.filename)}: SHA-256 {one.digest}, {one.size} bytes\n"
        heading = ""


def _events(events: Iterable[EventText]) -> Iterator[str]:
    group: list[str] = []
    for event in events:
        group.append(_event(orjson.loads(event.canonical)))
        if len(group) >= _EVENTS_AT_ONCE:
            yield "".join(group)
            group.clear()
    if group:
        yield "".join(group)


def _event(event: Mapping[str, Any]) -> str:
    payload, actor = event["payload"], event["actor"]
    summary = ""
    for key in SUMMARY_KEYS:
        value = payload.get(key)
        if value and isinstance(value, str):
            summary = f"- summary: {plain(value)}\n"
            break
    via = actor.get("via")
    return (
        f"\n## [{event['occurred_at']}] {_repeated(event['event_type'])} (#{event['sequence']})\n\n"
        f"- actor: {_repeated(actor['name'])}{f' via {_repeated(via)}' if via else ''}\n"
        f"- event_id: {event['id']}\n{summary}\n{_fenced(payload)}"
    )


_repeated = functools.lru_cache(maxsize=1024)(plain)


def _fenced(value: Any) -> str:
    text = orjson.dumps(value, option=_INDENTED).decode()
    if not text.isascii():
        text = _HIDDEN_IN_JSON.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
    return f"```json\n{text}\n```\n"


def _quote(text: str) -> str:
    lines = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n"):
        shown = plain(line)
        body = shown.lstrip(" ")
        indent = "&nbsp;" * (len(shown) - len(body))
        start = "\\" if _BLOCK_START.match(body) and not body[0].isdigit() else ""
        if body[:1].isdigit():
            body = re.sub(r"^(\d+)([.)])", r"\1\\\2", body)
        lines.append(f"> {indent}{start}{body}".rstrip() + ("  \n" if body else "\n"))
    return "".join(lines)


def _value(value: Any) -> str:
    return plain(value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode())


def _number(value: float | None) -> str:
    return "none" if value is None else repr(float(value))


def _picture(envelope: tuple[tuple[float, float] | None, ...]) -> str:
    """Return two lines of bars: the highs above, the lows below; a gap is a space."""
    spans = [span for span in envelope if span is not None]
    if not spans:
        return "no readings"
    floor, ceiling = min(low for low, _ in spans), max(high for _, high in spans)
    scale = (len(_BARS) - 1) / (ceiling - floor) if ceiling > floor else 0.0

    def bar(value: float) -> str:
        return _BARS[round((value - floor) * scale)]

    highs = "".join(" " if span is None else bar(span[1]) for span in envelope)
    lows = "".join(" " if span is None else bar(span[0]) for span in envelope)
    return f"high |{highs}| {ceiling!r}\nlow  |{lows}| {floor!r}"
