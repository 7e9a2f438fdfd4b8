"""Preview a ladder on a session, judge what it would change, and waive the verdict."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.auth.periods import period_of
from biolab.accounts.services.reentry import Components
from biolab.kernel.api import Door
from biolab.kernel.api.paging import paged
from biolab.kernel.ids import find
from governance_app.api import preview_schemas as schemas
from governance_app.api.preview_forms import PreviewForm, SessionFilter, SimulationForm, WaiverForm
from governance_app.models import GuardrailSimulation
from governance_app.policies.guardrails import require_previewer, require_waiver
from governance_app.rules.simulation import StageOverride
from governance_app.selectors.rehearsal import Wish
from governance_app.services.guardrails import simulate_guardrails, waive_guardrails
from governance_app.services.previews import preview_ladder
from governance_app.shapes.guardrails import simulation_as_wire
from sessions_app.models import LabSession


class PreviewDoor(Door):
    """What a ladder would meet on a session."""

    scope_area = "governance"

    @extend_schema(
        summary="Preview a ladder on a session",
        description=(
            "For members of the session's team and administrators. Changes nothing of the session; the preview is kept "
            "in the template's history and told on the timeline. Stages count from 0. An override of no stage, or to "
            "nobody in the team, is passed over with a warning."
        ),
        request=PreviewForm,
        responses=schemas.LadderPreview,
        tags=["governance"],
    )
    def post(self, request: Request, execution_id: str) -> Response:
        session = find(LabSession.objects.visible_to(self.person), execution_id)
        require_previewer(self.person, session)
        values = self.validated(PreviewForm)
        wish = Wish(
            stages=[StageOverride(**given) for given in values.get("stage_overrides") or []],
            resources=values.get("resource_overrides") or {},
        )
        preview = preview_ladder(
            session=session,
            snapshot_id=values["workflow_template_snapshot_id"],
            wish=wish,
            by=self.person,
            at=self.now,
        )
        return self.answer(preview.answer)


class GuardrailsArea(Door):
    """What the doors of simulations share."""

    scope_area = "governance"

    def simulation(self, simulation_id: str) -> GuardrailSimulation:
        return find(GuardrailSimulation.objects.told().visible_to(self.person), simulation_id)


class SimulationsDoor(GuardrailsArea):
    """The simulations, and a new one."""

    @extend_schema(
        summary="List guardrail simulations",
        description="Newest first, of the sessions you see or of one of them.",
        parameters=[SessionFilter, *paged()],
        responses=schemas.GuardrailSimulation(many=True),
        tags=["governance"],
    )
    def get(self, request: Request) -> Response:
        simulations = GuardrailSimulation.objects.told().visible_to(self.person)
        execution_id = self.asked(SessionFilter).get("execution_id")
        if execution_id is not None:
            simulations = simulations.filter(session=find(LabSession.objects.visible_to(self.person), execution_id))
        return self.bare(self.page(simulations, order=("-created_at", "-id")), simulation_as_wire)

    @extend_schema(
        summary="Judge a simulated ladder",
        description=(
            "Of the given `comparisons`, or of the session's latest preview. The newest of a session counts: "
            "a blocked one holds the packing of its exports until a clear one, or until an administrator waives it."
        ),
        request=SimulationForm,
        responses={201: schemas.GuardrailSimulation},
        tags=["governance"],
    )
    def post(self, request: Request) -> Response:
        values = self.validated(SimulationForm)
        session = find(LabSession.objects.visible_to(self.person), values.pop("execution_id"))
        made = simulate_guardrails(session=session, by=self.person, at=self.now, **values)
        return self.answer(simulation_as_wire(self.simulation(made.public_id)), status=201)


class SimulationDoor(GuardrailsArea):
    """One simulation."""

    @extend_schema(summary="Read a guardrail simulation", responses=schemas.GuardrailSimulation, tags=["governance"])
    def get(self, request: Request, simulation_id: str) -> Response:
        return self.answer(simulation_as_wire(self.simulation(simulation_id)))


class WaiveDoor(GuardrailsArea):
    """An administrator's signature; the answer to a wrong password must survive, so nothing wraps it."""

    one_transaction = False

    @extend_schema(
        summary="Waive a blocked simulation",
        description="For administrators: signs that the session's archives may be packed all the same.",
        request=WaiverForm,
        responses=schemas.GuardrailSimulation,
        tags=["governance"],
    )
    def post(self, request: Request, simulation_id: str) -> Response:
        simulation = self.simulation(simulation_id)
        require_waiver(self.person)
        values: dict[str, Any] = self.validated(WaiverForm)
        given = Components(
            password=values.pop("password", ""), totp=values.pop("totp", ""), period=period_of(self.request)
        )
        waive_guardrails(simulation=simulation, given=given, by=self.person, at=self.now, **values)
        return self.answer(simulation_as_wire(self.simulation(simulation_id)))
