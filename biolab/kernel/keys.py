"""The instance's Ed25519 key: what checkpoints, signatures and archives are signed with."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
from pathlib import Path
from typing import TypedDict

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.conf import settings


class KnownKey(TypedDict):
    """One public key as ``/.well-known/keys.json`` shows it; ``public_key`` is 32 bytes in hex."""

    key_id: str
    algorithm: str
    public_key: str
    current: bool


def sign(message: bytes) -> bytes:
    """Return the Ed25519 signature (64 bytes) of ``message`` by the current key."""
    return _private_key().sign(message)


def verify(message: bytes, signature: bytes, key_id: str) -> bool:
    """Tell whether ``signature`` is one of ours over ``message``, made with the key ``key_id``, current or retired."""
    for key in known_keys():
        if key["key_id"] == key_id:
            return verify_with(key["public_key"], message, signature)
    return False


def verify_with(public_key: str, message: bytes, signature: bytes) -> bool:
    """Tell whether ``signature`` over ``message`` was made with the key whose public half is given in hex.

    Raises:
        ValueError: that is no key.
    """
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def seed() -> bytes:
    """Return the current private key's 32 bytes; archives need them to sign in minisign's format."""
    return _private_key().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())


def public_key() -> bytes:
    """Return the current public key, 32 bytes."""
    return _private_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id() -> str:
    """Return the current key's id: the first 16 hex digits of the SHA-256 of its public half."""
    return _id_of(public_key())


def known_keys() -> list[KnownKey]:
    """Return the current public key and every retired one, current first."""
    current: KnownKey = {
        "key_id": key_id(),
        "algorithm": "ed25519",
        "public_key": public_key().hex(),
        "current": True,
    }
    path = _folder() / "retired.json"
    retired: list[str] = json.loads(path.read_text()) if path.exists() else []
    return [current] + [
        {"key_id": _id_of(bytes.fromhex(key)), "algorithm": "ed25519", "public_key": key, "current": False}
        for key in retired
    ]


def rotate() -> str:
    """Make a new key, keep the old public half for verification, and return the new key's id."""
    retired = [key["public_key"] for key in known_keys()]
    _write(_folder() / "retired.json", json.dumps(retired).encode())
    _write(_folder() / "instance.key", _fresh())
    _private_key.cache_clear()
    return key_id()


def forget() -> None:
    """Read the key again from its file, which was replaced."""
    _private_key.cache_clear()


def _id_of(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:16]


def _folder() -> Path:
    folder = Path(settings.KEYS_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _fresh() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()).hex().encode()


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@functools.cache
def _private_key() -> Ed25519PrivateKey:
    path = _folder() / "instance.key"
    if not path.exists():
        candidate = path.with_suffix(f".new.{os.getpid()}")
        _write(candidate, _fresh())
        with contextlib.suppress(FileExistsError):
            os.link(candidate, path)  # of several processes starting at once exactly one wins
        candidate.unlink()
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text().strip()))
