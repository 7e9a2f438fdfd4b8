"""Paths of baselines."""

from django.urls import path

from governance_app.api import baselines

ONE = "api/governance/baselines/<str:bid>"

urlpatterns = [
    path("api/governance/baselines", baselines.BaselinesDoor.as_view()),
    path("api/governance/baselines/submissions", baselines.SubmissionsDoor.as_view()),
    path(ONE, baselines.BaselineReadDoor.as_view()),
    path(f"{ONE}/review", baselines.ReviewDoor.as_view()),
    path(f"{ONE}/publish", baselines.PublishDoor.as_view()),
    path(f"{ONE}/rollback", baselines.RollbackDoor.as_view()),
    path(f"{ONE}/compare", baselines.CompareDoor.as_view()),
]
