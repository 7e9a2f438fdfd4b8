"""The nginx configuration that BioLab ships, in front of service mode's servers."""

from __future__ import annotations

import gzip
import json
import os
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.sync.client import connect

from biolab.private_services import free_port
from tests.faults import house
from tests.services import program

pytestmark = [pytest.mark.services]

CONFIG = house.ROOT / "deploy" / "nginx.conf"
WRITABLE = "client_body proxy fastcgi uwsgi scgi"


@dataclass
class Front:
    """Where nginx listens, what it wrote, and a session behind it with an instrument's token."""

    plain: str
    url: str
    certificate: Path
    log: Path
    session: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.token}"}


@pytest.fixture(scope="module")
def front(service_house: house.House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Give the shipped proxy; only addresses, ports and folders differ from an installation's."""
    binary, folder = program("nginx", package="nginx-light"), tmp_path_factory.mktemp("nginx")
    make_certificate(folder)
    http, https = free_port(), free_port()
    text = CONFIG.read_text()
    folders = "".join(f"    {name}_temp_path {folder / name};\n" for name in WRITABLE.split())
    for shipped, here in {
        "web:8000": urlsplit(service_house.url).netloc,
        "live:8000": urlsplit(service_house.env["LIVE_URL"]).netloc,
        "listen 80;": f"listen 127.0.0.1:{http};",
        "listen 443 ": f"listen 127.0.0.1:{https} ",
        "/etc/nginx/tls/": f"{folder}/",
        "/dev/stdout": str(folder / "access.log"),
        "http {\n": f"http {{\n{folders}",
    }.items():
        assert shipped in text
        text = text.replace(shipped, here)
    (folder / "nginx.conf").write_text(text)
    owner = " user root;" if os.geteuid() == 0 else ""
    globals_ = f"daemon off; pid {folder}/nginx.pid;{owner}"
    with (folder / "error.log").open("wb") as errors:
        nginx = subprocess.Popen(
            [binary, "-e", "stderr", "-c", str(folder / "nginx.conf"), "-g", globals_], stdout=errors, stderr=errors
        )
    plain = f"http://127.0.0.1:{http}"
    session, token = house.running_session(service_house)
    try:
        house.wait_for(lambda: answers(plain), timeout_s=20, doing=f"for nginx: {(folder / 'error.log').read_text()}")
        url = f"https://127.0.0.1:{https}"
        yield Front(plain, url, folder / "fullchain.pem", folder / "access.log", session, token)
    finally:
        nginx.terminate()
        nginx.wait(20)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2, allow_redirects=False).status_code == 301
    except requests.ConnectionError:
        return False


def make_certificate(folder: Path) -> None:
    """Write a key and a certificate for 127.0.0.1 that vouches for itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def test_a_packed_body_without_a_length_arrives_whole(front: Front) -> None:
    first = int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1000)
    lines = "".join(f"proxy value={i / 7} {first + i}\n" for i in range(20_000))
    body = gzip.compress(lines.encode())

    answer = requests.post(
        f"{front.url}/influx/{front.session}/api/v2/write?precision=ms",
        data=(body[i : i + 1_000] for i in range(0, len(body), 1_000)),
        headers={**front.headers, "Content-Encoding": "gzip"},
        verify=str(front.certificate),
        timeout=60,
    )
    told = requests.get(
        f"{front.url}/api/sessions/{front.session}/telemetry/channels",
        headers=front.headers,
        verify=str(front.certificate),
        timeout=60,
    ).json()

    assert answer.status_code == 204, answer.text
    assert {item["name"]: item["count"] for item in told["items"]}["proxy.value"] == 20_000


def test_a_socket_opens_and_its_readings_are_acknowledged(front: Front) -> None:
    trusting = ssl.create_default_context(cafile=front.certificate)
    address = f"wss://{urlsplit(front.url).netloc}/ws/controller/telemetry"

    with connect(address, additional_headers=front.headers, ssl=trusting) as socket:
        socket.send(json.dumps({"event_public_id": "chan_00000000000000000000000000", "value": 1}))
        told = json.loads(socket.recv(timeout=30))

    assert told == {"type": "ack", "accepted": 0, "rejected": [{"index": 0, "code": "unknown_event"}]}


def test_socket_io_polls_the_live_server(front: Front) -> None:
    address = f"{front.url}/ws/socket.io/?EIO=4&transport=polling"

    def ask(method: str, more: str = "", body: str | None = None) -> str:
        return requests.request(method, address + more, data=body, verify=str(front.certificate), timeout=30).text

    sid = json.loads(ask("GET").removeprefix("0"))["sid"]
    shown = ask("POST", f"&sid={sid}", "40" + json.dumps({"token": front.token}))
    told = ask("GET", f"&sid={sid}")
    if "connected" not in told:
        told += ask("GET", f"&sid={sid}")
    ask("POST", f"&sid={sid}", "1")

    assert shown == "OK"
    assert told.startswith("40{")
    assert '42["connected",{' in told
    assert sid not in front.log.read_text()


def test_an_export_comes_whole_through_the_live_server(front: Front) -> None:
    sent = requests.post(
        f"{front.url}/api/sessions/{front.session}/telemetry",
        json={"channel": "exported", "value": 1.5},
        headers=front.headers,
        verify=str(front.certificate),
        timeout=60,
    )
    file = requests.get(
        f"{front.url}/api/sessions/{front.session}/telemetry/export?channels=exported",
        headers=front.headers,
        verify=str(front.certificate),
        timeout=60,
    )

    assert (sent.status_code, file.status_code) == (200, 200)
    assert file.text.splitlines()[1].endswith(",exported,1.5,")
    assert "Content-Length" not in file.headers


def test_plain_http_leads_to_tls_and_figures_of_the_house_stay_inside(front: Front) -> None:
    plain = requests.get(f"{front.plain}/sessions", allow_redirects=False, timeout=10)
    metrics = requests.get(f"{front.url}/metrics", verify=str(front.certificate), timeout=10)

    assert (plain.status_code, plain.headers["Location"]) == (301, "https://127.0.0.1/sessions")
    assert metrics.status_code == 404


def test_a_token_in_a_path_is_not_logged(front: Front) -> None:
    answer = requests.post(
        f"{front.url}/api/v1/{front.token}/telemetry", json={"pH": 7}, verify=str(front.certificate), timeout=30
    )

    assert answer.status_code == 200, answer.text
    house.wait_for(lambda: "/api/v1/(token)/telemetry" in front.log.read_text(), timeout_s=10, doing="for the log")
    assert front.token not in front.log.read_text()
