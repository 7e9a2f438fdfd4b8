"""Text from people in Markdown: shown as written, never read as markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sessions_app.markdown import escaped, one_line

HOSTILE = [
    "# heading",
    "- item",
    "+ item",
    "* item",
    "12. item",
    "1) item",
    "> quote",
    "=====",
    "-----",
    "```code```",
    "    indented",
    "\tindented",
    "**bold** _italic_ ~~gone~~ `code`",
    "[link](http://x) ![image](http://x) <http://x>",
    "<script>alert(1)</script>",
    "<!-- comment",
    "&lt;b&gt; &#60; & R&D",
    "back\\slash \\* end\\",
    "a | b\n---|---\n1 | 2",
    "[ref]: http://x",
    "title\n=====",
    "text\n- - -",
]


def plain(text: str) -> str:
    """Return what a reader of the rendered Markdown sees, and insist that it is paragraphs of text only."""
    shown: list[str] = []
    for token in MarkdownIt("commonmark").parse(text):
        assert token.type in ("paragraph_open", "paragraph_close", "inline"), token
        for child in token.children or []:
            assert child.type in ("text", "text_special", "softbreak", "hardbreak"), child
            shown.append(child.content if child.content else "\n")
        if token.type == "paragraph_close":
            shown.append("\n")
    return "".join(shown)


def words(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_a_note_is_shown_and_not_obeyed(text: str) -> None:
    assert words(plain(escaped(text))) == words(text)


@given(st.text(alphabet=st.sampled_from("ab1 \n#*_-+=>.)(`~[]!<&;|\\:\t"), max_size=60))
def test_whatever_is_written_comes_out_as_it_was(text: str) -> None:
    assert words(plain(escaped(text))) == words(text)


def test_line_breaks_stay_and_headings_stay_on_one_line() -> None:
    assert escaped("one\ntwo\n\nthree") == "one  \ntwo\n\nthree"
    assert one_line("Run\n# 7") == "Run # 7"


def test_control_characters_and_changes_of_direction_are_replaced() -> None:
    assert escaped("a\x07b\u202ec") == "a\ufffdb\ufffdc"
