"""The tables of people, teams, credentials and what people are told."""

from biolab.accounts.models.credential import ServiceToken, SignIn, SigningPeriod
from biolab.accounts.models.notification import Notification, NotificationPreference, NotificationSettings
from biolab.accounts.models.team import Membership, Team
from biolab.accounts.models.user import User

__all__ = [
    "Membership",
    "Notification",
    "NotificationPreference",
    "NotificationSettings",
    "ServiceToken",
    "SignIn",
    "SigningPeriod",
    "Team",
    "User",
]
