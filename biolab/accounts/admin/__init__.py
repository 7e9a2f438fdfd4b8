"""The administration of people and teams; that of their tokens shows snippets and lives with the instruments."""

from biolab.accounts.admin.people import PersonAdmin
from biolab.accounts.admin.teams import TeamAdmin

__all__ = ["PersonAdmin", "TeamAdmin"]
