"""What the doors of people, teams and credentials read, and how their answers are described."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from biolab.accounts.roles import PlatformRole, Role, Scope
from biolab.accounts.states import Category, DigestFrequency, Priority, Way
from biolab.kernel.errors import Invalid
from biolab.kernel.schema import CLOCK_TIME_IN, TIME_IN
from biolab.kernel.times import parse_utc

PASSWORD_MIN = 8
PASSWORD_MAX = 256


@extend_schema_field(TIME_IN)
class TimeField(serializers.Field[Any, Any, Any, Any]):
    """An ISO 8601 time with an offset, read as UTC."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return parse_utc(data)
        except Invalid as refusal:
            raise serializers.ValidationError(refusal.sentence) from None

    def to_representation(self, value: Any) -> Any:
        return value


class SignInForm(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=PASSWORD_MAX, trim_whitespace=False)


class RefreshForm(serializers.Serializer[Any]):
    refresh_token = serializers.CharField(max_length=4096)


class PlainRefreshForm(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=4096)


class UserForm(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    username = serializers.CharField(min_length=2, max_length=50)
    password = serializers.CharField(min_length=PASSWORD_MIN, max_length=PASSWORD_MAX, trim_whitespace=False)
    role = serializers.ChoiceField(choices=PlatformRole.choices, required=False)
    full_name = serializers.CharField(max_length=150, allow_blank=True, required=False)


class UserChange(UserForm):
    current_password = serializers.CharField(
        max_length=PASSWORD_MAX,
        required=False,
        trim_whitespace=False,
        help_text="yours, where you change it: a new one set without it, or without a code, signs nothing",
    )
    totp = serializers.CharField(
        max_length=16,
        required=False,
        help_text="a code of your device, where you have one and change your own password",
    )


class TokenForm(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=[(scope.value, scope.value) for scope in Scope]),
        required=False,
        max_length=len(Scope),
    )
    expires_at = TimeField(required=False, allow_null=True)
    team_id = serializers.CharField(max_length=64, required=False, allow_null=True)
    session_ids = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        max_length=100,
        help_text="all it sees",
    )


class TeamForm(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=150)


class RoleForm(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices)


class PersonForm(serializers.Serializer[Any]):
    """Whom a request means: one of the two."""

    email = serializers.CharField(max_length=254, required=False)
    user_id = serializers.CharField(max_length=64, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("email" in attrs) == ("user_id" in attrs):
            raise serializers.ValidationError("Name the person by email or by user_id.")
        return attrs


class MemberForm(RoleForm, PersonForm):
    """Who joins a team, and in which role."""


class PreferenceForm(serializers.Serializer[Any]):
    enabled = serializers.BooleanField()


@extend_schema_field(CLOCK_TIME_IN)
class ClockTimeField(serializers.TimeField):
    """A time of day, as ``22:00`` or ``22:00:00``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["%H:%M", "%H:%M:%S"], **kwargs)


@extend_schema_field(
    {"type": "string", "enum": ["UTC", *sorted(name for name in available_timezones() if "/" in name)]}
)
class TimeZoneField(serializers.CharField):
    """A time zone by its name, as ``Europe/Berlin``; the service says which is none."""


class SettingsForm(serializers.Serializer[Any]):
    digest_frequency = serializers.ChoiceField(choices=DigestFrequency.choices, required=False)
    quiet_hours_start = ClockTimeField(required=False, allow_null=True)
    quiet_hours_end = ClockTimeField(required=False, allow_null=True)
    time_zone = TimeZoneField(max_length=64, required=False)


# -- answers, for the schema ------------------------------------------------------------------------------------------


class Done(serializers.Serializer[Any]):
    status = serializers.CharField()
    message = serializers.CharField()


class SignedIn(Done):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.CharField()
    public_id = serializers.CharField()
    username = serializers.CharField()


class PlainPair(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()


class UserAnswer(serializers.Serializer[Any]):
    public_id = serializers.CharField()
    email = serializers.CharField()
    username = serializers.CharField()
    full_name = serializers.CharField()
    admin = serializers.BooleanField()
    role = serializers.ChoiceField(choices=PlatformRole.choices)
    is_active = serializers.BooleanField()
    registered_on = serializers.DateTimeField()


class UserDone(UserAnswer, Done):
    pass


class TokenAnswer(serializers.Serializer[Any]):
    public_id = serializers.CharField()
    name = serializers.CharField()
    hint = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    team_id = serializers.CharField(allow_null=True)
    session_ids = serializers.ListField(child=serializers.CharField())
    owner_public_id = serializers.CharField()
    created_on = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class TokenIssued(TokenAnswer, Done):
    token = serializers.CharField(help_text="shown this once")


class MemberAnswer(serializers.Serializer[Any]):
    user_id = serializers.CharField()
    username = serializers.CharField()
    email = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)


class TeamAnswer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    members = MemberAnswer(many=True)


class Numbered(serializers.Serializer[Any]):
    page = serializers.IntegerField()
    page_size = serializers.IntegerField()
    total = serializers.IntegerField()


class UserList(Numbered):
    data = UserAnswer(many=True)  # type: ignore[assignment]


class TokenList(Numbered):
    data = TokenAnswer(many=True)  # type: ignore[assignment]


class NotificationAnswer(serializers.Serializer[Any]):
    id = serializers.CharField()
    title = serializers.CharField()
    message = serializers.CharField(allow_blank=True)
    category = serializers.ChoiceField(choices=Category.choices)
    priority = serializers.ChoiceField(choices=Priority.choices)
    is_read = serializers.BooleanField()
    action_url = serializers.CharField(allow_blank=True)
    meta = serializers.JSONField()
    created_at = serializers.DateTimeField()


class NotificationList(serializers.Serializer[Any]):
    items = NotificationAnswer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class NotificationStats(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    unread = serializers.IntegerField()
    unread_by_category = serializers.DictField(child=serializers.IntegerField())
    unread_by_priority = serializers.DictField(child=serializers.IntegerField())


class MarkedRead(serializers.Serializer[Any]):
    marked = serializers.IntegerField()


class PreferenceAnswer(serializers.Serializer[Any]):
    category = serializers.ChoiceField(choices=Category.choices)
    channel = serializers.ChoiceField(choices=Way.choices)
    enabled = serializers.BooleanField()


class SettingsAnswer(serializers.Serializer[Any]):
    digest_frequency = serializers.ChoiceField(choices=DigestFrequency.choices)
    quiet_hours_start = ClockTimeField(allow_null=True)
    quiet_hours_end = ClockTimeField(allow_null=True)
    time_zone = serializers.CharField()
