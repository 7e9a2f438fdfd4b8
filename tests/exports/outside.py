"""Verifiers that are not ours: rocrate-validator without a network, minisign, and the rules of importing notebooks."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests_cache import CachedSession

from exports_app.archive import verify
from tests.exports import archive_kit as kit
from tests.services import program

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


def fill_cache(cache: Path) -> None:
    """Put the context that ``rocrate`` ships under its address into a cache file."""
    body = files("rocrate").joinpath("data/ro-crate.jsonld").read_bytes()
    response = requests.Response()
    response.status_code, response.url, response.encoding = 200, CONTEXT, "utf-8"
    response._content = body
    response.headers["Content-Type"] = "application/ld+json"
    response.request = requests.Request("GET", CONTEXT).prepare()
    response.raw = urllib3.HTTPResponse(
        body=io.BytesIO(body), status=200, headers=response.headers, preload_content=False, request_url=CONTEXT
    )
    with CachedSession(cache_name=str(cache), backend="sqlite", expire_after=-1) as session:
        session.cache.save_response(response)


def crate_issues(crate: Path, folder: Path, *, profile: str = "ro-crate-1.1") -> list[dict[str, Any]]:
    """Return what the validator's REQUIRED checks of RO-Crate 1.1 find wrong."""
    cache, report = folder / "cache", folder / "report.json"
    if not cache.with_suffix(".sqlite").exists():
        fill_cache(cache)
    command = [str(Path(sys.executable).with_name("rocrate-validator")), "-y", "--disable-color", "validate"]
    command += ["--offline", "--cache-path", str(cache), "--no-paging", "-p", profile, "-np", "-l", "required"]
    run = subprocess.run(
        [*command, "-f", "json", "-o", str(report), str(crate)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert report.exists(), run.stdout + run.stderr
    issues: list[dict[str, Any]] = json.loads(report.read_text())["issues"]
    assert (run.returncode == 0) == (not issues), run.stdout + run.stderr
    return issues


def run_minisign(bag: Path, *, key: str = "") -> subprocess.CompletedProcess[str]:
    """Run minisign on an unpacked bag, with the key of its guide unless another is given; skip without the program."""
    minisign = program("minisign")
    found = re.search(r"minisign -V -P (\S+)", (bag / "data/VERIFY.md").read_text())
    assert found is not None
    command = [minisign, "-V", "-P", key or found.group(1), "-m", verify.CRATE]
    return subprocess.run(command, cwd=bag, capture_output=True, text=True, check=False)


def import_problems(archive: bytes) -> list[str]:
    """Return what keeps an electronic notebook from importing the archive in full, by eLabFTW's rules."""
    files, nodes, wrong = kit.members(archive), kit.crate(archive), []
    root, experiments = nodes["./"], []
    if "areaServed" not in nodes[nodes[verify.CRATE]["sdPublisher"]["@id"]]:
        wrong.append("the publisher has no areaServed")
    if int(root["version"]) < 104:
        wrong.append("a root version below 104 cannot bring steps")
    for part in root["hasPart"]:
        experiments.append(nodes[part["@id"]])
    for node in experiments:
        if node["@type"] != "Dataset" or node.get("genre") != "experiment":
            wrong.append(f"{node['@id']} is no experiment")
        for name in ("comment", "mentions", "step", "variableMeasured", "hasPart"):
            if name in node and not isinstance(node[name], list):
                wrong.append(f"{name} is not a list")
        if node["encodingFormat"] != "text/markdown" or not node["text"]:
            wrong.append("no body in Markdown")
        if not isinstance(node["keywords"], str):
            wrong.append("keywords are not one text")
        for step in (nodes[one["@id"]] for one in node.get("step", [])):
            direction = nodes[step["itemListElement"]["@id"]]
            if step["creativeWorkStatus"] not in {"finished", "unfinished"} or "text" not in direction:
                wrong.append(f"{step['@id']} is no step")
        for comment in (nodes[one["@id"]] for one in node.get("comment", [])):
            if "dateCreated" not in comment or nodes[comment["author"]["@id"]]["@type"] != "Person":
                wrong.append(f"{comment['@id']} is no comment")
        wrong += [
            f"{one['@id']} has no name"
            for one in node.get("variableMeasured", [])
            if not nodes[one["@id"]]["propertyID"]
        ]
        for file in (nodes[one["@id"]] for one in node["hasPart"]):
            data = files[file["@id"]]
            fits = file["sha256"] == hashlib.sha256(data).hexdigest() and file["contentSize"] == str(len(data))
            if file["@type"] != "File" or not fits or not file["name"] or not file["encodingFormat"]:
                wrong.append(f"{file['@id']} would not be imported")
        listed = {one["@id"] for one in node["hasPart"]}
        wrong += [f"{name} is not listed" for name in files if name.startswith("data/") and name not in listed]
    return wrong
