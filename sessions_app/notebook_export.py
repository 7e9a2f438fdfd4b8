"""A notebook entry as a file: its text with what it is, and the signatures under it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from biolab.kernel.times import iso
from sessions_app.markdown import one_line
from sessions_app.models import EntrySignature, NotebookEntry


def entry_markdown(entry: NotebookEntry, signatures: Sequence[EntrySignature]) -> str:
    """Return the entry as it stands in Markdown; the same entry, the same text."""
    facts = {
        "Notebook entry": entry.public_id,
        "Version": str(entry.version),
        "Status": entry.get_status_display(),
        "Author": one_line(entry.created_by.printed_name),
        "Created": iso(entry.created_at),
        "Changed": iso(entry.updated_at),
        "SHA-256 of the wording": entry.digest,
    }
    head = "\n".join(f"- **{name}:** {value}" for name, value in facts.items())
    lines = [f"# {one_line(entry.title)}", head, "---", entry.content.rstrip(), "---", "## Signatures"]
    lines.append("\n".join(_signed(signature) for signature in signatures) or "Nobody has signed this entry.")
    return "\n\n".join(line for line in lines if line) + "\n"


def entry_filename(entry: NotebookEntry) -> str:
    """Return what the entry is called as a file."""
    return f"{entry.title[:80]} v{entry.version}.md"


def _signed(signature: EntrySignature) -> str:
    return (
        f"- **{signature.get_meaning_display()}** of version {signature.version}: "
        f"{one_line(signature.printed_name)}, signed “{one_line(signature.typed)}”, {signature.local_time}, "
        f"{signature.role or 'no role'}, SHA-256 {signature.digest}"
    )
