"""Ask a time-stamping authority (RFC 3161) about a digest, and believe nothing of its answer unchecked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import httpx
from cryptography import x509
from cryptography.x509.oid import NameOID
from rfc3161_client import TimestampRequestBuilder, VerificationError, VerifierBuilder, decode_timestamp_response
from rfc3161_client.base import HashAlgorithm
from rfc3161_client.tsp import PKIStatus, TimeStampResponse
from rfc3161_client.verify import SHA256_OID

from exports_app.calls import AS_IT_IS, hung_up_after

LONGEST_S: Final = 20.0
LARGEST: Final = 256 * 1024
MEDIA_TYPE: Final = "application/timestamp-reply"


class StampRefused(Exception):
    """There is no time stamp that could be believed; the text says why, and is fit to be shown."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time stamp that was checked: what the authority says, and its answer byte for byte."""

    at: datetime
    authority: str
    authority_checked: bool
    serial_number: str
    answer: bytes


def ask_authority(url: str, sha256: str, *, trusted: Sequence[x509.Certificate] = ()) -> Stamp:
    """Return the authority's time stamp of a digest, checked.

    Args:
        sha256: in hex.
        trusted: certificates that its signature must lead to; without any, it only has to fit the one it brings along.

    Raises:
        StampRefused: it did not answer, or not as it should have.
    """
    query, nonce = make_query(sha256)
    return read_answer(_posted(url, query), sha256=sha256, nonce=nonce, trusted=trusted)


def make_query(sha256: str) -> tuple[bytes, int]:
    """Return the request for a time stamp of a digest, and the number that the answer must repeat."""
    stand_in = sha256.encode()  # the library hashes what it is given; an archive's digest is known, its bytes are many
    request = TimestampRequestBuilder().data(stand_in).hash_algorithm(HashAlgorithm.SHA256).build()
    if request.nonce is None:
        raise StampRefused("No random number could be made for the request.")
    query = request.as_bytes().replace(hashlib.sha256(stand_in).digest(), bytes.fromhex(sha256))
    return query, request.nonce


def read_answer(answer: bytes, *, sha256: str, nonce: int, trusted: Sequence[x509.Certificate]) -> Stamp:
    """Return the time stamp in an answer.

    Raises:
        StampRefused: it grants none, is of another digest or another request, or its signature does not fit.
    """
    try:
        response = decode_timestamp_response(answer)
        if response.status != PKIStatus.GRANTED:
            said = "".join(f": {text}" for text in response.status_string)
            raise StampRefused(f"The authority granted no time stamp (status {response.status}{said})."[:500])
        info, leaf = response.tst_info, _signer(response)
        imprint = info.message_imprint
        if imprint.hash_algorithm.dotted_string != SHA256_OID or imprint.message.hex() != sha256:
            raise StampRefused("The time stamp is of another digest than this archive's.")
        if info.nonce != nonce:
            raise StampRefused("The time stamp answers another request: its nonce is not ours.")
        known = {(one.issuer, one.serial_number): one for one in trusted}
        if known.get((leaf.issuer, leaf.serial_number), leaf) != leaf:  # the signature is held against the known one
            raise StampRefused("The time stamp brings along a certificate that was changed.")
        verifier = VerifierBuilder(roots=list(trusted) or [leaf], nonce=nonce).build()
        verifier.verify(response, bytes.fromhex(sha256))
        return Stamp(info.gen_time, _name(leaf), bool(trusted), str(info.serial_number), answer)
    except VerificationError:
        wanted = "lead to a certificate of TIMESTAMP_CERTIFICATES" if trusted else "fit its certificate"
        raise StampRefused(f"The time stamp's signature does not {wanted}.") from None
    except (ValueError, KeyError, x509.InvalidVersion):
        raise StampRefused("What the authority answered is no time stamp.") from None


def read_certificates(path: str) -> list[x509.Certificate]:
    """Return the certificates in a PEM file; none without a path.

    Raises:
        StampRefused: there is no such file, or none in it.
    """
    if not path:
        return []
    try:
        return x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError):
        raise StampRefused("The certificates that TIMESTAMP_CERTIFICATES names cannot be read.") from None


def _posted(url: str, query: bytes) -> bytes:
    headers = {"Content-Type": "application/timestamp-query", "Accept": MEDIA_TYPE, "User-Agent": "BioLab"}
    data = bytearray()
    try:
        with (
            httpx.Client(timeout=LONGEST_S / 2, follow_redirects=False) as client,
            hung_up_after(LONGEST_S) as watched,
            client.stream("POST", url, content=query, headers=headers | AS_IT_IS, extensions=watched) as answer,
        ):
            if answer.status_code != 200:
                raise StampRefused(f"The authority answered with the status {answer.status_code}.")
            for piece in answer.iter_raw(64 * 1024):
                data += piece
                if len(data) > LARGEST:
                    raise StampRefused("The authority's answer is larger than any time stamp.")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise StampRefused(f"The authority does not answer ({type(error).__name__}).") from None
    return bytes(data)


def _signer(response: TimeStampResponse) -> x509.Certificate:
    """Return the certificate that the answer brings along and says it is signed with."""
    signed = response.signed_data
    certificates = [x509.load_der_x509_certificate(one) for one in signed.certificates]
    named = {(one.issuer, one.serial_number) for one in signed.signer_infos}
    found = [one for one in certificates if (one.issuer, one.serial_number) in named]
    if len(found) != 1:
        raise StampRefused("The time stamp does not bring along the certificate it is signed with.")
    return found[0]


def _name(certificate: x509.Certificate) -> str:
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(common[0].value) if common else certificate.subject.rfc4514_string()
    return name.replace("\x00", "")[:255]
