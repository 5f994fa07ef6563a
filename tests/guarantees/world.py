"""Two organizations with one record of each kind, and somebody in every role: what the walks over the routes use."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection, connections
from django.test import Client

from accounts import queries
from accounts.lists import services as lists
from accounts.models import Invitation, Session, User
from accounts.permissions import ROLES, Permission, RoleCode
from accounts.services import approvals, members
from alerts.models import Mute
from audit.models import Event
from billing.attachments import services as attachments
from billing.creditnotes import services as creditnotes
from billing.customers import services as customers
from billing.documents import archive
from billing.exports import services as exports
from billing.exports.services import Wanted
from billing.imports import batches
from billing.invoices import services as invoices
from billing.issuer.models import Series
from billing.ledger.models import LedgerAccount, LedgerTransaction
from billing.quotes import services as quotes
from billing.runs import services as runs
from billing.settlement import queries as settlement
from compliance.breaches import services as breaches
from compliance.requests import services as privacy
from compliance.retention import services as retention
from core import clock, ids
from outbound.models import WebhookDelivery
from outbound.webhooks import services as webhooks
from tenancy import jobs
from tenancy.context import Scope, scope
from tests import databases
from tests.make import (
    accounts,
    alerts,
    billing,
    books,
    compliance,
    contacts,
    delivery,
    files,
    installation,
    payments,
    recurring,
    statements,
    training,
)

T = TypeVar("T")
STAFF = [code for code in RoleCode if code is not RoleCode.OPERATOR]


@dataclass
class Someone:
    """A signed-in person, or a key."""

    id: UUID
    client: Client
    permissions: frozenset[Permission] = frozenset()


@dataclass
class Organization:
    """One organization and the outside names of its records, by kind."""

    id: UUID
    slug: str
    records: dict[str, str] = field(default_factory=dict)
    people: dict[str, Someone] = field(default_factory=dict)
    keys: dict[str, Someone] = field(default_factory=dict)
    signed_in_at: datetime | None = None


def browser(raw_key: str) -> Client:
    client = Client(raise_request_exception=False)
    client.cookies[settings.SESSION_COOKIE_NAME] = raw_key
    return client


def machine(raw_key: str) -> Client:
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {raw_key}"})


def organization(slug: str, roles: list[RoleCode]) -> Organization:
    """Fill an organization of the template with one record of each kind."""
    made = Organization(installation.tenant(slug), slug)
    at = clock.now()
    with scope(Scope(made.id)):
        for role in roles:
            member = accounts.member(role.value)
            opened = accounts.session(member.user)
            made.people[role.value] = Someone(member.user_id, browser(opened.raw_key), ROLES[role])
            if role is RoleCode.OWNER:
                owner, owner_actor = member, accounts.actor(member.user, opened=opened)
        billing.issuer(name="Issuer") if hasattr(billing, "issuer") else None
        customer = billing.customer()
        other = billing.customer("Grace Hopper")
        other_draft = billing.draft(of=other)
        written_to = contacts.contact(customer)
        brought = batches.upload(
            data=files.csv_file(files.people(2)), file_name="k.csv", actor=owner_actor, at=at
        )
        taken = exports.ask(wanted=Wanted(kind="customers"), actor=owner_actor, at=at)
        rate = billing.tax_rate()
        draft = billing.draft(of=customer)
        finalized = billing.draft(of=customer)
        invoices.finalize(invoice_id=finalized.pk, actor=billing.ACTOR, at=at)
        document = archive.keep(
            of=("invoice", finalized.pk), customer_id=customer.pk, kind="ubl", content=b"<Invoice/>",
            problems=(), actor=billing.ACTOR, at=at,
        )  # fmt: skip
        colleague = accounts.member("accountant")
        custom = accounts.custom_role("night_shift", ["invoice:read"])
        members.send_invitation(email=accounts.address(), role=custom, actor=owner_actor, at=at)
        invitation = Invitation.objects.order_by("-created_at")[0]
        approval = approvals.request(
            kind=members.INVITE_KIND,
            payload={"email": accounts.address(), "role": str(custom.pk), "expires": ""},
            actor=accounts.actor(colleague.user),
            at=at,
            subject=("role", custom.pk),
            reason="needed",
        )
        paid = payments.bank(customer.pk, 500, onto=((finalized.pk, 300),))
        allocation = settlement.allocations(payment_id=paid.pk)[0]
        refund = payments.promised(paid, 100)
        contested = payments.card(customer.pk, finalized.pk, 100)
        dispute = payments.disputed(contested)
        saved = payments.saved(customer.pk)
        note = creditnotes.issue(
            invoice_id=finalized.pk,
            wanted=creditnotes.Wanted(amount_minor=100),
            actor=billing.ACTOR,
            at=at,
        )
        series = Series.objects.get(code="credit-notes")
        line, plan = statements.line(), statements.plan()
        run = runs.begin(on=at.date() - timedelta(days=400), actor=owner_actor, at=at)
        kept = books.rate("2019-01-02", "0.9")
        closed = books.close("2019-01")
        booked = LedgerTransaction.objects.get(invoice=finalized.pk, kind="invoice_finalized")
        receivable = LedgerAccount.objects.get(code="receivable")
        job = jobs.start(kind="test", at=at)
        asked = privacy.open_request(
            asked=privacy.Asked(kind="access", customer_id=customer.pk, words="Everything, please"),
            actor=billing.ACTOR,
            at=at,
            by_portal=True,
        )
        breach = breaches.open_breach(
            found=breaches.Found(title="Lost laptop", kind="confidentiality", facts="Encrypted", aware_at=at),
            actor=owner_actor,
            at=at,
        )
        hold = retention.place_hold(customer_id=other.pk, reason="A suit", actor=owner_actor, at=at)
        hook = webhooks.create(url="https://93.184.216.34/hook", actor=owner_actor, at=at).endpoint
        webhooks.ping(endpoint_id=hook.pk, actor=owner_actor)
        told = WebhookDelivery.objects.get(endpoint=hook)
        alarm = delivery.channel("webhook", actor=owner_actor)
        stream = delivery.stream(actor=owner_actor)
        view = lists.save_view(
            listing="customers", name="Ours", query="", is_shared=True, actor=owner_actor, at=at
        )
        chosen = lists.choose(
            listing="invoices", action="send", ids=[finalized.pk], count=1, actor=owner_actor, at=at
        )
        sold = recurring.price()
        counted = recurring.meter()
        subscribed = recurring.subscription(sold, of=customer)
        charged = recurring.charge(customer)
        offered = quotes.create(
            customer_id=customer.pk, currency="EUR", lines=[billing.line()], actor=billing.ACTOR, at=at
        )
        answerable = quotes.create(
            customer_id=customer.pk, currency="EUR", lines=[billing.line()], actor=billing.ACTOR, at=at
        )
        quotes.open_quote(quote_id=answerable.pk, actor=billing.ACTOR, at=at)
        carried = attachments.add(
            invoice_id=draft.pk, name="hours.csv", content=b"day,hours\n1,8\n", actor=billing.ACTOR, at=at
        )
        taught = training.furnish(owner, colleague)
        key = accounts.api_key(owner)
        colleagues = accounts.session(colleague.user).session
        accounts.change(colleagues, tenant_id=made.id)
        narrow = accounts.api_key(owner, scopes=["approval:read"])  # no operation asks for it
        event = Event.objects.order_by("-at")[0]
        alerted = alerts.alert("DATA-02", person=colleague.user_id)
        muted = Mute(
            rule="AUTH-09", group="person", key=str(colleague.user_id), until=at + timedelta(days=1),
            reason="travels", made_at=at,
        )  # fmt: skip
        muted.save(force_insert=True)
        portal = accounts.portal_access(customer.pk)
        portal_session = accounts.session(portal.user)
        proven = compliance.records(owner_actor)
    made.keys["all"] = Someone(key.key.pk, machine(key.raw))
    made.keys["narrow"] = Someone(narrow.key.pk, machine(narrow.raw))
    made.people["customer"] = Someone(portal.user_id, browser(portal_session.raw_key))
    made.records = {
        **proven,
        "customer": ids.encode("customer", customer.pk),
        "other_customer": ids.encode("customer", other.pk),
        "other_invoice": ids.encode("invoice", other_draft.pk),
        "invoice": ids.encode("invoice", draft.pk),
        "finalized": ids.encode("invoice", finalized.pk),
        "alert": ids.encode("alert", alerted.pk),
        "alert_mute": ids.encode("alert_mute", muted.pk),
        "document": ids.encode("document", document.id),
        "contact": ids.encode("contact", written_to.pk),
        "import": ids.encode("import", brought.pk),
        "export": ids.encode("export", taken.pk),
        "tax_rate": ids.encode("tax_rate", rate.pk),
        "credit_note": ids.encode("credit_note", note.pk),
        "series": ids.encode("series", series.pk),
        "product": ids.encode("product", sold.product_id),
        "price": ids.encode("price", sold.pk),
        "meter": ids.encode("meter", counted.pk),
        "subscription": ids.encode("subscription", subscribed.pk),
        "attachment": ids.encode("attachment", carried.id),
        "quote": ids.encode("quote", offered.pk),
        "answerable": ids.encode("quote", answerable.pk),
        "charge": ids.encode("charge", charged.pk),
        "member": ids.encode("member", colleague.pk),
        "session": ids.encode("session", colleagues.pk),
        "role": ids.encode("role", custom.pk),
        "invitation": ids.encode("invitation", invitation.pk),
        "approval": ids.encode("approval", approval.pk),
        "statement_line": ids.encode("statement_line", line.pk),
        "reminder_plan": ids.encode("reminder_plan", plan.pk),
        "payment": ids.encode("payment", paid.pk),
        "allocation": ids.encode("allocation", allocation.id),
        "refund": ids.encode("refund", refund.pk),
        "dispute": ids.encode("dispute", dispute.pk),
        "payment_method": ids.encode("payment_method", saved.pk),
        "billing_run": ids.encode("billing_run", run.pk),
        "exchange_rate": ids.encode("exchange_rate", kept.pk),
        "period": ids.encode("period", closed.pk),
        "ledger_account": ids.encode("ledger_account", receivable.pk),
        "ledger_transaction": ids.encode("ledger_transaction", booked.pk),
        "job": ids.encode("job", job.pk),
        "saved_view": ids.encode("saved_view", view.pk),
        "selection": ids.encode("selection", chosen.pk),
        "privacy_request": ids.encode("privacy_request", asked.pk),
        "breach": ids.encode("breach", breach.pk),
        "legal_hold": ids.encode("legal_hold", hold.pk),
        "api_key": ids.encode("api_key", key.key.pk),
        "webhook_endpoint": ids.encode("webhook_endpoint", hook.pk),
        "webhook_delivery": ids.encode("webhook_delivery", told.pk),
        "webhook_event": ids.encode("webhook_event", told.event_id),
        "alert_channel": ids.encode("alert_channel", alarm.pk),
        "audit_stream": ids.encode("audit_stream", stream.pk),
        "audit_event": ids.encode("audit_event", event.pk),
        **taught,
    }
    return made


def two(*, a: list[RoleCode]) -> tuple[Organization, Organization]:
    """Fill both organizations: the first with these roles, the second with its owner."""
    return organization("a", a), organization("b", [RoleCode.OWNER])


@contextmanager
def kept(blocker: Any, fill: Callable[[], T]) -> Iterator[T]:
    """Fill the worker's database once for a whole module, whose tests take back what they do; a clone anew after it."""
    with blocker.unblock():
        made = fill()
    yield made
    with blocker.unblock():
        databases.clone(str(connections["default"].settings_dict["NAME"]))


def just_signed_in(of: Organization) -> None:
    """Let everybody have signed in a short time ago: a walk takes longer than a sign-in stays fresh."""
    now = clock.now()
    if of.signed_in_at and now - of.signed_in_at < timedelta(minutes=1):
        return
    assert not connection.in_atomic_block, "what a test takes back would be forgotten"
    of.signed_in_at = now
    with scope(Scope(of.id)):
        here = set(Session.objects.filter(tenant_id=of.id).values_list("user_id", flat=True))
    people = {person.id for person in of.people.values()}
    for user_id in people | here:
        with scope(Scope(user=user_id)):
            fresh = {"step_up_at": now} if user_id in people else {}
            Session.objects.filter(user_id=user_id).update(last_seen_at=now, **fresh)


def open_customer(of: Organization, record: str, *, to: Someone, by: Someone) -> None:
    """Open one of the organization's customers to a member, for a day."""
    with scope(Scope(of.id)):
        customers.open_to(
            customer_id=ids.decode("customer", of.records[record]),
            member_id=queries.members().get(user_id=to.id).pk,
            until=clock.now() + timedelta(days=1),
            actor=accounts.actor(User.objects.get(pk=by.id)),
            at=clock.now(),
        )


def count_of(tenant: UUID, **filters: Any) -> int:
    """Return how many events of an organization there are."""
    with scope(Scope(tenant)):
        return Event.objects.filter(**filters).count()


def events_of(tenant: UUID, **filters: Any) -> list[Event]:
    """Return the events of an organization, newest first."""
    with scope(Scope(tenant)):
        return list(Event.objects.filter(**filters).order_by("-at"))
