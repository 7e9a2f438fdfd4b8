"""Pages that have to do with people."""

from django.urls import path

from biolab.accounts import notification_pages as inbox
from biolab.accounts.account_pages import AccountPage
from biolab.accounts.pages import SignIn, SignOut

urlpatterns = [
    path("sign-in", SignIn.as_view(), name="page-sign-in"),
    path("sign-out", SignOut.as_view(), name="page-sign-out"),
    path("account", AccountPage.as_view(), name="page-account"),
    path("notifications", inbox.InboxPage.as_view(), name="page-notifications"),
    path("notifications/bell", inbox.Bell.as_view(), name="page-bell"),
    path("notifications/read-all", inbox.ReadAllNotifications.as_view(), name="page-notifications-read"),
    path("notifications/wishes", inbox.NotificationWishes.as_view(), name="page-notification-wishes"),
    path("notifications/<str:notification_id>/read", inbox.ReadNotification.as_view(), name="page-notification-read"),
]
