"""What the notebook's doors read and show."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from biolab.kernel.times import iso
from sessions_app.api.bound import PlaceForm, bound_shape
from sessions_app.api.console_fields import PublicId
from sessions_app.api.console_schemas import PersonSchema
from sessions_app.api.console_shapes import person_shape
from sessions_app.models import EntrySignature, EntryVersion, NotebookEntry
from sessions_app.models.notebook import PREVIEW
from sessions_app.services.notebook import MAX_CONTENT
from sessions_app.signed_entries import holds
from sessions_app.states import EntryMeaning, EntryStatus
from sessions_app.wording import MAX_NAME, MAX_REASON

Schema = serializers.Serializer[Any]


class EntryForm(PlaceForm):
    """An entry to begin."""

    title = serializers.CharField(max_length=MAX_NAME)
    content = serializers.CharField(
        max_length=MAX_CONTENT, default="", allow_blank=True, trim_whitespace=False, help_text="Markdown."
    )


class EntryChange(Schema):
    """What changes in an entry; what is absent stays."""

    title = serializers.CharField(max_length=MAX_NAME, required=False)
    content = serializers.CharField(
        max_length=MAX_CONTENT, required=False, allow_blank=True, trim_whitespace=False, help_text="Markdown."
    )
    execution_id = PublicId(
        "sess", required=False, allow_null=True, help_text="The one it has: an entry stays where it was begun."
    )
    reason = serializers.CharField(max_length=MAX_REASON, default="", allow_blank=True)


class EntryWithdrawal(Schema):
    """Why an entry is withdrawn; needed once it is signed or its session has ended."""

    reason = serializers.CharField(max_length=MAX_REASON, required=False, allow_blank=True)


class EntryFilters(Schema):
    """Which entries to list."""

    execution_id = PublicId("sess", required=False, help_text="Only those of this session.")
    status = serializers.ChoiceField(choices=EntryStatus.choices, required=False)
    q = serializers.CharField(max_length=255, required=False, help_text="Part of the title or the text.")
    include = serializers.ChoiceField(choices=["content"], required=False, help_text="The whole text of each, too.")


class EntrySignForm(Schema):
    """A signature: the name as typed, and the password or a code once more. Who may sign is asked before they are."""

    signature = serializers.CharField(max_length=255, default="", allow_blank=True)
    password = serializers.CharField(max_length=1024, default="", allow_blank=True, trim_whitespace=False)
    totp = serializers.CharField(max_length=16, default="", allow_blank=True)
    digest = serializers.CharField(
        max_length=64, required=False, help_text="`digest` of what was shown; another wording by then is 409."
    )


class EntrySignatureSchema(Schema):
    id = serializers.CharField()
    meaning = serializers.ChoiceField(choices=EntryMeaning.choices)
    version = serializers.IntegerField()
    digest = serializers.CharField()
    signer_id = serializers.CharField()
    printed_name = serializers.CharField(help_text="As at signing.")
    signature = serializers.CharField()
    role = serializers.CharField()
    signed_at = serializers.DateTimeField()
    local_time = serializers.CharField()
    zone = serializers.CharField()
    key_id = serializers.CharField()
    canonical = serializers.CharField()
    seal = serializers.CharField()


class CheckedSignatureSchema(EntrySignatureSchema):
    valid = serializers.BooleanField(help_text="The seal and the wording hold now.")


class _EntrySchema(Schema):
    id = serializers.CharField()
    execution_id = serializers.CharField(allow_null=True)
    team_id = serializers.CharField()
    title = serializers.CharField()
    version = serializers.IntegerField()
    digest = serializers.CharField(help_text="SHA-256 of the present wording.")
    status = serializers.ChoiceField(choices=EntryStatus.choices)
    late_entry = serializers.BooleanField()
    author = PersonSchema()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class EntrySchema(_EntrySchema):
    content = serializers.CharField(help_text="Markdown.")
    signatures = CheckedSignatureSchema(many=True)


class ListedEntrySchema(_EntrySchema):
    preview = serializers.CharField(help_text=f"The first {PREVIEW} characters.")
    content = serializers.CharField(required=False, help_text="Where it was asked for.")


class EntriesSchema(Schema):
    items = ListedEntrySchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class EntryVersionSchema(Schema):
    version = serializers.IntegerField()
    action = serializers.ChoiceField(choices=["created", "changed", "withdrawn"])
    title = serializers.CharField()
    content = serializers.CharField()
    digest = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    by = PersonSchema(help_text="Under the name of that time.")
    at = serializers.DateTimeField()


class EntryVersionsSchema(Schema):
    items = EntryVersionSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def _common(entry: NotebookEntry) -> dict[str, Any]:
    return {
        **bound_shape(entry),
        "title": entry.title,
        "version": entry.version,
        "digest": entry.digest,
        "status": entry.status,
        "author": person_shape(entry.created_by),
        "updated_at": iso(entry.updated_at),
    }


def entry_shape(entry: NotebookEntry) -> dict[str, Any]:
    """Return an entry that came ``with_signatures()``; each is checked."""
    signatures = [
        {**signature_shape(signature), "valid": holds(signature, entry=entry)} for signature in entry.signatures.all()
    ]
    return {**_common(entry), "content": entry.content, "signatures": signatures}


def listed_entry_shape(entry: NotebookEntry) -> dict[str, Any]:
    """Return an entry that came ``in_short()``."""
    return {**_common(entry), "preview": vars(entry)["beginning"]}


def whole_entry_shape(entry: NotebookEntry) -> dict[str, Any]:
    """Return an entry as lists show it with its text."""
    return {**_common(entry), "preview": entry.content[:PREVIEW], "content": entry.content}


def signature_shape(signature: EntrySignature) -> dict[str, Any]:
    """Return a signature with all that it is bound to."""
    return {
        "id": signature.public_id,
        "meaning": signature.meaning,
        "version": signature.version,
        "digest": signature.digest,
        "signer_id": signature.signer.public_id,
        "printed_name": signature.printed_name,
        "signature": signature.typed,
        "role": signature.role,
        "signed_at": iso(signature.signed_at),
        "local_time": signature.local_time,
        "zone": signature.zone,
        "key_id": signature.key_id,
        "canonical": signature.canonical,
        "seal": signature.seal,
    }


def entry_version_shape(version: EntryVersion) -> dict[str, Any]:
    """Return one version of an entry."""
    return {
        "version": version.version,
        "action": version.action,
        "title": version.title,
        "content": version.content,
        "digest": version.digest,
        "reason": version.reason,
        "by": {"id": version.by.public_id, "name": version.by_name},
        "at": iso(version.at),
    }
