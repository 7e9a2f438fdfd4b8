"""A small time-stamping authority: its own key and certificate, and answers by openssl, spoilt on request."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.services import program

CONFIGURATION = """[tsa]
default_tsa = this
[this]
serial = {folder}/serial
signer_cert = {folder}/certificate.pem
signer_key = {folder}/key.pem
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
"""


class Authority:
    """Answers requests for time stamps; ``spoil`` changes an answer, ``misread`` the request before it is answered."""

    def __init__(self, folder: Path, *, name: str = "Test Authority") -> None:
        self.folder, self.asked = folder, 0
        self.spoil: Callable[[bytes], bytes] = lambda answer: answer
        self.misread: Callable[[bytes], bytes] = lambda request: request
        self.openssl, self.status, self.url = program("openssl"), 200, ""
        folder.mkdir(parents=True)
        key, who = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(who)
            .issuer_name(who)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.certificates = folder / "certificate.pem"
        self.certificates.write_bytes(certificate.public_bytes(Encoding.PEM))
        (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (folder / "authority.cnf").write_text(CONFIGURATION.format(folder=folder))
        (folder / "serial").write_text("01")

    def answer(self, request: bytes) -> bytes:
        """Return the answer to a request."""
        self.asked += 1
        question, answer = self.folder / "question", self.folder / "answer"
        question.write_bytes(self.misread(request))
        command = [self.openssl, "ts", "-reply", "-config", str(self.folder / "authority.cnf")]
        subprocess.run([*command, "-queryfile", question, "-out", answer], check=True, capture_output=True)
        return self.spoil(answer.read_bytes())

    def verifies(self, stamp: bytes, archive: bytes) -> bool:
        """Tell whether openssl takes the stamp for one of the archive's bytes."""
        (self.folder / "stamp").write_bytes(stamp)
        (self.folder / "archive").write_bytes(archive)
        command = [self.openssl, "ts", "-verify", "-in", self.folder / "stamp", "-data", self.folder / "archive"]
        run = subprocess.run([*command, "-CAfile", self.certificates], capture_output=True, check=False)
        return run.returncode == 0


@contextlib.contextmanager
def listening(authority: Authority) -> Iterator[Authority]:
    """Let the authority be reached under its ``url`` meanwhile."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(authority.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        authority.url = f"http://127.0.0.1:{server.server_port}/"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield authority
        server.shutdown()
        thread.join()
