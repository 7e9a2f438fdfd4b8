"""RO-Crate 1.1 metadata, by the rules of The ELN Consortium's .eln format and of the notebooks that import it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from biolab.kernel.times import iso
from exports_app.archive.bag import Digested
from exports_app.archive.contents import ArchiveContents
from exports_app.archive.verify import CRATE, PREVIEW

Node = dict[str, Any]

CONTEXT: Final = ["https://w3id.org/ro/crate/1.1/context", {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}]
EXPERIMENT: Final = "data/"
TEXT_LIMIT: Final = 256 * 1024
COMMENT_LIMIT: Final = 1000
COMMENT_TEXT_LIMIT: Final = 1024 * 1024
# Importers read step lists from 104 on; 107 is the newest form that this crate has been tried with.
IMPORT_VERSION: Final = "107"
PUBLISHER: Final = {"@id": "#publisher"}
LICENCE_UNSTATED: Final = "No licence is stated; ask the publisher before using this record."


def build_crate(
    contents: ArchiveContents, files: Iterable[tuple[Digested, str, str]], tags: Iterable[Digested], text: str
) -> bytes:
    """Return ``ro-crate-metadata.json``.

    Args:
        files: every payload file with its media type and description.
        tags: the other files that the signature must cover: the preview and ``bag-info.txt``.
        text: the narrative in Markdown, already cut to ``TEXT_LIMIT``.
    """
    packed_at = iso(contents.finalized_at)
    payload = [_file(file, media_type, description) for file, media_type, description in files]
    people = _People(contents)
    experiment = _experiment(contents, people, packed_at, text)
    experiment["hasPart"] = [{"@id": node["@id"]} for node in payload]
    details = [*_steps(contents), *_comments(contents, people, packed_at), *_channels(contents)]
    for node in details:
        member = {"HowToStep": "step", "Comment": "comment", "PropertyValue": "variableMeasured"}.get(node["@type"])
        if member:
            experiment.setdefault(member, []).append({"@id": node["@id"]})
    graph = [
        *_root(contents, packed_at),
        experiment,
        *payload,
        *(_tag(tag) for tag in tags),
        *details,
        *people.nodes(),
        *_surroundings(contents, packed_at, people),
    ]
    crate = {"@context": CONTEXT, "@graph": graph}
    return (json.dumps(crate, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace")


class _People:
    """The persons that the crate names; whoever is known by name only gets a node without an address."""

    def __init__(self, contents: ArchiveContents) -> None:
        self._nodes: dict[str, Node] = {}
        for person in contents.people:
            self._nodes[person.id] = self._node(f"#{person.id}", person.name, person.email)
        self._names = {person.name: f"#{person.id}" for person in reversed(contents.people)}

    def by_id(self, person_id: str) -> Node | None:
        node = self._nodes.get(person_id)
        return {"@id": node["@id"]} if node else None

    def by_name(self, name: str) -> Node:
        name = name or "Unknown"
        if name not in self._names:
            key = f"#person-{len(self._names) + 1}"
            self._names[name] = key
            self._nodes[key] = self._node(key, name, "")
        return {"@id": self._names[name]}

    def nodes(self) -> list[Node]:
        return list(self._nodes.values())

    @staticmethod
    def _node(key: str, name: str, email: str) -> Node:
        given, _, family = name.strip().rpartition(" ")
        node = {"@id": key, "@type": "Person", "name": name, "givenName": given or family, "familyName": family}
        return node | ({"email": email} if email else {})


def _root(contents: ArchiveContents, packed_at: str) -> Iterator[Node]:
    session = contents.facts.session
    yield {
        "@id": CRATE,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "dateCreated": packed_at,
        "sdPublisher": PUBLISHER,
        "version": "1.0",
    }
    yield {
        "@id": "./",
        "@type": "Dataset",
        "name": f"{session.name}, export version {contents.version}",
        "description": f"Session {contents.execution_id} with its readings, history, evidence and approvals.",
        "datePublished": packed_at,
        "identifier": contents.export_id,
        "version": IMPORT_VERSION,
        "license": {"@id": _licence(contents)["@id"]},
        "publisher": PUBLISHER,
        "hasPart": [{"@id": EXPERIMENT}],
        "mentions": [{"@id": "#packing"}],
    }


def _experiment(contents: ArchiveContents, people: _People, packed_at: str, text: str) -> Node:
    session = contents.facts.session
    author = people.by_id(contents.author_id) or people.by_name("")
    words = [session.protocol_name, session.status, *(channel.name for channel in contents.facts.channels)]
    keywords = dict.fromkeys(word.replace(",", " ").strip() for word in words)
    return {
        "@id": EXPERIMENT,
        "@type": "Dataset",
        "name": session.name or contents.execution_id,
        "description": session.description or f"A session of {session.protocol_name or 'no protocol'}.",
        "identifier": contents.execution_id,
        "genre": "experiment",
        "author": author,
        "creator": author,
        "dateCreated": session.created_at,
        "dateModified": packed_at,
        "datePublished": packed_at,
        "creativeWorkStatus": session.status,
        "encodingFormat": "text/markdown",
        "text": text,
        "keywords": ",".join(word for word in keywords if word),
        "license": {"@id": _licence(contents)["@id"]},
    }


def _file(file: Digested, media_type: str, description: str) -> Node:
    return {
        "@id": file.name,
        "@type": "File",
        "name": file.name.rpartition("/")[2],
        "description": description,
        "encodingFormat": media_type,
        "contentSize": str(file.size),
        "sha256": file.sha256,
    }


def _tag(file: Digested) -> Node:
    page = file.name == PREVIEW
    return {
        "@id": file.name,
        "@type": "CreativeWork",
        "name": "The dossier as a page" if page else "What the bag says of itself",
        "about": {"@id": "./"},
        "encodingFormat": "text/html" if page else "text/plain",
        "contentSize": str(file.size),
        "sha256": file.sha256,
    }


def _steps(contents: ArchiveContents) -> Iterator[Node]:
    for step in contents.facts.steps:
        key = f"#step-{step.index + 1}"
        yield {
            "@id": key,
            "@type": "HowToStep",
            "name": f"Step {step.index + 1}",
            "position": step.index + 1,
            "creativeWorkStatus": "finished" if step.status in {"completed", "skipped"} else "unfinished",
            "itemListElement": {"@id": f"{key}-direction"},
        } | ({"endTime": step.completed_at} if step.completed_at else {})
        yield {"@id": f"{key}-direction", "@type": "HowToDirection", "text": step.instruction}


def _comments(contents: ArchiveContents, people: _People, packed_at: str) -> Iterator[Node]:
    room = COMMENT_TEXT_LIMIT
    for number, note in enumerate(contents.facts.notes[:COMMENT_LIMIT], start=1):
        room -= len(note.content)
        if room < 0:
            return  # the narrative holds every note; the crate is read whole and must stay small
        yield {
            "@id": f"#note-{number}",
            "@type": "Comment",
            "name": f"{note.type} {note.timestamp}",
            "identifier": note.id,
            "author": people.by_name(note.author or note.speaker),
            "dateCreated": note.timestamp or packed_at,
            "text": note.content,
        }


def _channels(contents: ArchiveContents) -> Iterator[Node]:
    for number, channel in enumerate(contents.facts.channels, start=1):
        node: Node = {
            "@id": f"#channel-{number}",
            "@type": "PropertyValue",
            "propertyID": channel.name,
            "name": channel.name,
            "unitText": channel.unit,
            "value": "no readings" if channel.mean is None else f"mean {channel.mean!r} of {channel.count} readings",
        }
        if channel.minimum is not None and channel.maximum is not None:
            node |= {"minValue": channel.minimum, "maxValue": channel.maximum}
        yield node


def _licence(contents: ArchiveContents) -> Node:
    stated = contents.licence or LICENCE_UNSTATED
    key = stated if stated.startswith("https://") and not set(stated) & set(' \t\r\n<>"{}|\\^`') else "#licence"
    return {"@id": key, "@type": "CreativeWork", "name": stated, "description": stated}


def _surroundings(contents: ArchiveContents, packed_at: str, people: _People) -> Iterator[Node]:
    publisher = contents.publisher
    area = {"name": publisher.name, "areaServed": publisher.area}
    yield {"@id": "#publisher", "@type": "Organization"} | area | ({"url": publisher.url} if publisher.url else {})
    yield _licence(contents)
    yield {
        "@id": "#biolab",
        "@type": "SoftwareApplication",
        "name": "BioLab",
        "softwareVersion": contents.software_version,
        "version": contents.software_version,
    }
    yield {
        "@id": "#packing",
        "@type": "CreateAction",
        "name": "Packed after approval",
        "endTime": packed_at,
        "instrument": {"@id": "#biolab"},
        "object": {"@id": EXPERIMENT},
        "result": {"@id": "./"},
    }
