#!/usr/bin/env python3
"""Verify a BioLab archive: python -I verify.py [FILE.eln | FOLDER] [--key KEY]

Standard library only, Python 3.9 or later, no network. Without an argument it checks the bag it lies in. It prints one
line per check and ends with 0, or with 1 after naming the first thing that is wrong. It also is the definition of every
format it reads: the program that packs archives imports it.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import codecs
import csv
import datetime
import hashlib
import json
import os
import re
import struct
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

CRATE = "ro-crate-metadata.json"
SIGNATURE_FILE = CRATE + ".minisig"
PREVIEW = "ro-crate-preview.html"
BAGIT_TXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
UNTRUSTED_COMMENT = "untrusted comment: signature by a BioLab instance key"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE_TYPE = "https://biolab.invalid/attestation/signature/v1"
WAIVER_TYPE = "https://biolab.invalid/attestation/guardrail-waiver/v1"
WAIVED = "governance.guardrail.waived"
SIGNED = ("narrative_export.approval.stage_signed", "narrative_export.approval.stage_completed")
ALGORITHMS = ("sha256", "sha512")
MANIFESTS = tuple(f"manifest-{name}.txt" for name in ALGORITHMS)
TAG_MANIFESTS = tuple(f"tagmanifest-{name}.txt" for name in ALGORITHMS)
TAG_FILES = {"bagit.txt", "bag-info.txt", CRATE, SIGNATURE_FILE, PREVIEW, *MANIFESTS, *TAG_MANIFESTS}
SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}(?:/[A-Za-z0-9_][A-Za-z0-9._-]{0,199}){0,7}")
MAX_MEMBERS, MAX_TEXT, MAX_LINE, MAX_SIGNATURES = 100_000, 32 << 20, 16 << 20, 1_000
MAX_VALUES = 2_000_000
ORIGINALS = ("data/raw/", "data/audio/", "data/transcripts/")
CHUNK = 1 << 20
MALFORMED: tuple[type[Exception], ...] = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError)
MALFORMED += (TypeError, ValueError, csv.Error, struct.error)


class Wrong(Exception):
    """Something does not hold; the text names it."""


class Check(NamedTuple):
    """One check and what it found."""

    name: str
    ok: bool
    detail: str


class Report(NamedTuple):
    """Every check made, up to and including the first that failed."""

    valid: bool
    checks: list[Check]
    first_bad: str | None


def must(condition: object, sentence: str) -> None:
    """Raise ``Wrong(sentence)`` unless ``condition`` holds."""
    if not condition:
        raise Wrong(sentence)


def parsed(text: str | bytes) -> Any:
    """Return what a JSON text describes; of few bytes, it would otherwise make many times as many in memory."""
    text = text.decode() if isinstance(text, bytes) else text
    must(sum(map(text.count, "[{,")) <= MAX_VALUES, "a JSON text of too many values")
    return json.loads(text)


# --- formats shared with the packer -----------------------------------------------------------------------------------


def canonical(record: Any) -> bytes:
    """Return the RFC 8785 bytes of ``record``, which holds texts, small integers, booleans, null, lists, objects."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def subject_digest(
    content_digest: str, attachments: Iterable[tuple[str, str, str]], snapshot_digest: str, telemetry_digest: str
) -> str:
    """Return the SHA-256 over the canonical object of all that a signature binds."""
    subject = {
        "attachments": [list(attachment) for attachment in attachments],
        "content_digest": content_digest,
        "snapshot_digest": snapshot_digest,
        "telemetry_digest": telemetry_digest,
    }
    return hashlib.sha256(canonical(subject)).hexdigest()


def telemetry_digest(channels: Iterable[tuple[str, int, str]]) -> str:
    """Return the SHA-256 over the canonical list of (name, count, digest), by name; empty without channels."""
    rows = sorted([name, count, digest] for name, count, digest in channels)
    return hashlib.sha256(canonical(rows)).hexdigest() if rows else ""


def dsse_message(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that a DSSE signature covers (its pre-authentication encoding)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
_MARKUP = re.compile(r"[\\`*\[\]#|~$&<>]|(?<![^\W_])_|_(?![^\W_])")
_ENTITY = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def plain(text: str) -> str:
    """Return ``text`` as one line of Markdown that shows it and does nothing else."""
    if not text.isascii() or not text.isprintable():
        text = _HIDDEN.sub(_shown, text)
    return _MARKUP.sub(_escaped, text)


def _shown(found: re.Match[str]) -> str:
    character = found.group()
    return " " if character in "\t\n\r" else f"\\u{ord(character):04x}"


def _escaped(found: re.Match[str]) -> str:
    character = found.group()
    return _ENTITY.get(character) or "\\" + character


def approvals_section(signatures: Iterable[tuple[dict[str, Any], bool]]) -> str:
    """Return the Markdown that follows the dossier in ``data/narrative.md``.

    Args:
        signatures: (statement, standing) in the order they were cast.
    """
    lines = ["\n## Approvals\n"]
    for statement, standing in signatures:
        lines.append(f"\n### {plain(statement['printed_name'])}\n\n")
        lines.append(f"- decision: {plain(statement['decision'])}\n")
        lines.append(f"- meaning: {plain(statement['meaning'])}\n")
        lines.append(f"- role: {plain(statement['role'])}\n")
        lines.append(f"- stage: {statement['sequence_index']}\n")
        lines.append(f"- signature: {plain(statement['signature'])}\n")
        lines.append(f"- signed_at: {plain(statement['local_time'])} ({plain(statement['zone'])})\n")
        lines.append(f"- signed_at, UTC: {plain(statement['signed_at'])}\n")
        lines.append(f"- signed digest: {plain(statement['subject']['digest'])}\n")
        if not standing:
            lines.append("- set aside: a later reset of this stage asked for a new signature\n")
    if len(lines) == 1:
        lines.append("\nNo signatures.\n")
    return "".join(lines)


def csv_text(text: str) -> str:
    """Return a cell's text so that no spreadsheet runs it; ``csv_original`` undoes it."""
    return "'" + text if text[:1] in tuple("=+-@\t\r'") and text else text


def csv_original(cell: str) -> str:
    """Return the text behind ``csv_text``."""
    return cell[1:] if cell.startswith("'") else cell


# --- the zip file, every byte of it -----------------------------------------------------------------------------------

_LOCAL, _CENTRAL, _END = struct.Struct("<4s5H3L2H"), struct.Struct("<4s4B4HL2L5H2L"), struct.Struct("<4s4H2LH")
_END64, _LOCATOR = struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
_FULL = 0xFFFFFFFF


class Member(NamedTuple):
    """One stored file of the zip: where its header begins and what its bytes must be."""

    name: str
    size: int
    crc: int
    offset: int


def zip_stamp(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Return a zip entry's date and time as one number; 1980 to 2107, even seconds."""
    year = min(max(year, 1980), 2107)
    return ((year - 1980) << 9 | month << 5 | day) << 16 | (hour << 11 | minute << 5 | second // 2)


def zip_local(member: Member, stamp: int) -> bytes:
    """Return the header that stands before a member's bytes: stored, no flags, sizes known."""
    big, name = member.size >= _FULL, member.name.encode("ascii")
    size, extra = (_FULL, struct.pack("<2H2Q", 1, 16, member.size, member.size)) if big else (member.size, b"")
    time, date = stamp & 0xFFFF, stamp >> 16
    version = 45 if big else 20
    return (
        _LOCAL.pack(b"PK\3\4", version, 0, 0, time, date, member.crc, size, size, len(name), len(extra)) + name + extra
    )


def zip_central(member: Member, stamp: int) -> bytes:
    """Return a member's line in the zip's directory."""
    big, name = member.size >= _FULL or member.offset >= _FULL, member.name.encode("ascii")
    size, offset, extra = member.size, member.offset, b""
    if big:
        extra = struct.pack("<2H3Q", 1, 24, size, size, offset)
        size = offset = _FULL
    time, date, version = stamp & 0xFFFF, stamp >> 16, 45 if big else 20
    return (
        _CENTRAL.pack(
            *(b"PK\1\2", version, 3, version, 0, 0, 0, time, date, member.crc, size, size),
            *(len(name), len(extra), 0, 0, 0, 0o100644 << 16, offset),
        )
        + name
        + extra
    )


def zip_end(count: int, size: int, offset: int) -> bytes:
    """Return the zip's last record, behind its 64-bit form where numbers need it."""
    end = _END.pack(b"PK\5\6", 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), min(size, _FULL), min(offset, _FULL), 0)
    if count < 0xFFFF and size < _FULL and offset < _FULL:
        return end
    record = _END64.pack(b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    return record + _LOCATOR.pack(b"PK\6\7", 0, offset + size, 1) + end


class Folder:
    """The bag as a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.stamp: int | None = None
        self.names: list[str] = []
        for base, folders, files in os.walk(root):
            for name in sorted(folders + files):
                path = Path(base, name)
                shown = path.relative_to(root).as_posix()
                must(not path.is_symlink(), f"{shown!a}: a link, which no archive holds")
                must(SAFE_NAME.fullmatch(shown), f"{shown!a}: not a name that BioLab writes")
            self.names.extend(Path(base, name).relative_to(root).as_posix() for name in files)
            must(len(self.names) <= MAX_MEMBERS, "too many files")
        self.names.sort()

    def chunks(self, name: str) -> Iterator[bytes]:
        """Stream one file."""
        with (self.root / name).open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk


class Zip:
    """The bag as one zip file, of which every byte is accounted for."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.members: dict[str, Member] = {}
        directory, end = self._directory()
        must(len(directory) <= MAX_TEXT, "the zip's directory is too large")
        at, expected, rebuilt, roots, folded = 0, 0, [], set(), set()
        self.stamp: int | None = None
        previous = ""
        while at < len(directory):
            must(at + _CENTRAL.size <= len(directory), "the zip's directory is cut short")
            fields = _CENTRAL.unpack_from(directory, at)
            name_length, extra_length, comment_length = fields[12:15]
            after = at + _CENTRAL.size
            name = directory[after : after + name_length].decode("ascii", "replace")
            extra = directory[after + name_length : after + name_length + extra_length]
            at = after + name_length + extra_length + comment_length
            must(SAFE_NAME.fullmatch(name) and "/" in name, f"{name!a}: not a name that BioLab writes")
            must(fields[6] == 0, f"{name}: compressed; unpack the file and verify the folder to check its contents")
            must(name > previous and name.lower() not in folded, f"{name}: twice, or out of order")
            size, offset = fields[10], fields[18]
            if len(extra) == 28:
                size, offset = struct.unpack_from("<Q", extra, 4)[0], struct.unpack_from("<Q", extra, 20)[0]
            stamp = fields[8] << 16 | fields[7]
            self.stamp = stamp if self.stamp is None else self.stamp
            member = Member(name, size, fields[9], expected)
            must(offset == expected and stamp == self.stamp, f"{name}: its header in the zip's directory was changed")
            rebuilt.append(zip_central(member, stamp))
            self._check_local(member, stamp)
            expected = offset + len(zip_local(member, stamp)) + size
            previous = name
            folded.add(name.lower())
            root, _, inner = name.partition("/")
            roots.add(root)
            self.members[inner] = member
            must(len(rebuilt) <= MAX_MEMBERS, "too many files")
            must(directory.startswith(rebuilt[-1], at - len(rebuilt[-1])), f"{name}: its directory entry was changed")
        must(len(roots) == 1, "the zip must hold exactly one root folder")
        must(expected == self.directory_at, "bytes lie between the zip's members and its directory")
        must(end == zip_end(len(rebuilt), len(directory), expected), "the zip's end record was changed")
        self.root = roots.pop()
        self.names = sorted(self.members)

    def _directory(self) -> tuple[bytes, bytes]:
        length = self.file.seek(0, os.SEEK_END)
        must(length >= _END.size, "not a zip file")
        tail_length = min(length, _END64.size + _LOCATOR.size + _END.size)
        self.file.seek(-tail_length, os.SEEK_END)
        tail = self.file.read()
        must(tail[-_END.size :].startswith(b"PK\5\6"), "not a zip file, or bytes follow its end")
        count, size, offset = _END.unpack(tail[-_END.size :])[4:7]
        end = tail[-_END.size :]
        if tail.startswith(b"PK\6\6") and (_FULL in (size, offset) or count == 0xFFFF):
            size, offset = _END64.unpack_from(tail)[8:10]
            end = tail
        must(offset + size + len(end) == length and size <= MAX_TEXT, "the zip's end record was changed")
        self.directory_at = offset
        self.file.seek(offset)
        return self.file.read(size), end

    def _check_local(self, member: Member, stamp: int) -> None:
        header = zip_local(member, stamp)
        self.file.seek(member.offset)
        must(self.file.read(len(header)) == header, f"{member.name}: its header was changed")

    def chunks(self, name: str) -> Iterator[bytes]:
        """Stream one member."""
        member = self.members[name]
        at = member.offset + len(zip_local(member, 0))
        left = member.size
        while left:
            self.file.seek(at)
            chunk = self.file.read(min(left, CHUNK))
            must(chunk, f"{name}: cut short")
            at, left = at + len(chunk), left - len(chunk)
            yield chunk


# --- Ed25519 (RFC 8032, section 5.1), verification only ---------------------------------------------------------------

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]


def _add(a: _Point, b: _Point) -> _Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    g, h = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    w, x, y, z = f - e, h - g, h + g, f + e
    return w * x % _P, y * z % _P, x * y % _P, w * z % _P


def _point(data: bytes) -> _Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


def ed25519_valid(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether ``signature`` (64 bytes) over ``message`` was made with the key behind ``public_key`` (32 bytes)."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key, commitment, base = _point(public_key), _point(signature[:32]), _point(_BASE)
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or base is None or scalar >= _L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % _L
    minus: _Point = (_P - key[0], key[1], 1, _P - key[3])
    both = _add(base, minus)
    total: _Point = (0, 1, 1, 0)
    for bit in range(252, -1, -1):
        total = _add(total, total)
        one, two = scalar >> bit & 1, challenge >> bit & 1
        if one or two:
            total = _add(total, both if one and two else base if one else minus)
    x, y, z, _ = total
    return (x - commitment[0] * z) % _P == 0 and (y - commitment[1] * z) % _P == 0


_BASE = (4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little")


# --- the checks, in order ---------------------------------------------------------------------------------------------


class Verifier:
    """One archive under examination; each ``check_*`` returns what it found or raises ``Wrong``."""

    def __init__(self, bag: Folder | Zip, pinned: str = "") -> None:
        self.bag, self.pinned = bag, pinned
        self.digests: dict[str, tuple[int, str, str]] = {}
        self.keys: dict[str, bytes] = {}
        self.statements: list[tuple[dict[str, Any], bool]] = []
        self.sealed: dict[str, Any] | None = None
        self.heads: dict[int, str] = {}
        self.waived: dict[str, dict[str, Any]] = {}
        self.signed: list[tuple[str, str, str]] = []
        self.last: tuple[int, str] = (0, "")

    def read(self, name: str) -> bytes:
        """Return a small file whole."""
        must(name in self.digests, f"{name}: missing")
        must(self.digests[name][0] <= MAX_TEXT, f"{name}: too large")
        return b"".join(self.bag.chunks(name))

    def lines(self, name: str) -> Iterator[str]:
        """Stream a text file's lines, without their line feeds."""
        must(name in self.digests, f"{name}: missing")
        decoder = codecs.getincrementaldecoder("utf-8")()
        rest = ""
        for chunk in self.bag.chunks(name):
            *whole, rest = (rest + decoder.decode(chunk)).split("\n")
            yield from whole
            must(len(rest) <= MAX_LINE, f"{name}: a line is too long")
        must(not rest + decoder.decode(b"", True), f"{name}: its last line is cut short")

    def check_bag(self) -> str:
        """Every file is listed, unchanged, and every listed file is there (BagIt 1.0, both algorithms)."""
        for name in self.bag.names:
            first, second, crc, size = hashlib.sha256(), hashlib.sha512(), 0, 0
            for chunk in self.bag.chunks(name):
                first.update(chunk)
                second.update(chunk)
                crc, size = zlib.crc32(chunk, crc), size + len(chunk)
            self.digests[name] = size, first.hexdigest(), second.hexdigest()
            if isinstance(self.bag, Zip):
                must(crc == self.bag.members[name].crc, f"{name}: changed (its CRC-32 in the zip does not fit)")
        for name in ("bagit.txt", "bag-info.txt", *MANIFESTS, *TAG_MANIFESTS):
            must(name in self.digests, f"{name}: missing")
        tags = [name for name in self.bag.names if not name.startswith("data/") and name not in TAG_MANIFESTS]
        payload = [name for name in self.bag.names if name.startswith("data/")]
        self._compare(TAG_MANIFESTS, tags)
        self._compare(MANIFESTS, payload)
        must(self.read("bagit.txt") == BAGIT_TXT, "bagit.txt: not the declaration of BagIt 1.0")
        oxum = f"Payload-Oxum: {sum(self.digests[name][0] for name in payload)}.{len(payload)}"
        must(oxum in self.read("bag-info.txt").decode().split("\n"), "bag-info.txt: Payload-Oxum does not fit")
        return f"{len(self.bag.names)} files, none missing, added or changed"

    def _compare(self, manifests: tuple[str, ...], names: list[str]) -> None:
        claims: dict[str, dict[str, str]] = {}
        for manifest in manifests:
            claims[manifest] = {}
            for line in self.lines(manifest):
                digest, _, name = line.partition("  ")
                must(re.fullmatch("[0-9a-f]+", digest) and name, f"{manifest}: a line of it is not a digest and a name")
                claims[manifest][name] = digest
        for name in names:
            found = dict(zip(manifests, self.digests[name][1:]))  # noqa: B905 - Python 3.9
            fits = [manifest for manifest in manifests if claims[manifest].get(name) == found[manifest]]
            listed = [manifest for manifest in manifests if name in claims[manifest]]
            must(listed, f"{name}: extra, listed in no manifest")
            must(fits, f"{name}: changed ({manifests[0]} lists another digest)")
            for manifest in manifests:
                must(manifest in fits, f"{manifest}: changed (its line for {name} is wrong)")
        for manifest in manifests:
            for name in claims[manifest]:
                must(name in self.digests, f"{name}: missing ({manifest} lists it)")
            lines = "".join(f"{claims[manifest][name]}  {name}\n" for name in names)
            must(self.read(manifest) == lines.encode(), f"{manifest}: changed (not as BioLab writes it)")

    def check_signature(self) -> str:
        """The crate's metadata carry the instance's signature (minisign, pre-hashed)."""
        self.export = parsed(self.read("data/export.json"))
        self.keys = {key["key_id"]: bytes.fromhex(key["public_key"]) for key in self.export["keys"]}
        for key_id, key in self.keys.items():
            must(hashlib.sha256(key).hexdigest()[:16] == key_id, f"data/export.json: {key_id} is not that key's id")
        lines = self.read(SIGNATURE_FILE).decode("ascii").split("\n")
        must(len(lines) == 5 and lines[0] == UNTRUSTED_COMMENT and lines[4] == "", f"{SIGNATURE_FILE}: malformed")
        blob, everything = base64.b64decode(lines[1], validate=True), base64.b64decode(lines[3], validate=True)
        must(base64.b64encode(blob).decode() == lines[1] and len(blob) == 74, f"{SIGNATURE_FILE}: malformed")
        must(base64.b64encode(everything).decode() == lines[3] and blob[:2] == b"ED", f"{SIGNATURE_FILE}: malformed")
        must(lines[2].startswith("trusted comment: "), f"{SIGNATURE_FILE}: malformed")
        key_id = blob[2:10].hex()
        must(key_id in self.keys, f"{SIGNATURE_FILE}: made with the key {key_id}, which data/export.json does not name")
        if self.pinned:
            must(parse_key(self.pinned) == self.keys[key_id], f"{SIGNATURE_FILE}: not made with the key you named")
        metadata = hashlib.blake2b(self.read(CRATE)).digest()
        must(ed25519_valid(self.keys[key_id], metadata, blob[10:]), f"{CRATE}: its signature does not fit")
        comment = lines[2][len("trusted comment: ") :].encode()
        must(ed25519_valid(self.keys[key_id], blob[10:] + comment, everything), f"{SIGNATURE_FILE}: comment changed")
        self.packing_key = key_id
        return f"{CRATE} signed with key {key_id}" + ("" if self.pinned else " (name it with --key to be sure whose)")

    def check_crate(self) -> str:
        """The crate describes every payload file, with its size and digest, and nothing that is not there."""
        graph = {node["@id"]: node for node in parsed(self.read(CRATE))["@graph"]}
        files = [name for name, node in graph.items() if node.get("@type") == "File"]
        for name in files:
            must(name in self.digests, f"{name}: missing ({CRATE} describes it)")
        payload = [name for name in self.bag.names if name.startswith("data/")]
        for name in (*payload, PREVIEW, "bag-info.txt"):
            must(name in graph and name in self.digests, f"{name}: not described in {CRATE}")
            must(graph[name].get("sha256") == self.digests[name][1], f"{name}: not the file that {CRATE} describes")
            must(graph[name].get("contentSize") == str(self.digests[name][0]), f"{name}: size differs from {CRATE}")
        for name in set(self.bag.names) - set(payload) - TAG_FILES:
            raise Wrong(f"{name}: no part of an archive")
        if self.bag.stamp is not None:
            stamp = zip_stamp(*map(int, re.findall(r"\d+", self.export["finalized_at"])[:6]))
            must(self.bag.stamp == stamp, "the times in the zip were changed")
        return f"{len(files)} files described by digest"

    def check_dossier(self) -> str:
        """The narrative begins with the dossier that was approved; every attachment is the one that was frozen."""
        length, digest = self.export["content_length"], hashlib.sha256()
        tail, left = [], length
        after = self.digests["data/narrative.md"][0] - length
        must(after >= 0, "data/narrative.md: shorter than the approved dossier")
        must(after <= MAX_TEXT, "data/narrative.md: too much follows the approved dossier")
        originals = {"data/" + one["path"]: one["sha256"] for one in self.export["originals"]}
        wanted = {expected.encode() for expected in originals.values()}
        told: set[bytes] = set()
        before = b""
        for chunk in self.bag.chunks("data/narrative.md"):
            digest.update(chunk[:left])
            tail.append(chunk[left:])
            told.update(wanted.intersection(_TOLD.findall(before + chunk[:left])))
            before = (before + chunk[:left])[-80:]
            left = max(0, left - len(chunk))
        must(digest.hexdigest() == self.export["content_digest"], "data/narrative.md: not the approved dossier")
        self.tail = b"".join(tail)
        attachments = parsed(self.read("data/attachments.json"))
        for attachment in attachments:
            name = "data/" + attachment["path"]
            must(name in self.digests, f"{name}: missing (data/attachments.json lists it)")
            must(self.digests[name][1] == attachment["digest"], f"{name}: not the evidence that was frozen")
        self.attachments = [(one["evidence_type"], one["reference_id"], one["digest"]) for one in attachments]
        for name, expected in originals.items():
            must(name in self.digests, f"{name}: missing (data/export.json lists it)")
            must(self.digests[name][1] == expected, f"{name}: not the original that was frozen")
            must(expected.encode() in told, f"{name}: the approved dossier does not name it")
        for name in self.bag.names:
            if name.startswith(ORIGINALS):
                must(name in originals, f"{name}: data/export.json does not list it")
        return f"the approved dossier, {len(attachments)} attachments and {len(originals)} originals"

    def check_telemetry(self) -> str:
        """The readings give the digests under which each channel was sealed."""
        telemetry = self.export.get("telemetry")
        self.channels: list[tuple[str, int, str]] = []
        if telemetry is None:
            must("data/telemetry.csv" not in self.digests, "data/telemetry.csv: data/export.json knows no readings")
            return "no readings"
        self.channels = [(one["name"], one["count"], one["digest"]) for one in telemetry["channels"]]
        counts = {name: 0 for name, _, _ in self.channels}
        hashes = {name: hashlib.sha256() for name in counts}
        rows = csv.reader(line + "\n" for line in self.lines("data/telemetry.csv"))
        must(next(rows, None) == ["channel", "timestamp", "value", "unit"], "data/telemetry.csv: another header")
        epoch, pack = datetime.datetime(1970, 1, 1), struct.Struct(">qd").pack
        for cell, at, value, _unit in rows:
            name = csv_original(cell)
            must(name in counts, f"data/telemetry.csv: an unknown channel {name!a}")
            past = datetime.datetime.fromisoformat(at[:26]) - epoch
            microseconds = (past.days * 86400 + past.seconds) * 1000000 + past.microseconds
            counts[name] += 1
            hashes[name].update(pack(microseconds, float(value)))
        for name, count, digest in self.channels:
            same = counts[name] == count and hashes[name].hexdigest() == digest
            must(same, f"data/telemetry.csv: the readings of {name!a} are not the ones that were sealed")
        return f"{sum(count for _, count, _ in self.channels)} readings of {len(self.channels)} channels"

    def check_events(self) -> str:
        """Every event's hash follows from its text and the event before it, back to the session's genesis."""
        checkpoint = parsed(self.read("data/checkpoint.json"))
        session = self.export["execution_id"]
        must(checkpoint["genesis"]["session_id"] == session, "data/checkpoint.json: genesis of another session")
        previous = hashlib.sha256(b"\0" + canonical(checkpoint["genesis"])).hexdigest()
        wanted = {one["chain"]["sequence"] for one in self._statements()}
        self.heads = {0: previous}
        sequence = 0
        for line in self.lines("data/events.jsonl"):
            row = parsed(line)
            sequence += 1
            text = row["canonical"].encode()
            event = parsed(text)
            where = f"data/events.jsonl: event {sequence}"
            must(event["sequence"] == sequence, f"{where} has the number {event['sequence']}")
            must(event["execution_id"] == session, f"{where} belongs to another session")
            must(event["prev_hash"] == previous, f"{where} does not follow the event before it")
            previous = hashlib.sha256(b"\x01" + bytes.fromhex(previous) + text).hexdigest()
            must(row["hash"] == previous, f"{where} was changed: its hash does not fit its text")
            if sequence in wanted:
                self.heads[sequence] = previous
            kind, payload = event["event_type"], event["payload"]
            if kind == "telemetry.sealed":
                self.sealed = payload["channels"]
            elif kind == WAIVED:
                self.waived[payload["waiver_id"]] = payload
            elif kind in SIGNED and payload["export_id"] == self.export["export_id"]:
                self.signed.append((payload["stage_id"], payload["actor_id"], payload["signature"]))
            must(len(self.waived) + len(self.signed) <= MAX_SIGNATURES, f"{where}: one signature too many")
        self.last = sequence, previous
        claim = parsed(checkpoint["canonical"])
        must(claim["session_id"] == session, "data/checkpoint.json: of another session")
        must((claim["sequence"], claim["head"]) == self.last, "data/checkpoint.json: names another last event")
        self._signed("data/checkpoint.json", b"\x02", checkpoint, claim["key_id"])
        if (self.export["telemetry"] or {}).get("sealed"):
            must(self.sealed is not None, "data/export.json: speaks of a seal that is not in the chain")
            sealed = sorted((name, one["count"], one["sha256"]) for name, one in (self.sealed or {}).items())
            must(sealed == sorted(self.channels), "data/export.json: other readings than the session's seal")
        return f"{sequence} events, chained and under a signed checkpoint"

    def _signed(self, where: str, domain: bytes, record: dict[str, Any], key_id: str) -> None:
        must(key_id in self.keys, f"{where}: signed with an unknown key {key_id!a}")
        message = domain + record["canonical"].encode()
        signature = bytes.fromhex(record["signature"])
        must(ed25519_valid(self.keys[key_id], message, signature), f"{where}: the signature does not fit")

    def _statements(self) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(self.lines("data/signatures.jsonl")):
            must(number < MAX_SIGNATURES, "data/signatures.jsonl: too many signatures")
            predicate = parsed(base64.b64decode(parsed(line)["payload"]))["predicate"]
            yield parsed(predicate["canonical"])

    def check_signatures(self) -> str:
        """Each signature fits its statement, and binds what lies in this archive and nothing else."""
        subject = subject_digest(
            self.export["content_digest"],
            self.attachments,
            self.export["snapshot_digest"],
            telemetry_digest(self.channels),
        )
        must(subject == self.export["subject_digest"], "data/export.json: subject_digest is not of what lies here")
        signed, waived = [], []
        for number, line in enumerate(self.lines("data/signatures.jsonl"), start=1):
            where = f"data/signatures.jsonl: signature {number}"
            attestation = self._opened(where, parsed(line))
            if attestation["predicateType"] == WAIVER_TYPE:
                waived.append(self._check_waiver(where, attestation))
                continue
            must(attestation["predicateType"] == PREDICATE_TYPE, f"{where}: of an unknown kind")
            predicate = attestation["predicate"]
            statement = parsed(predicate["canonical"])
            bound = statement["subject"]
            must(bound["digest"] == subject, f"{where}: binds another record, not the one in this archive")
            must(bound["id"] == self.export["export_id"], f"{where}: belongs to another export")
            must(statement["execution_id"] == self.export["execution_id"], f"{where}: belongs to another session")
            self._placed(where, statement["chain"])
            must(statement["snapshot_digest"] == self.export["snapshot_digest"], f"{where}: other approval rules")
            must(bound["content_digest"] == self.export["content_digest"], f"{where}: binds another dossier")
            must(attestation["subject"][0]["digest"]["sha256"] == subject, f"{where}: its envelope is of another")
            self.statements.append((statement, predicate["standing"]))
            signed.append((statement["stage_id"], statement["signer_id"], statement["signature"]))
        everyone = signed == self.signed and waived == list(self.waived)
        must(everyone, "data/signatures.jsonl: not every signature that data/events.jsonl tells of, or others")
        section = approvals_section(self.statements).encode()
        must(self.tail == section, "data/narrative.md: its Approvals are not the signatures in data/signatures.jsonl")
        more = f", {len(waived)} by which guardrails were waived" if waived else ""
        return f"{len(self.statements)} signatures over this record{more}"

    def _opened(self, where: str, envelope: dict[str, Any]) -> dict[str, Any]:
        """Return what an envelope holds, once it and the signature in it fit."""
        payload, (seal,) = base64.b64decode(envelope["payload"], validate=True), envelope["signatures"]
        must(seal["keyid"] in self.keys, f"{where}: its envelope names an unknown key")
        message = dsse_message(envelope["payloadType"], payload)
        proof = base64.b64decode(seal["sig"], validate=True)
        must(ed25519_valid(self.keys[seal["keyid"]], message, proof), f"{where}: its envelope does not fit")
        attestation: dict[str, Any] = parsed(payload)
        predicate = attestation["predicate"]
        self._signed(where, b"\x03", predicate, predicate["key_id"])
        return attestation

    def _placed(self, where: str, chain: dict[str, Any]) -> None:
        must(self.heads.get(chain["sequence"]) == chain["head"], f"{where}: names an event that is not in the chain")

    def _check_waiver(self, where: str, attestation: dict[str, Any]) -> str:
        """A waiver belongs to this session, the chain tells the same of it, its simulation is the one it names."""
        predicate = attestation["predicate"]
        waiver, simulation = parsed(predicate["canonical"]), parsed(predicate["simulation"])
        must(waiver["execution_id"] == self.export["execution_id"], f"{where}: belongs to another session")
        self._placed(where, waiver["chain"])
        told = self.waived.get(waiver["waiver_id"], {"waiver_id": ""})
        same = all(waiver.get(name) == value for name, value in told.items())
        must(same, f"{where}: not the waiver that data/events.jsonl tells of")
        digest = hashlib.sha256(predicate["simulation"].encode()).hexdigest()
        must(waiver["simulation_digest"] == digest, f"{where}: waives another simulation than the one beside it")
        named = (simulation["simulation_id"], simulation["execution_id"])
        must(named == (waiver["simulation_id"], waiver["execution_id"]), f"{where}: waives a simulation of elsewhere")
        must(attestation["subject"][0]["digest"]["sha256"] == digest, f"{where}: its envelope is of another")
        return str(waiver["waiver_id"])


_TOLD = re.compile(rb"SHA-256 ([0-9a-f]{64})")


def parse_key(text: str) -> bytes:
    """Return the public key in ``text``: 64 hex digits, or minisign's base64 form.

    Raises:
        Wrong: it is neither.
    """
    try:
        if re.fullmatch("[0-9a-fA-F]{64}", text):
            return bytes.fromhex(text)
        blob = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        blob = b""
    must(len(blob) == 42 and blob[:2] == b"Ed", "--key: neither 64 hex digits nor a minisign public key")
    return blob[10:]


def _malformed(error: Exception) -> str:
    return f"malformed ({type(error).__name__}: {ascii(str(error))[:200]})"


def run(bag: Folder | Zip, pinned: str = "") -> Report:
    """Run every check on ``bag``; stop at the first that fails."""
    verifier = Verifier(bag, pinned)
    checks: list[Check] = []
    steps = ("bag", "signature", "crate", "dossier", "telemetry", "events", "signatures")
    for name in steps:
        try:
            checks.append(Check(name, True, getattr(verifier, f"check_{name}")()))
        except Wrong as wrong:
            checks.append(Check(name, False, str(wrong)))
        except MALFORMED as error:
            checks.append(Check(name, False, _malformed(error)))
        if not checks[-1].ok:
            return Report(False, checks, checks[-1].detail)
    return Report(True, checks, None)


def check(path: str | Path, key: str = "") -> Report:
    """Verify the archive or unpacked bag at ``path``; never raises for what is wrong with it.

    Args:
        key: the instance's public key (hex or minisign's form); empty to accept the key that the archive names.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return run(Folder(path), key)
        with path.open("rb") as file:
            container = Zip(file)
            report = run(container, key)
            opened = Check("container", True, f"one folder {container.root}, every byte accounted for")
            return report._replace(checks=[opened, *report.checks])
    except Wrong as wrong:
        said = str(wrong)
    except MALFORMED as error:
        said = _malformed(error)
    return Report(False, [Check("container", False, said)], said)


def main(argv: list[str] | None = None) -> int:
    """Verify what the command line names; return 0, or 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="verify", description="Verify a BioLab archive, off-line.")
    parser.add_argument("path", nargs="?", help="FILE.eln or an unpacked FOLDER; default: the bag this program lies in")
    parser.add_argument("--key", default="", help="the instance's public key, in hex or as minisign writes it")
    given = parser.parse_args(argv)
    home = Path(__file__).resolve().parent.parent
    if given.path is None and not (home / "bagit.txt").exists():
        parser.error("name a FILE.eln or a FOLDER")
    report = check(given.path or home, given.key)
    for item in report.checks:
        sys.stdout.write(f"{'ok' if item.ok else 'WRONG':<6}{item.name}: {item.detail}\n")
    sys.stdout.write("The archive is whole.\n" if report.valid else "The archive is NOT what was sealed.\n")
    return 0 if report.valid else 1


if __name__ == "__main__":
    sys.exit(main())
