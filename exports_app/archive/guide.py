"""``data/VERIFY.md``: how anyone checks the archive, with programs that are not ours."""

from __future__ import annotations

from exports_app.archive.contents import ArchiveContents
from exports_app.archive.layout import root_name
from exports_app.archive.sign import minisign_public_key
from exports_app.archive.verify import CRATE


def verify_guide(contents: ArchiveContents) -> bytes:
    """Return the guide's Markdown, with the instance's public key in it."""
    root = root_name(contents.execution_id, contents.version)
    key = minisign_public_key(contents.signer)
    return f"""# How to verify this archive

Nothing here needs a network, an account or BioLab itself. Any one of these will do; each looks at other things.

Unpack the file first: `unzip {root}.eln`. Take the public key from someone you trust, best from the laboratory's own
`/.well-known/keys.json`; the one printed here only shows that the parts of this archive belong together:

    {key}

1. **Everything at once**, with Python 3.9 or later and nothing else:

       python3 -I {root}/data/verify.py {root}.eln --key {key}

   It re-computes the manifests, the event chain, the readings' digests and every signature, and names the first thing
   that is wrong. If you do not trust the copy in here, run `biolab verify`, or a copy from elsewhere.

2. **The instance's signature**, with [minisign](https://jedisct1.github.io/minisign/):

       minisign -V -P {key} -m {root}/{CRATE}

   That file lists the SHA-256 of every other file under `data/`.

3. **The bag** (BagIt 1.0): `bagit.py --validate {root}`, or `sha256sum -c manifest-sha256.txt` inside the folder.

4. **The crate** (RO-Crate 1.1): `rocrate-validator validate --profile-identifier ro-crate-1.1 {root}`.

5. **As a notebook entry**: programs that read the `.eln` format import the file as it is.

## What is what

- `narrative.md`: the dossier that was approved, unchanged, then the section Approvals. `export.json` gives the length
  (`content_length`) and SHA-256 (`content_digest`) of the approved part.
- `narrative.pdf`: the same for print; of a long session it shows the first events.
- `raw/`, `audio/`, `transcripts/`: files, recordings and what was heard in them, as they came in. The approved dossier
  names each by its SHA-256.
- `events.jsonl`: the session's history. Each line has the exact text of an event and its hash, the SHA-256 of the byte
  1, the hash before it and that text. The first follows the byte 0 and `genesis` in `checkpoint.json`.
- `checkpoint.json`: the last hash, signed (Ed25519, over the byte 2 and the text).
- `signatures.jsonl`: one DSSE envelope for each signature, around an in-toto statement. In it, `canonical` is what was
  signed (Ed25519, over the byte 3 and the text). `subject.digest` binds the dossier, the attachments, the approval
  rules' snapshot and the readings together, as `subject_digest` in `verify.py` computes it. A waiver of the guardrails
  stands there too, with the text of the simulation it was signed under, whose SHA-256 it names.
- `telemetry.csv` and `telemetry.parquet`: the same readings. A channel's digest is the SHA-256 of its readings in time
  order: microseconds since 1970 as 8 bytes, then the value as 8 bytes (IEEE 754), both big-endian.

What could not be included stands in `bag-info.txt` as `Left-Out`.
""".encode()
