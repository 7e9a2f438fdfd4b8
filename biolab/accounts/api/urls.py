"""Where the doors of people, teams and credentials are."""

from django.urls import path

from biolab.accounts.api import notifications
from biolab.accounts.api.sign_in import LoginDoor, LogoutDoor, MeDoor, PlainPairDoor, PlainRefreshDoor, RefreshDoor
from biolab.accounts.api.teams import MemberDoor, MembersDoor, TeamDoor, TeamsDoor
from biolab.accounts.api.tokens import TokenDoor, TokensDoor
from biolab.accounts.api.users import UserDoor, UsersDoor

NOTIFICATIONS = "api/notifications"

urlpatterns = [
    path("api/v1/auth/login", LoginDoor.as_view(), name="login"),
    path("api/v1/auth/refresh", RefreshDoor.as_view(), name="refresh"),
    path("api/v1/auth/logout", LogoutDoor.as_view(), name="logout"),
    path("api/v1/auth/me", MeDoor.as_view(), name="me"),
    path("api/token", PlainPairDoor.as_view(), name="token-pair"),
    path("api/token/refresh", PlainRefreshDoor.as_view(), name="token-refresh"),
    path("api/v1/users", UsersDoor.as_view(), name="users"),
    path("api/v1/users/<str:user_id>", UserDoor.as_view(), name="user"),
    path("api/v1/tokens", TokensDoor.as_view(), name="tokens"),
    path("api/v1/tokens/<str:token_id>", TokenDoor.as_view(), name="token"),
    path("api/teams", TeamsDoor.as_view(), name="teams"),
    path("api/teams/<str:team_id>", TeamDoor.as_view(), name="team"),
    path("api/teams/<str:team_id>/members", MembersDoor.as_view(), name="members"),
    path("api/teams/<str:team_id>/members/<str:user_id>", MemberDoor.as_view(), name="member"),
    path(NOTIFICATIONS, notifications.NotificationsDoor.as_view(), name="notifications"),
    path(f"{NOTIFICATIONS}/stats", notifications.NotificationStatsDoor.as_view(), name="notification-stats"),
    path(f"{NOTIFICATIONS}/mark-all-read", notifications.NotificationsReadDoor.as_view(), name="notifications-read"),
    path(f"{NOTIFICATIONS}/settings", notifications.NotificationSettingsDoor.as_view(), name="notification-settings"),
    path(f"{NOTIFICATIONS}/preferences", notifications.PreferencesDoor.as_view(), name="notification-preferences"),
    path(
        f"{NOTIFICATIONS}/preferences/<str:category>/<str:channel>",
        notifications.PreferenceDoor.as_view(),
        name="notification-preference",
    ),
    path(f"{NOTIFICATIONS}/<str:notification_id>", notifications.NotificationDoor.as_view(), name="notification"),
    path(
        f"{NOTIFICATIONS}/<str:notification_id>/read",
        notifications.NotificationReadDoor.as_view(),
        name="notification-read",
    ),
]
