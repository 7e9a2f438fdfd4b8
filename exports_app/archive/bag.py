"""BagIt 1.0 (RFC 8493): manifests, and what the bag says of itself."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Final

from exports_app.archive.contents import ArchiveContents
from exports_app.archive.verify import ALGORITHMS, MANIFESTS, TAG_MANIFESTS


@dataclasses.dataclass(frozen=True, slots=True)
class Digested:
    """One file of the bag: its path from the root, its size in bytes and its digests in hex."""

    name: str
    size: int
    crc: int
    sha256: str
    sha512: str


_LINE: Final = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")


def manifests(files: Iterable[Digested], *, tags: bool) -> dict[str, bytes]:
    """Return the manifest files over ``files``, one per algorithm; ``tags`` asks for the tag manifests."""
    ordered = sorted(files, key=lambda file: file.name)
    names = TAG_MANIFESTS if tags else MANIFESTS
    return {
        name: "".join(f"{getattr(file, algorithm)}  {file.name}\n" for file in ordered).encode()
        for name, algorithm in zip(names, ALGORITHMS, strict=True)
    }


def bag_info(contents: ArchiveContents, payload: Iterable[Digested]) -> bytes:
    """Return ``bag-info.txt``: where the bag comes from, how much it holds, and what could not be put in."""
    files = list(payload)
    rows = [
        ("Bag-Software-Agent", f"BioLab {contents.software_version}"),
        ("Bagging-Date", contents.finalized_at.date().isoformat()),
        ("Source-Organization", contents.publisher.name),
        ("External-Identifier", contents.export_id),
        ("External-Description", f"{contents.facts.session.name}, export version {contents.version}"),
        ("Internal-Sender-Identifier", contents.execution_id),
        ("Payload-Oxum", f"{sum(file.size for file in files)}.{len(files)}"),
        *(("Left-Out", f"{left.what}: {left.why}") for left in contents.left_out),
    ]
    return "".join(f"{name}: {_LINE.sub(' ', value).strip() or 'none'}\n" for name, value in rows).encode()
