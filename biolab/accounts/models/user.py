"""People."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from biolab.accounts.roles import PlatformRole
from biolab.kernel.ids import Identified

if TYPE_CHECKING:
    from biolab.accounts.models.credential import ServiceToken


class UserManager(BaseUserManager["User"]):
    """Makes people; e-mail addresses are kept case-folded."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.strip().casefold(), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"], validate_constraints=False)  # the database says so, whoever else writes
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        fields.setdefault("username", email.partition("@")[0][:50])
        return self.create_user(email, password, role=PlatformRole.ADMIN, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().casefold(), is_active=True)


class User(Identified, AbstractBaseUser, PermissionsMixin):
    """A person (or the named account of a bench) who signs in by e-mail and signs under a printed name."""

    id_prefix = "user"
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["username"]

    email = models.EmailField(max_length=254)
    username = models.CharField(max_length=50)
    full_name = models.CharField("printed name", max_length=150, blank=True)
    role = models.CharField(max_length=16, choices=PlatformRole.choices, default=PlatformRole.VIEWER)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deactivated_at = models.DateTimeField(null=True, blank=True, editable=False)
    password_reset_by = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="Who set the password without showing to be its owner; none once the owner has chosen one.",
    )

    objects: ClassVar[UserManager] = UserManager()

    # The service token that speaks for this person in the present request; None when they signed in themselves.
    credential: ServiceToken | None = None

    class Meta:
        ordering = ["username", "id"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"), condition=models.Q(is_active=True), name="one_active_account_per_email"
            ),
        ]

    def __str__(self) -> str:
        return self.printed_name

    @property
    def printed_name(self) -> str:
        """The name under which this person's acts are written down."""
        return self.full_name or self.username

    @property
    def is_admin(self) -> bool:
        return self.is_active and self.role == PlatformRole.ADMIN

    @property
    def reads_only(self) -> bool:
        """Whether the person writes nothing anywhere, in the administration either."""
        return self.role == PlatformRole.VIEWER

    @property
    def via(self) -> str:
        """The name of the service token in use, or nothing."""
        return self.credential.name if self.credential is not None else ""
