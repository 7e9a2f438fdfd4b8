"""Jobs about people: mail that is due, and forgetting what they were told long ago."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from biolab.accounts.services import mail, notifications


@shared_task(name="accounts.mail_notifications", ignore_result=True)
def mail_notifications() -> None:
    """Send the mail that is due; may run twice at once."""
    mail.mail_notifications(at=timezone.now())


@shared_task(name="accounts.forget_old_notifications", ignore_result=True)
def forget_old_notifications() -> None:
    """Delete notifications of more than half a year ago."""
    notifications.forget_old_notifications(at=timezone.now())
