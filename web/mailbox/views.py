"""One page with every mail of the demo, newest first, whoever it was for."""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from accounts.models import User
from core import clock
from core.errors import NotFound
from edge.access import Public, access
from edge.request import Request
from outbound.models import OutboxMessage
from tenancy import context
from tenancy.context import Scope, scope
from tenancy.models import Tenant

_MOST = 50
_LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as its receiver would read it, and the one link it carries, as a path of this house."""

    to: str
    subject: str
    text: str
    link: str
    at: datetime
    state: str

    def opens_for(self, person: User | None) -> bool:
        """Tell whether the link leads somewhere: into an organization it leads whoever got the mail."""
        inside = self.link.startswith(("/o/", "/p/", "/ops"))
        return self.link not in ("", "/") and (not inside or person is None or person.email == self.to)


@access(
    get=Public(
        reason="The demo's mail is invented and its readers have no account yet. Production has no such page."
    )
)
def index(request: Request) -> HttpResponse:
    """Show the demo's mail."""
    if not settings.DEMO:
        raise NotFound
    mails = sorted(
        (mail for tenant in _tenants() for mail in _of(tenant)), key=lambda mail: mail.at, reverse=True
    )
    shown = [(mail, mail.opens_for(request.person)) for mail in mails[:_MOST]]
    return render(request, "mailbox/index.html", {"mails": shown, "now": clock.now()})


def _tenants() -> list[Tenant]:
    return list(Tenant.objects.exclude(state=Tenant.State.SEALED))


def _of(tenant: Tenant) -> list[Mail]:
    inside = context.current() or Scope()
    with scope(Scope(tenant=tenant.pk, user=inside.user)):
        rows = OutboxMessage.objects.order_by("-created_at", "-id")[:_MOST]
        return [_mail(row) for row in rows if row.body is not None]


def _mail(row: OutboxMessage) -> Mail:
    body: dict[str, str] = row.body or {}
    found = _LINK.findall(body["text"])
    # A way in carries a secret, and is longer than the bare address at the foot of each mail.
    longest = max(found, key=len, default="")
    return Mail(
        body["to"],
        body["subject"],
        body["text"],
        urlsplit(longest).path.rstrip("."),
        row.created_at,
        row.state,
    )
