"""Read an archive back as a session that nobody adds to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.db import IntegrityError, transaction

from biolab.accounts.models import Team, User
from biolab.kernel import keys, security
from biolab.kernel.errors import Conflict, Forbidden, Invalid
from biolab.kernel.ids import parse_id
from exports_app import storage
from exports_app.archive import verify
from exports_app.archive.readings import read_parquet
from sessions_app.models import LabSession
from sessions_app.services.adopting import AdoptedSession, Origin, adopt_session
from sessions_app.verification import verify_session
from telemetry_app.services.adopting import adopt_readings

FOLDER = "imported"


class ArchiveRefused(Invalid):
    """The file is no archive that may be read back."""

    default_code = "archive_refused"


def import_archive(*, path: Path, team: Team, by: User, at: datetime, key: str = "") -> LabSession:
    """Verify the archive at ``path``, read it back for ``team`` and return the session.

    It keeps its id, its events with their hashes, its signed checkpoint and its readings; notes, approvals and evidence
    are in its history and in the archive, which is kept. What is read is verified again before it is there for anyone.

    Args:
        key: the public key that the archive must be signed with; may be empty for one of this instance's own keys.

    Raises:
        Forbidden: the person is no administrator.
        ArchiveRefused: the archive is not valid, or signed with a key that nobody vouches for.
        Conflict: its session is here already, or had not ended.
        StorageUnreachable: the archive could not be kept.
    """
    if not by.is_admin:
        raise Forbidden("Only administrators import archives.", code="administrators_only")
    report = verify.check(path, key)
    if not report.valid:
        raise ArchiveRefused(f"The archive is not what was sealed: {report.first_bad}", first_bad=report.first_bad)
    kept = storage.measured(path, media_type="application/vnd.eln+zip")
    stored_as = f"{FOLDER}/{kept.sha256}.eln"
    with path.open("rb") as file:
        archive = _Archive(file)
        archive.require_trusted(key)
        told = archive.session()
        origin = archive.origin(kept.sha256, stored_as)
        if LabSession.objects.filter(pk=told.pk).exists():
            raise Conflict("This session is here already.", code="session_exists")
        storage.put(path, stored_as)
        try:
            with transaction.atomic(), storage.workbench() as folder:
                session = adopt_session(told=told, origin=origin, team=team, by=by, at=at)
                archive.adopt_readings(session, folder=folder, sha256=kept.sha256, by=by, at=at)
                found = verify_session(session.pk)
                if not found.valid:
                    raise ArchiveRefused(f"The history does not verify here: {found.reason}")
                security.note(
                    "archive.imported",
                    person=by,
                    at=at,
                    session_id=session.public_id,
                    sha256=kept.sha256,
                    team_id=team.public_id,
                    key_id=origin.key_id,
                )
        except IntegrityError as error:
            raise Conflict("Something of this archive is here already.", code="session_exists") from error
    return session


class _Archive:
    """A verified archive, read part by part."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = verify.Zip(file)
        self._verifier = verify.Verifier(self._zip)
        self._verifier.check_bag()
        self._verifier.check_signature()
        self._export: dict[str, Any] = self._verifier.export
        self._checkpoint: dict[str, Any] = self._read("data/checkpoint.json")

    def require_trusted(self, key: str) -> None:
        """Refuse an archive of another instance whose key was not named.

        Raises:
            ArchiveRefused: nobody vouches for the key.
        """
        ours = {known["key_id"] for known in keys.known_keys()}
        if not key and self._verifier.packing_key not in ours:
            raise ArchiveRefused(
                f"The archive is signed with the key {self._verifier.packing_key}, which is none of this instance's; "
                "name the public key of the laboratory it comes from with --key.",
                code="key_unknown",
            )

    def session(self) -> AdoptedSession:
        """Return what it says of its session.

        Raises:
            ArchiveRefused: the session has no id.
        """
        facts, pk = self._export["session"], parse_id(self._export["execution_id"], LabSession.id_prefix)
        if pk is None:
            raise ArchiveRefused("The archive names no session.")
        return AdoptedSession(
            pk=pk,
            name=facts["name"],
            description=facts["description"],
            status=facts["status"],
            parameters=facts["parameters"],
            created_at=datetime.fromisoformat(self._checkpoint["genesis"]["created_at"]),
            started_at=_moment(facts["started_at"]),
            ended_at=_moment(facts["ended_at"]),
            instructions=self._instructions(),
            events=self._events(),
            checkpoint=(self._checkpoint["canonical"], self._checkpoint["signature"]),
        )

    def origin(self, sha256: str, stored_as: str) -> Origin:
        """Return where it comes from."""
        return Origin(
            sha256=sha256,
            stored_as=stored_as,
            export_id=self._export["export_id"],
            version=self._export["version"],
            key_id=self._verifier.packing_key,
            keys={key["key_id"]: key["public_key"] for key in self._export["keys"]},
            protocol_digest=self._checkpoint["genesis"]["protocol_digest"],
        )

    def adopt_readings(self, session: LabSession, *, folder: Path, sha256: str, by: User, at: datetime) -> None:
        """Store its readings with the session, and hold them against their seals.

        Raises:
            ArchiveRefused: they are not the ones that were sealed.
        """
        telemetry = self._export["telemetry"]
        if telemetry is None:
            return
        path = folder / "telemetry.parquet"
        with path.open("wb") as copy:
            copy.writelines(self._zip.chunks("data/telemetry.parquet"))
        seals = adopt_readings(
            session=session,
            units={channel["name"]: channel["unit"] for channel in telemetry["channels"]},
            runs=((run.channel, run.times, run.values) for run in read_parquet(path)),
            sha256=sha256,
            by=by,
            at=at,
        )
        for channel in telemetry["channels"]:
            seal = seals.get(channel["name"])
            if seal is None or (seal.count, seal.sha256) != (channel["count"], channel["digest"]):
                raise ArchiveRefused(f"The readings of {channel['name']!r} are not the ones that were sealed.")

    def _read(self, name: str) -> Any:
        return json.loads(self._verifier.read(name))

    def _events(self) -> Iterator[tuple[str, str]]:
        for line in self._verifier.lines("data/events.jsonl"):
            row = json.loads(line)
            yield row["hash"], row["canonical"]

    def _instructions(self) -> list[str]:
        nodes = {node["@id"]: node for node in self._read(verify.CRATE)["@graph"]}
        steps = [node for node in nodes.values() if node.get("@type") == "HowToStep"]
        steps.sort(key=lambda node: int(node["position"]))
        return [nodes[step["itemListElement"]["@id"]]["text"] for step in steps]


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
