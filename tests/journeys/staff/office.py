"""Members who speak past the pages, and what the books of their organization say."""

import re
from uuid import UUID

from django.http import HttpResponse
from django.test import Client

from accounts.permissions import RoleCode
from audit.models import Event
from billing.invoices.models import Invoice
from billing.ledger import queries as books
from billing.settlement import queries as settled
from payments.models import Payment
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.make import accounts
from tests.make import payments as make
from tests.make.finance import Books

UNPROCESSABLE = 422


def member(tenant: UUID, role: RoleCode, *, fresh: bool = True) -> Client:
    """Speak as a member past the pages, as an attacker would."""
    with scope(Scope(tenant)):
        opened = accounts.session(accounts.member(role).user)
        if not fresh:
            accounts.change(opened.session, step_up_at=None)
    return world.browser(opened.raw_key)


def events(tenant: UUID, code: str) -> list[Event]:
    with scope(Scope(tenant)):
        return list(Event.objects.filter(event=code).order_by("at", "id"))


def invoice(tenant: UUID, pk: UUID) -> Invoice:
    with scope(Scope(tenant)):
        return Invoice.objects.get(pk=pk)


def credit(tenant: UUID, customer: UUID) -> dict[str, int]:
    with scope(Scope(tenant)):
        return settled.credit(customer_id=customer)


def proven(tenant: UUID) -> bool:
    with scope(Scope(tenant)):
        return books.check() == []


def bank(tenant: UUID, made: Books, amount: int, onto: int) -> Payment:
    """Record a payment of the first customer, some of it onto their first invoice."""
    with scope(Scope(tenant)):
        return make.bank(made.customer, amount, onto=((made.open[0], onto),))


def sentence(response: HttpResponse) -> str:
    return re.sub(r"<[^>]+>|\s+", " ", response.content.decode())
