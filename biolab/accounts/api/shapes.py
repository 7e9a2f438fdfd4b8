"""How people, teams, tokens and what people are told look on the wire."""

from __future__ import annotations

from typing import Any

from biolab.accounts.models import Membership, Notification, NotificationSettings, ServiceToken, Team, User
from biolab.kernel.times import iso, iso_or_none


def user_shape(person: User) -> dict[str, Any]:
    return {
        "public_id": person.public_id,
        "email": person.email,
        "username": person.username,
        "full_name": person.full_name,
        "admin": person.is_admin,
        "role": person.role,
        "is_active": person.is_active,
        "registered_on": iso(person.created_at),
    }


def member_shape(member: Membership) -> dict[str, Any]:
    return {
        "user_id": member.user.public_id,
        "username": member.user.username,
        "email": member.user.email,
        "role": member.role,
    }


def team_shape(team: Team) -> dict[str, Any]:
    return {
        "id": team.public_id,
        "name": team.name,
        "members": [member_shape(member) for member in team.memberships.all()],
    }


def token_shape(token: ServiceToken) -> dict[str, Any]:
    return {
        "public_id": token.public_id,
        "name": token.name,
        "hint": token.hint,
        "scopes": token.scopes,
        "team_id": token.team.public_id if token.team is not None else None,
        "session_ids": token.session_ids,
        "owner_public_id": token.owner.public_id,
        "created_on": iso(token.created_at),
        "expires_at": iso_or_none(token.expires_at),
        "revoked_at": iso_or_none(token.revoked_at),
    }


def notification_shape(notification: Notification) -> dict[str, Any]:
    """Return a notification as its person sees it."""
    return {
        "id": notification.public_id,
        "title": notification.title,
        "message": notification.message,
        "category": notification.category,
        "priority": notification.priority,
        "is_read": notification.is_read,
        "action_url": notification.action_url,
        "meta": notification.meta,
        "created_at": iso(notification.created_at),
    }


def settings_shape(settings: NotificationSettings) -> dict[str, Any]:
    """Return when a person wants mail."""
    begin, end = settings.quiet_hours_start, settings.quiet_hours_end
    return {
        "digest_frequency": settings.digest_frequency,
        "quiet_hours_start": None if begin is None else begin.isoformat(),
        "quiet_hours_end": None if end is None else end.isoformat(),
        "time_zone": settings.time_zone,
    }
