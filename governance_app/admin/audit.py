"""Reviews of audit trails at the desk: what nobody has reviewed, the events to read, and the signature under them."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget

from biolab.accounts.auth.periods import period_of
from biolab.accounts.models import User
from biolab.accounts.services.reentry import Asked, components_asked
from biolab.kernel.admin import action, display
from governance_app.admin.desk import Desk, SeenByStaff
from governance_app.admin.signing_forms import SigningForm
from governance_app.models import AuditReview
from governance_app.seals.audit_reviews import verify_review
from governance_app.selectors.audit_trails import unreviewed, unreviewed_of
from governance_app.services.audit_reviews import objection_to_reviewing, sign_audit_review
from sessions_app.models import LabSession

EVENTS_SHOWN = 200
SESSIONS_SHOWN = 25


class ReviewForm(SigningForm):
    """The signature under the events that the page shows."""

    prefix_id = "review"
    field_order = ("signature", "notes")

    notes = forms.CharField(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))
    last_hash = forms.CharField(widget=forms.HiddenInput())

    def __init__(self, data: Any = None, *, asked: Asked, last_hash: str) -> None:
        super().__init__(data, asked=asked)
        self.fields["last_hash"].initial = last_hash


@admin.register(AuditReview)
class AuditReviewAdmin(SeenByStaff):
    """Reviews of the sessions a person sees; each page checks its review anew."""

    list_display = ("signed_at", "session", "events", "printed_name", "typed", "notes")
    list_filter = ("session__team",)
    list_select_related = ("session", "reviewer")
    search_fields = ("printed_name", "typed", "session__name")
    date_hierarchy = "signed_at"
    fields = (
        "verdict",
        "session",
        "first_sequence",
        "last_sequence",
        "first_hash",
        "last_hash",
        "reviewer",
        "printed_name",
        "typed",
        "meaning",
        "role",
        "notes",
        "clock",
        "zone",
        "key_id",
        "seal",
        "canonical",
    )
    readonly_fields = fields
    actions = ("export_csv",)
    actions_list = ("not_reviewed",)
    csv_columns = ("public_id", "signed_at", "session", "first_sequence", "last_sequence", "printed_name", "typed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditReview]:
        return AuditReview.objects.visible_to(cast(User, request.user)).order_by("-signed_at", "-id")

    @display(description="events")
    def events(self, review: AuditReview) -> str:
        return f"{review.first_sequence} to {review.last_sequence}"

    @display(description="signed, on the reviewer's clock")
    def clock(self, review: AuditReview) -> str:
        return review.local_time

    @display(description="verification")
    def verdict(self, review: AuditReview) -> str:
        return " ".join(verify_review(review)) or "It holds: record, seal and timeline agree."

    # -- what is not reviewed -------------------------------------------------------------------------------------

    @action(description="What is not reviewed", url_path="not-reviewed", permissions=["view"], reads=True)
    def not_reviewed(self, request: HttpRequest) -> HttpResponse:
        sessions = LabSession.objects.visible_to(cast(User, request.user)).select_related("team")
        page = Paginator(sessions.order_by("-created_at", "-id"), SESSIONS_SHOWN).get_page(request.GET.get("page"))
        gaps = unreviewed(page.object_list)
        context = {
            **self.admin_site.each_context(request),
            "title": "What is not reviewed",
            "opts": self.model._meta,
            "page": page,
            "rows": [(session, gaps[session.pk]) for session in page.object_list],
        }
        return TemplateResponse(request, "admin/governance_app/not_reviewed.html", context)

    def get_urls(self) -> list[URLPattern]:
        review = path(
            "session/<uuid:session_id>",
            self.admin_site.admin_view(self.review),
            name="governance_app_auditreview_session",
        )
        return [review, *super().get_urls()]

    def review(self, request: HttpRequest, session_id: Any) -> HttpResponse:
        """Show events of one session and take the signature under them."""
        person = cast(User, request.user)
        session = LabSession.objects.visible_to(person).select_related("team").filter(pk=session_id).first()
        if session is None or not self.has_view_permission(request):
            raise Http404
        desk = ReviewDesk(session, person, request)
        return self.desk_page(
            request, desk, title=f"Audit trail of {session}", template="admin/governance_app/audit.html"
        )


class ReviewDesk(Desk):
    """Events of one session before one person, those that the address names."""

    def __init__(self, session: LabSession, person: User, request: HttpRequest) -> None:
        self.session, self.person, self.period = session, person, period_of(request)
        self.gaps = unreviewed_of(session)
        asked = self.gaps[0] if self.gaps else (1, session.head_sequence)
        self.first, self.last = _range(request, asked, session.head_sequence)
        self.done = {"review": f"Signed: events {self.first} to {self.last} are reviewed."}
        self.events = list(session.events.filter(sequence__range=(self.first, self.last)).order_by("sequence"))
        objection = objection_to_reviewing(person, session)
        self.objection = objection.sentence if objection is not None else ""
        self.lay_out()

    def form(self, name: str, data: Any) -> ReviewForm | None:
        if not self.events or self.objection:
            return None
        asked = components_asked(self.person, period=self.period, at=timezone.now())
        return ReviewForm(data, asked=asked, last_hash=self.events[-1].hash)

    def closed(self, name: str) -> str:
        return self.objection or super().closed(name)

    def context(self, request: HttpRequest) -> dict[str, Any]:
        return {
            "session": self.session,
            "gaps": self.gaps,
            "first": self.first,
            "last": self.last,
            "events": self.events,
            "objection": self.objection,
        }

    def _review(self, values: dict[str, Any]) -> None:
        sign_audit_review(
            session=self.session,
            first_sequence=self.first,
            last_sequence=self.last,
            period=self.period,
            by=self.person,
            at=timezone.now(),
            **values,
        )


def _range(request: HttpRequest, asked: tuple[int, int], head: int) -> tuple[int, int]:
    """Return which events to show: those that the address names, cut to what one page holds."""
    values = [request.GET.get(name, "") for name in ("first", "last")]
    first, last = (
        int(value) if value.isascii() and value.isdecimal() and len(value) < 16 else default
        for value, default in zip(values, asked, strict=True)
    )
    first = max(1, min(first, head))
    return first, max(first, min(last, head, first + EVENTS_SHOWN - 1))
