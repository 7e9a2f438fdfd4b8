"""Paths of governance."""

from django.urls import path

from governance_app.api import analytics, approvals, audit, baseline_urls, override_urls, preview_urls, templates

urlpatterns = [
    path("api/governance/templates", templates.TemplatesDoor.as_view()),
    path("api/governance/templates/<str:tid>", templates.TemplateDoor.as_view()),
    path("api/governance/templates/<str:tid>/publish", templates.PublishDoor.as_view()),
    path("api/governance/templates/<str:tid>/archive", templates.ArchiveDoor.as_view()),
    path("api/governance/templates/<str:tid>/snapshot", templates.SnapshotDoor.as_view()),
    path("api/governance/templates/<str:tid>/diff", templates.DiffDoor.as_view()),
    path("api/governance/templates/<str:tid>/audit", templates.AuditDoor.as_view()),
    path("api/governance/templates/<str:tid>/assignments", templates.AssignmentsDoor.as_view()),
    path("api/governance/assignments/<str:aid>", templates.AssignmentDoor.as_view()),
    *baseline_urls.urlpatterns,
    *override_urls.urlpatterns,
    *preview_urls.urlpatterns,
    path("api/governance/sessions/<str:execution_id>/audit-reviews", audit.AuditReviewsDoor.as_view()),
    path("api/governance/approvals/waiting", approvals.WaitingDoor.as_view()),
    path("api/governance/analytics", analytics.AnalyticsDoor.as_view()),
    path("api/governance/recommendations/override", analytics.RecommendationsDoor.as_view()),
]
