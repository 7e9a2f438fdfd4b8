"""Exports at the desk."""

from exports_app.admin.approvals import DossierDeskAdmin
from exports_app.admin.decks import DeckJobAdmin
from exports_app.admin.exports import FixityCheckAdmin, FrozenObjectAdmin, NarrativeExportAdmin
from exports_app.admin.guardrails import GuardrailDeskAdmin

__all__ = [
    "DeckJobAdmin",
    "DossierDeskAdmin",
    "FixityCheckAdmin",
    "FrozenObjectAdmin",
    "GuardrailDeskAdmin",
    "NarrativeExportAdmin",
]
