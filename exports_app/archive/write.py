"""Pack an archive: stage, digest, describe, sign, then stream one zip whose every byte is determined."""

from __future__ import annotations

import codecs
import dataclasses
import hashlib
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from biolab.kernel.times import iso
from exports_app.archive import verify
from exports_app.archive.bag import Digested, bag_info, manifests
from exports_app.archive.contents import ArchiveContents, ArchiveResult, Source
from exports_app.archive.crate import TEXT_LIMIT, build_crate
from exports_app.archive.layout import root_name
from exports_app.archive.plan import FrozenDiffers, Planned, payload_plan
from exports_app.archive.sign import minisign
from exports_app.narrative.page import render_page

_CHUNK: Final = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class _Staged:
    file: Digested
    source: bytes | Path

    def chunks(self) -> Iterator[bytes]:
        return _chunks(self.source)


def write_archive(
    out: BinaryIO, contents: ArchiveContents, progress: Callable[[float], None] | None = None
) -> ArchiveResult:
    """Write the archive of ``contents`` to ``out``, front to back, and return what was written.

    The same contents give the same bytes. Memory stays flat however large the payload is: what has to be generated is
    staged in a temporary folder, files are read where they lie.

    Args:
        out: any writable; it is never read nor sought.
        progress: called with the share done, 0 to 1, now and then.

    Raises:
        FrozenDiffers: a source gives other bytes than the digest under which it was frozen, or changes meanwhile.
    """
    report = progress or (lambda share: None)
    with tempfile.TemporaryDirectory(prefix="biolab-archive-") as folder:
        stage = _Stage(Path(folder))
        plan = payload_plan(contents)
        payload: list[tuple[Planned, _Staged]] = []
        for number, planned in enumerate(plan):
            payload.append((planned, stage.put(planned.name, planned.source, planned.sha256)))
            report(0.6 * (number + 1) / len(plan))
        members = [staged for _, staged in payload]
        members += _tag_files(contents, payload, stage)
        report(0.7)
        result = _write_zip(out, contents, members, report)
    manifest = next(member for member in members if member.file.name == verify.MANIFESTS[0])
    return dataclasses.replace(result, manifest_digest=manifest.file.sha256)


class _Stage:
    """Holds members until they are written: texts in memory, streams in a temporary file, files where they are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0

    def put(self, name: str, source: Source, expected: str = "") -> _Staged:
        """Digest a member, spooling it when it is a stream; ``expected`` is the SHA-256 it must have, if known."""
        kept: bytes | Path = b""
        first, second, crc, size = hashlib.sha256(), hashlib.sha512(), 0, 0
        if callable(source):
            self._number += 1
            kept = self._folder / str(self._number)
            pieces = _spooled(source(), kept)
        else:
            kept = source
            pieces = _chunks(source)
        for chunk in pieces:
            first.update(chunk)
            second.update(chunk)
            crc = zlib.crc32(chunk, crc)
            size += len(chunk)
        if expected and first.hexdigest() != expected:
            raise FrozenDiffers(f"{name} is not what was frozen: its SHA-256 is {first.hexdigest()}, not {expected}.")
        return _Staged(Digested(name, size, crc, first.hexdigest(), second.hexdigest()), kept)


def _tag_files(contents: ArchiveContents, payload: list[tuple[Planned, _Staged]], stage: _Stage) -> list[_Staged]:
    files = [staged.file for _, staged in payload]
    narrative = next(staged for planned, staged in payload if planned.name == "data/narrative.md")
    title = contents.facts.session.name or contents.execution_id
    pages = render_page(title, texts_of(narrative.chunks()), contents.pictures)
    preview = stage.put(verify.PREVIEW, lambda: (page.encode() for page in pages))
    info = stage.put("bag-info.txt", bag_info(contents, files))
    described = [(staged.file, planned.media_type, planned.description) for planned, staged in payload]
    metadata = build_crate(contents, described, (preview.file, info.file), _excerpt(narrative))
    comment = f"{contents.execution_id} export {contents.version} {iso(contents.finalized_at)}"
    tags = [
        preview,
        info,
        stage.put("bagit.txt", verify.BAGIT_TXT),
        stage.put(verify.CRATE, metadata),
        stage.put(verify.SIGNATURE_FILE, minisign(metadata, contents.signer, comment)),
    ]
    tags += [stage.put(name, text) for name, text in manifests(files, tags=False).items()]
    return tags + [stage.put(name, text) for name, text in manifests((tag.file for tag in tags), tags=True).items()]


def _excerpt(narrative: _Staged) -> str:
    """Return the narrative for the crate: whole, or cut before a heading with a word on where the rest is."""
    head = b""
    for chunk in narrative.chunks():
        head += chunk
        if len(head) > TEXT_LIMIT:
            break
    if len(head) <= TEXT_LIMIT:
        return head.decode()
    text = head[:TEXT_LIMIT].decode("utf-8", "ignore")
    return text[: text.rfind("\n## ") + 1] + "\nThe rest is in data/narrative.md.\n"


def _write_zip(
    out: BinaryIO, contents: ArchiveContents, members: list[_Staged], report: Callable[[float], None]
) -> ArchiveResult:
    digest, at = hashlib.sha256(), 0
    root = root_name(contents.execution_id, contents.version)
    moment = contents.finalized_at.utctimetuple()
    stamp = verify.zip_stamp(*moment[:6])
    directory: list[bytes] = []

    def put(data: bytes) -> None:
        nonlocal at
        out.write(data)
        digest.update(data)
        at += len(data)

    ordered = sorted(members, key=lambda member: member.file.name)
    for number, member in enumerate(ordered):
        file = member.file
        entry = verify.Member(f"{root}/{file.name}", file.size, file.crc, at)
        put(verify.zip_local(entry, stamp))
        crc, start = 0, at
        for chunk in member.chunks():
            crc = zlib.crc32(chunk, crc)
            put(chunk)
        if (at - start, crc) != (file.size, file.crc):
            raise FrozenDiffers(f"{file.name} changed while it was being packed.")
        directory.append(verify.zip_central(entry, stamp))
        report(0.7 + 0.3 * (number + 1) / len(ordered))
    begin = at
    for line in directory:
        put(line)
    put(verify.zip_end(len(directory), at - begin, begin))
    return ArchiveResult(sha256=digest.hexdigest(), size=at, manifest_digest="", filename=f"{root}.eln")


def _chunks(source: bytes | Path) -> Iterator[bytes]:
    if isinstance(source, bytes):
        for start in range(0, len(source), _CHUNK):
            yield source[start : start + _CHUNK]
        return
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _spooled(pieces: Iterable[bytes], path: Path) -> Iterator[bytes]:
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
            yield piece


def texts_of(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the texts behind UTF-8 bytes that were cut anywhere."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for chunk in chunks:
        yield decoder.decode(chunk)
    yield decoder.decode(b"", True)
