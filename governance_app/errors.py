"""Refusals of the compliance desk."""

from __future__ import annotations

from biolab.kernel.errors import Conflict, Forbidden


class TemplateDrifted(Conflict):
    """A snapshot's text is no longer the one that was hashed when it was published."""

    default_code = "template_drifted"


class TemplateFixed(Conflict):
    """Only drafts are edited; a published version is succeeded by another."""

    default_code = "template_fixed"


class TemplateArchived(Conflict):
    """The version was taken out of use."""

    default_code = "template_archived"


class LadderClosed(Conflict):
    """The ladder is decided or withdrawn."""

    default_code = "ladder_closed"


class StageNotCurrent(Conflict):
    """Stages are signed in order, one at a time."""

    default_code = "stage_not_current"


class MayNotSign(Forbidden):
    """The person may see the stage and not sign it."""

    default_code = "may_not_sign"


class AdministratorsOnly(Forbidden):
    """Templates are the compliance administrators' alone."""

    default_code = "administrators_only"


class OverrideStands(Conflict):
    """What a recommendation led to is in force already."""

    default_code = "override_stands"


class CoolingDown(Conflict):
    """The window that was set with the last move is still open."""

    default_code = "cooling_down"


class OutOfReach(Forbidden):
    """The person's tier does not reach this override."""

    default_code = "tier_too_low"


class BaselineDrifted(Conflict):
    """What was frozen of a baseline is no longer what was hashed when it was submitted."""

    default_code = "baseline_drifted"
