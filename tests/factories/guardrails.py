"""Guardrail simulations, blocked or clear, made by the service."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from biolab.accounts.models import User
from governance_app.models import GuardrailSimulation
from governance_app.services.guardrails import simulate_guardrails
from sessions_app.models import LabSession
from tests.factories.sessions import NINE


def make_simulation(session: LabSession, *, by: User, blocked: bool = True, at: datetime = NINE) -> GuardrailSimulation:
    """Return a simulation of one stage, which is held up by an hour unless it is to be clear."""
    side: dict[str, Any] = {
        "status": "ready",
        "sla_hours": 1,
        "projected_due_at": "2026-03-02T10:00:00Z",
        "blockers": [],
        "required_actions": [],
        "auto_triggers": [],
    }
    late = {**side, "projected_due_at": "2026-03-02T11:00:00Z"}
    stage = {"index": 0, "name": "Review", "required_role": "reviewer", "mapped_step_indexes": [], "gate_keys": []}
    compared = {**stage, "baseline": side, "simulated": late if blocked else side}
    return simulate_guardrails(session=session, by=by, at=at, comparisons=[compared])
