"""The demo's mail server: no mail leaves; the outbox keeps the text and a page shows it."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class SinkBackend(BaseEmailBackend):
    """Takes every mail and sends none."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Return how many were taken."""
        return len(email_messages)
