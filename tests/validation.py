"""The trace from requirement over risk to tests: `python -m tests.validation` writes docs/validation/trace.md.

Tests that carry a clause in their name (`test_11_70_…`, `test_11_10_c_…`, `test_annex_11_9_…`) are found by it (but for
11.10(a), whose letter is a word); others that show the same are listed here by file and name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TRACE = ROOT / "docs" / "validation" / "trace.md"
NAMED = re.compile(r"test_(?:(11)_(10|50|70|100|200|300)(?:_([b-k])(?=_))?|annex_11(?:_(\d+))?)_")


@dataclass(frozen=True)
class Requirement:
    """What a clause asks for, what goes wrong without it, and tests besides those that carry its name."""

    clause: str
    asks: str
    risk: str
    tests: tuple[str, ...] = ()


REQUIREMENTS = (
    Requirement(
        "11.10(a)",
        "Altered records are recognised.",
        "High: a result is changed in the database and nobody notices.",
        (
            "sessions/test_timeline_verify.py::test_tampering_is_found_and_named",
            "sessions/test_chain.py::test_any_flipped_character_of_the_text_is_noticed",
            "kernel/test_security_log.py::test_a_change_behind_the_triggers_shows_with_its_place",
            "exports/test_artifact_download.py::test_a_flipped_bit_is_found_before_the_first_byte_and_told",
        ),
    ),
    Requirement(
        "11.10(b)",
        "Complete copies for inspection, readable by people and by programs.",
        "High: an inspector gets a copy that differs from the record.",
        (
            "exports/test_archive_pack.py::test_two_packs_of_one_export_are_the_same_bytes",
            "exports/test_archive_pack.py::test_readings_come_back_equal_from_parquet_and_csv",
            "governance/test_desk_walk.py::"
            "test_an_auditor_reads_all_and_changes_nothing_every_list_leaves_and_history_stays",
        ),
    ),
    Requirement(
        "11.10(c)",
        "Records are kept for as long as they must be.",
        "High: evidence is removed early or under a hold.",
    ),
    Requirement(
        "11.10(d)",
        "Only authorised people get in, each to what is theirs.",
        "High: one team reads or changes another's work.",
        (
            "contract/test_access.py::test_each_caller_gets_what_the_table_says",
            "contract/test_page_access.py::test_a_page_of_one_thing_opens_for_its_people_alone",
            "governance/test_desk_walk.py::test_an_auditor_reads_every_teams_sessions_and_writes_in_none",
        ),
    ),
    Requirement(
        "11.10(e)",
        "Every change leaves who, when, what was, what is, and why.",
        "High: history is overwritten.",
        (
            "sessions/test_notes.py::test_a_correction_keeps_both_wordings_with_who_when_and_why",
            "sessions/test_timeline_triggers.py::test_raw_sql_cannot_change_history",
            "governance/test_only_grows.py::test_raw_sql_cannot_rewrite_history",
            "governance/test_overrides.py::test_a_reversal_undoes_it_and_keeps_what_changed",
            "governance/test_coaching_notes.py::test_a_note_keeps_every_version_and_the_timeline_hears_of_each",
            "accounts/test_people.py::test_a_role_change_is_written_with_who_old_and_new",
        ),
    ),
    Requirement(
        "11.10(f)",
        "Steps and stages happen in the permitted order.",
        "Medium: a step is skipped unseen.",
        (
            "sessions/test_step_moves.py::test_an_ordered_protocol_is_done_in_order",
            "governance/test_signing.py::test_a_stage_starts_when_the_one_before_it_is_approved",
        ),
    ),
    Requirement(
        "11.10(g)",
        "Who has no right does nothing, and the refusal is written down.",
        "High: somebody signs or changes without the authority.",
        (
            "governance/test_signing.py::test_a_signature_is_refused_and_nothing_is_written",
            "governance/test_overrides.py::test_a_tier_that_does_not_reach_is_refused_and_nothing_is_written",
        ),
    ),
    Requirement("11.10", "Controls for closed systems in general.", "Medium: a control exists on paper only."),
    Requirement("11.50", "A signature shows name, time and meaning.", "High: it is unclear who signed what for."),
    Requirement("11.70", "A signature cannot be moved to another record.", "High: an approval is forged."),
    Requirement(
        "11.100",
        "A signature belongs to one person for good.",
        "High: two people share an identity.",
        (
            "accounts/test_people.py::test_an_address_is_taken_however_it_is_spelt",
            "accounts/test_people.py::test_a_deactivated_person_is_out_at_once_and_stays_in_history",
        ),
    ),
    Requirement("11.200", "Two components, and never for another.", "High: somebody signs in another's name."),
    Requirement(
        "11.300",
        "Passwords and codes are guarded; guessing is stopped and told.",
        "High: an account is taken over.",
        (
            "accounts/test_sign_in.py::test_the_sixth_guess_at_an_account_is_not_even_looked_at",
            "accounts/test_service_tokens.py::test_a_revoked_token_is_cut_off_at_once_and_cannot_be_revoked_twice",
            "governance/test_signing.py::test_five_wrong_passwords_lock_signing_for_a_quarter_of_an_hour",
        ),
    ),
    Requirement("Annex 11", "Backup and restore are proven.", "High: records are lost with a disk."),
    Requirement("Annex 11 §9", "Late changes have a reason.", "Medium: an ended session is changed unexplained."),
    Requirement(
        "Annex 11 §12",
        "The trail cannot be switched off.",
        "High: something is done while nobody looks.",
        ("sessions/test_timeline_triggers.py::test_neither_truncate_nor_a_replica_role_gets_past",),
    ),
)


def clause_of(name: str) -> str | None:
    """Return the clause that a test's name carries, as it is written in the table."""
    found = NAMED.match(name)
    if found is None:
        return None
    _, section, letter, paragraph = found.groups()
    if section is None:
        return f"Annex 11 §{paragraph}" if paragraph else "Annex 11"
    return f"11.{section}({letter})" if letter else f"11.{section}"


def tests_here() -> Iterator[tuple[str, str]]:
    """Yield (file below tests/, name) of every test."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield path.relative_to(ROOT / "tests").as_posix(), node.name


def trace() -> str:
    """Return the table as it should be.

    Raises:
        ValueError: a listed test does not exist, a named clause is not in the table, or a clause has no test.
    """
    found = {f"{path}::{name}": clause_of(name) for path, name in tests_here()}
    unknown = {test for requirement in REQUIREMENTS for test in requirement.tests} - found.keys()
    strays = {clause for clause in found.values() if clause} - {each.clause for each in REQUIREMENTS}
    if unknown or strays:
        raise ValueError(f"tests that do not exist: {sorted(unknown)}; clauses that nobody asks for: {sorted(strays)}")
    lines = [
        "# Requirement, risk, test",
        "",
        "BioLab is designed to support 21 CFR Part 11 and EU Annex 11; whether an installation meets them is for those",
        "who validate it. Each line names the tests of this repository that show a requirement;",
        "`python -m tests.validation` writes this file from them, and a test keeps it up to date.",
        "",
        "| clause | asks for | risk without it | tests |",
        "|---|---|---|---|",
    ]
    for each in REQUIREMENTS:
        tests = sorted({test for test, clause in found.items() if clause == each.clause} | set(each.tests))
        if not tests:
            raise ValueError(f"no test shows {each.clause}")
        lines.append(f"| {each.clause} | {each.asks} | {each.risk} | {'<br>'.join(f'`{test}`' for test in tests)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the table."""
    TRACE.parent.mkdir(parents=True, exist_ok=True)
    TRACE.write_text(trace())


if __name__ == "__main__":
    main()
