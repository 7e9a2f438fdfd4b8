"""The dossier: what it tells, in which order, and that no text in it can be more than text."""

from __future__ import annotations

import html
import json
import re
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import nh3
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from exports_app.archive.verify import approvals_section, plain
from exports_app.narrative.bundle import (
    ChannelFacts,
    DossierBundle,
    EventText,
    Gap,
    NoteFacts,
    StepFacts,
)
from exports_app.narrative.deviations import find_deviations
from exports_app.narrative.dossier import render
from exports_app.narrative.page import render_page
from tests.exports import archive_kit as kit

COMMONMARK = MarkdownIt("commonmark")
GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def _bundle(text: str = "", **changes: object) -> DossierBundle:
    events = kit.chain(
        [
            ("session.created", {"title": text or "Fed-batch", "z": 1, "a": "µ"}),
            ("note.created", {"message": "", "note": text or "Foam", "status": "seen"}),
        ],
        who=text or "Ada Lovelace",
    )
    return replace(kit.facts(text=text), events=events, total_events=2, **changes)  # type: ignore[arg-type]


def _text(bundle: DossierBundle) -> str:
    return "".join(render(bundle))


def _headings(markdown: str, level: int) -> list[str]:
    tokens = COMMONMARK.parse(markdown)
    return [
        "".join(child.content for child in tokens[at + 1].children or [])
        for at, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag == f"h{level}"
    ]


def test_it_has_the_parts_of_the_contract_in_order() -> None:
    text = _text(_bundle())

    assert _headings(text, 1) == ["Fed-batch cultivation"]
    assert _headings(text, 2) == [
        "Execution Summary",
        "Deviations",
        "Steps",
        "Notes",
        "Telemetry",
        "[2026-03-02T09:00:00Z] session.created (#1)",
        "[2026-03-02T09:00:00Z] note.created (#2)",
        "Evidence",
    ]


def test_the_summary_names_every_fact() -> None:
    text = _text(_bundle())

    assert "- **execution_id**: sess_01k0000000000000000000000a\n" in text
    assert "- **protocol_template_id**: prot_01k0000000000000000000000c\n" in text
    assert "- **protocol_version**: 3\n" in text
    assert "- **status**: completed\n" in text
    assert "- **created_at**: 2026-03-02T09:00:00Z\n" in text
    assert "- **updated_at**: 2026-03-02T09:00:00Z\n" in text
    assert "- **total_events**: 2\n" in text


def test_without_a_protocol_the_session_gives_the_title() -> None:
    bundle = _bundle()
    session = replace(bundle.session, protocol_name="", protocol_template_id="", protocol_version="")

    text = _text(replace(bundle, session=session))

    assert text.startswith("# Fed-batch 12\n")
    assert "- **protocol_template_id**: none\n" in text


def test_an_event_shows_actor_id_summary_and_payload_as_sorted_json() -> None:
    text = _text(_bundle())

    first, second = text.split("\n## [")[1:3]
    assert "- actor: Ada Lovelace\n- event_id: ev_00000000000000000000000001\n\n```json\n" in first
    assert '{\n  "a": "µ",\n  "title": "Fed-batch",\n  "z": 1\n}' in first
    assert "- summary: Foam\n" in second, "the first that is not empty of message, note, summary, description, status"


def test_a_channel_shows_its_figures_gaps_and_picture() -> None:
    text = _text(_bundle())

    for line in ("count: 3", "min: 6.9", "max: 7.2", "mean: 7.05", "gaps: 1", "digest: " + "ef" * 32):
        assert f"- {line}\n" in text
    assert "- first: 7.0 at 2026-03-02T09:00:00Z\n" in text
    assert "high |▃ █| 7.2\nlow  |▁ ▃| 6.9" in text


def test_an_empty_session_says_what_it_does_not_have() -> None:
    bundle = DossierBundle(replace(kit.facts().session, description="", parameters={}), kit.STARTED, 0, ())

    text = _text(bundle)

    assert "None recorded." in text
    assert "follows no steps" in text
    assert "No notes were written." in text
    assert "No readings were taken." in text
    assert "No evidence is attached." in text


def test_the_same_bundle_gives_the_same_bytes_also_after_a_round_trip() -> None:
    bundle = _bundle(kit.HOSTILE)

    back = DossierBundle.from_json(json.loads(json.dumps(bundle.as_json())))

    assert back == bundle
    assert _text(back) == _text(bundle) == _text(bundle)


def _walk(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _walk(token.children or [])


@pytest.mark.parametrize("parser", [COMMONMARK, GITHUB], ids=["commonmark", "github"])
def test_hostile_text_in_every_field_changes_no_structure(parser: MarkdownIt) -> None:
    peaceful = [token.type for token in parser.parse(_text(_bundle("peace")))]
    hostile = parser.parse(_text(_bundle(kit.HOSTILE)))

    forbidden = {"html_inline", "html_block", "link_open", "image", "table_open", "s_open", "em_open", "code_inline"}
    assert forbidden.isdisjoint(token.type for token in _walk(hostile))
    headings = [token.tag for token in hostile if token.type == "heading_open"]
    assert headings == [token.tag for token in parser.parse(_text(_bundle("peace"))) if token.type == "heading_open"]
    kinds = ("heading_open", "fence", "bullet_list_open", "blockquote_open", "hr", "ordered_list_open", "code_block")
    for kind in kinds:
        assert [token.type for token in hostile].count(kind) == peaceful.count(kind), kind


def test_hidden_characters_are_shown() -> None:
    text = _text(_bundle(kit.HOSTILE))

    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]", text)
    assert "\\\\u202e" in text


@settings(deadline=None)
@given(st.text())
def test_plain_text_stays_plain_text(text: str) -> None:
    shown = plain(text)

    tokens = MarkdownIt("commonmark").parse("- x: " + shown)
    inline = [token for token in _walk(tokens) if token.type not in {"text", "text_special"} and token.nesting == 0]
    assert {token.type for token in inline} <= {"inline"}
    assert "\n" not in shown


@settings(deadline=None)
@example("__0__")
@example("a_b __init__ _a_ a__b")
@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x1FFF, exclude_categories=("C", "Z"))))
def test_plain_text_reads_as_it_was_written(text: str) -> None:
    rendered = MarkdownIt("commonmark").render("x " + plain(text) + " x")

    shown = html.unescape(re.sub("</?p>", "", rendered).strip())
    assert shown == f"x {text} x"


@settings(deadline=None)
@given(st.text(alphabet="#>-+*_`~=|[]()!<&;:.\\ \t\r\n01ab\u2028\u202e"))
def test_no_note_can_leave_its_quotation(text: str) -> None:
    note = NoteFacts("note_1", kit.STARTED, text)
    bundle = DossierBundle(replace(kit.facts().session, description=""), kit.STARTED, 0, (), notes=(note,))

    tokens = GITHUB.parse(_text(bundle))

    quoted = tokens[_at(tokens, "blockquote_open") + 1 : _at(tokens, "blockquote_close")]
    assert {token.type for token in quoted} <= {"paragraph_open", "inline", "paragraph_close"}
    harmless = {"text", "text_special", "softbreak", "hardbreak"}
    assert {child.type for token in quoted for child in token.children or []} <= harmless
    assert [token.type for token in tokens].count("blockquote_open") == 1
    assert len(_headings(_text(bundle), 2)) == 6


def _at(tokens: list[Token], kind: str) -> int:
    return next(at for at, token in enumerate(tokens) if token.type == kind)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, [name for name, _ in attrs]))


def test_the_page_holds_only_harmless_elements() -> None:
    page = "".join(render_page(kit.HOSTILE, render(_bundle(kit.HOSTILE))))

    tags = _Tags()
    tags.feed(page.partition("<body>")[2])
    allowed = {"h1", "h2", "h3", "p", "ul", "li", "strong", "pre", "code", "blockquote", "br"}
    assert {tag for tag, _ in tags.seen} <= allowed
    assert [names for _, names in tags.seen if names] == []
    assert "url(" not in page.partition("<title>")[0] + page.partition("</title>")[2].partition("</style>")[0]
    assert nh3.clean(page.partition("<body>")[2], tags=allowed, attributes={}).count("<h2>") == page.count("<h2>")


def test_the_page_tells_the_same_facts_as_the_markdown() -> None:
    text = _text(_bundle("peace & <quiet>"))

    page = html.unescape("".join(render_page("x", text)))
    assert "".join(render_page("x", [text])) == "".join(render_page("x", text)), "however it is cut"

    for heading in [*_headings(text, 1), *_headings(text, 2), *_headings(text, 3)]:
        assert html.unescape(heading) in page
    assert '"note": "peace & <quiet>"' in page
    assert "summary: peace & <quiet>" in page


def test_many_events_stream_through_little_memory() -> None:
    class Many:
        def __iter__(self) -> Iterator[EventText]:
            return iter(event for _ in range(2_000) for event in kit_events)

    kit_events = kit.chain([("note.created", {"content": "Foam at 3 cm", "tags": ["a"]})] * 10)
    bundle = DossierBundle(kit.facts().session, kit.STARTED, 20_000, Many())

    tracemalloc.start()
    length = sum(len(piece) for piece in render_page("x", render(bundle)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert length > 4_000_000
    assert peak < 2_000_000


def test_deviations_are_found_and_told_by_time() -> None:
    events = kit.chain(
        [
            ("session.created", {}),
            ("governance.override.executed", {"reason": "sensor swap"}),
            ("session.aborted", {"reason": "power"}),
            ("error.occurred", {"message": "upload failed"}),
        ]
    )

    found = find_deviations(
        steps=[
            StepFacts(0, "a", "skipped", completed_at="2026-01-01T00:00:03Z", reason="late"),
            StepFacts(1, "b", "pending", blocked_reason="no approval"),
            StepFacts(2, "c", "completed"),
        ],
        notes=[
            NoteFacts("note_1", "2026-01-01T00:00:02Z", "x", late_entry=True, reason="ill"),
            NoteFacts("note_2", "2026-01-01T00:00:01Z", "y", unverified_speech=True),
            NoteFacts("note_3", "2026-01-01T00:00:01Z", "z"),
        ],
        channels=[ChannelFacts("pH", gaps=(Gap("2026-01-01T00:00:04Z", "2026-01-01T00:09:00Z"),))],
        events=events,
    )

    assert [(one.kind, one.sentence) for one in found] == [
        ("step blocked", "Step 2 was blocked: no approval"),
        ("unverified speech", "Note note_2 is a transcript that no person confirmed"),
        ("late entry", "Note note_1 was entered late: ill"),
        ("step skipped", "Step 1 was skipped: late"),
        ("telemetry gap", "pH was silent from 2026-01-01T00:00:04Z to 2026-01-01T00:09:00Z"),
        ("override", "governance.override.executed: sensor swap"),
        ("session aborted", "session.aborted: power"),
        ("error", "error.occurred: upload failed"),
    ]
    assert [one.sequence for one in found] == [None, None, None, None, None, 2, 3, 4]


def test_11_50_approvals_show_name_time_meaning_and_role() -> None:
    records = kit.contents().signatures

    section = approvals_section((json.loads(record.canonical), record.standing) for record in records)

    assert section.startswith("\n## Approvals\n")
    assert "### Ada Lovelace\n\n- decision: approved\n- meaning: review\n- role: scientist\n" in section
    assert "- signed_at: 2026-03-02T18:00:00+01:00 (Europe/Berlin)\n" in section
    assert section.count("- signed digest: ") == 2


def test_an_approval_that_was_reset_says_so() -> None:
    record = kit.contents().signatures[0]

    section = approvals_section([(json.loads(record.canonical), False)])

    assert "set aside" in section


def test_no_signature_is_said_too() -> None:
    assert approvals_section([]) == "\n## Approvals\n\nNo signatures.\n"
