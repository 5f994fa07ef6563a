"""What else an organization has after some months, so that no page of the demo is empty.

Each through its ordinary service. What would speak to another host is made and switched off.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings

from accounts import queries as people
from accounts.lists import services as lists
from accounts.permissions import Permission, RoleCode
from accounts.services import apikeys, members, roles
from billing.attachments import services as attachments
from billing.contacts import services as contacts
from billing.creditnotes import services as credit_notes
from billing.customers.models import Customer
from billing.documents import reference
from billing.exports import services as exports
from billing.imports import batches
from billing.invoices.models import Invoice
from billing.invoices.rules import LineInput
from billing.quotes import services as quotes
from billing.rates import services as rates
from billing.tax.models import TaxRate
from compliance.auditors import services as auditors
from compliance.packs import making
from compliance.reviews import services as reviews
from core import clock
from core.actor import Actor
from outbound.webhooks import services as webhooks
from payments.reminders import plans
from payments.statements import services as statements
from tenancy.context import Scope, scope
from tenancy.models import Tenant
from training.services import modules

_NAMES = ("Nora Quinn", "Jonas Weber", "Amara Nwosu", "Pieter de Vries", "Lucia Moretti")
_CUSTOMERS = (
    b"Name,E-mail,Country\nRiverside Cafe,hello@riverside.example,IE\nNo Address Ltd,not-an-address,IE\n"
)
_NOTE = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n"
)


def fill(tenant: Tenant, owner: Actor) -> None:
    """Bring along what a desk, a developer and an auditor have made."""
    at = clock.now()
    with scope(Scope(tenant.pk)):
        open_ones = list(
            Invoice.objects.filter(status="finalized", payment_status="unpaid", amount_due_minor__gt=5_000)
            .order_by("-id")[:6]
        )  # fmt: skip
    _billing(tenant.pk, open_ones, owner, at)
    _desk(tenant.pk, open_ones, owner, at)
    _people(tenant, owner, at)


def _billing(tenant: UUID, open_ones: Sequence[Invoice], owner: Actor, at: datetime) -> None:
    today = at.date()
    with scope(Scope(tenant)):
        rate = TaxRate.objects.order_by("id").first()
        lines = [
            LineInput(
                description=words, quantity=Decimal(2), unit_amount=Decimal(amount),
                tax_rate_id=rate.pk if rate else None,
            )
            for words, amount in (("Calibration of instruments", "420.00"), ("Training day", "900.00"))
        ]  # fmt: skip
        made = [
            quotes.create(
                customer_id=invoice.customer_id, lines=lines, currency="EUR",
                valid_until=today + timedelta(days=21), note="Delivery within four weeks.", actor=owner, at=at,
            )
            for invoice in open_ones[:4]
        ]  # fmt: skip
        for quote in made[:3]:
            quotes.open_quote(quote_id=quote.pk, actor=owner, at=at)
        quotes.accept(quote_id=made[1].pk, actor=owner, at=at)
        quotes.decline(quote_id=made[2].pk, actor=owner, at=at)
        credit_notes.issue(
            invoice_id=open_ones[0].pk, wanted=credit_notes.Wanted(amount_minor=2_500),
            reason_code="product_unsatisfactory", reason="One part came back", actor=owner, at=at,
        )  # fmt: skip
        for day in range(3):
            rates.enter(
                valid_on=today - timedelta(days=day), from_currency="USD", to_currency="EUR",
                rate=Decimal("0.92") + Decimal(day) / 1_000, actor=owner, at=at,
            )  # fmt: skip


def _desk(tenant: UUID, open_ones: Sequence[Invoice], owner: Actor, at: datetime) -> None:
    """Contacts, a bank statement, a list that came in and one that went out, a plan of reminders, a view."""
    today = at.date()
    first = open_ones[0]
    with scope(Scope(tenant)):
        for number, customer_id in enumerate(Customer.objects.order_by("id").values_list("pk", flat=True)):
            name = _NAMES[number % len(_NAMES)]
            contacts.add(
                customer_id=customer_id, name=name, email=f"{name.split()[0].lower()}@customer-{number}.example",
                position="Accounts payable", roles=["billing"], is_primary=True, actor=owner, at=at,
            )  # fmt: skip
        statements.take_in(
            data=_statement(open_ones[1:3], today),
            file_name="account-2026.csv",
            currency="EUR",
            actor=owner,
            at=at,
        )
        came = batches.upload(data=_CUSTOMERS, file_name="customers.csv", actor=owner, at=at)
        batches.check(import_id=came.pk, columns=["name", "email", "country"], actor=owner, at=at)
        exports.ask(wanted=exports.Wanted(kind="invoices", reason="For the accountant"), actor=owner, at=at)
        plans.default_plan(actor=owner, at=at)
        plans.promise(
            invoice_id=first.pk, promised_on=today + timedelta(days=5), note="Said so on the phone.", today=today,
            actor=owner, at=at,
        )  # fmt: skip
        attachments.add(invoice_id=first.pk, name="delivery-note.pdf", content=_NOTE, actor=owner, at=at)
        lists.save_view(
            listing="invoices", name="Large and late", query="view=overdue&sort=-due", is_shared=True, actor=owner,
            at=at,
        )  # fmt: skip


def _statement(paid: Sequence[Invoice], today: date) -> bytes:
    rows = [
        f"{today:%d.%m.%Y};{invoice.amount_due_minor / 100:.2f};Payment {reference.reference_of(invoice)};A customer"
        for invoice in paid
    ]
    rows.append(f"{today:%d.%m.%Y};81.20;Thank you;Somebody new")
    return "\n".join(["Date;Amount;Purpose;Name", *rows]).replace(".00;", ",00;").encode()


def _people(tenant: Tenant, owner: Actor, at: datetime) -> None:
    """A role, an invitation nobody has taken yet, an auditor from outside, a key, a webhook, a module, a pack."""
    with scope(Scope(tenant.pk)):
        roles.create(
            label="Reminders",
            rights=[Permission.INVOICE_READ, Permission.INVOICE_SEND, Permission.CUSTOMER_READ],
            limits={}, actor=owner, at=at,
        )  # fmt: skip
        apikeys.create(
            name="Web shop", scopes=["invoice:read", "customer:read"], limits={},
            expires_at=at + timedelta(days=90), actor=owner, at=at,
        )  # fmt: skip
        if settings.GATEWAY_ADDRESS:
            hook = webhooks.create(
                url=f"{settings.GATEWAY_ADDRESS}/hooks", description="The web shop", actor=owner, at=at
            )
            webhooks.ping(endpoint_id=hook.endpoint.pk, actor=owner)
            webhooks.disable(endpoint_id=hook.endpoint.pk, actor=owner, at=at)
        reviews.begin(due_on=at.date() + timedelta(days=14), actor=owner, at=at)
        modules.write(module_id=None, body=modules.EXAMPLE, actor=owner, at=at)
        making.ask(
            framework="gdpr", since=at.date() - timedelta(days=90), until=at.date(), actor=owner, at=at
        )
        auditors.invite(
            email=f"auditor@{tenant.slug}-audits.example", wanted=["gdpr", "pci-dss"], ends_at=at + timedelta(days=30),
            actor=owner, at=at,
        )  # fmt: skip


def invite(tenant: Tenant, owner: Actor, at: datetime) -> None:
    """Invite a colleague who has not answered yet: the newest mail of the organization."""
    with scope(Scope(tenant.pk)):
        members.invite(
            email=f"new.colleague@{tenant.slug}.example", role=people.role(RoleCode.BILLING_CLERK.value),
            actor=owner, at=at,
        )  # fmt: skip
