"""The tables of exports, of what they were frozen from, and of decks."""

from exports_app.models.deck import DeckJob, DeckJobQuerySet
from exports_app.models.export import (
    ExportAttachment,
    ExportOriginal,
    FixityCheck,
    FrozenObject,
    NarrativeExport,
    NarrativeExportQuerySet,
    OriginalFolder,
)
from exports_app.models.stamp import ArchiveStamp, ArchiveStampQuerySet

__all__ = [
    "ArchiveStamp",
    "ArchiveStampQuerySet",
    "DeckJob",
    "DeckJobQuerySet",
    "ExportAttachment",
    "ExportOriginal",
    "FixityCheck",
    "FrozenObject",
    "NarrativeExport",
    "NarrativeExportQuerySet",
    "OriginalFolder",
]
