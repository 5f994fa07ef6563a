"""The demo: two organizations filled through the ordinary services, by people who sign in like everybody else.

Their passwords and authenticator secrets lie in a file of the state folder (0600), so that `demo_credentials` can
print a current code. Production settings do not install this.
"""

import base64
import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django_otp import oath

from accounts import queries as people
from accounts.models import Session, User
from accounts.permissions import API_KEY_SCOPES, Limit, RoleCode
from accounts.services import apikeys, approvals, factors, members, organizations, signin
from accounts.services.sessions import Origin
from billing.customers import services as customers
from billing.invoices import rules as invoice_rules
from billing.invoices import services as invoices
from billing.issuer import services as issuers
from billing.tax import services as tax_rates
from config.embedded import (
    demo_alerts,
    demo_compliance,
    demo_delivery,
    demo_looks,
    demo_more,
    demo_payments,
    demo_privacy,
    demo_subscriptions,
    demo_training,
    preparation,
)
from core import clock, ids
from core.actor import Actor, ActorKind, SignInMethod, Via
from core.errors import Refusal
from outbound.models import OutboxMessage
from tenancy.context import Scope, scope, system_scope
from tenancy.models import Tenant

ORGANIZATIONS = dict(zip(preparation.DEMO, ("Acme Instruments GmbH", "Birch & Daughters Ltd"), strict=True))
INVOICES = 200
# The role that stands for customers of the portal, who hold none.
CUSTOMER = "customer"
_ADDRESS = {
    "acme": {"line1": "Torstraße 12", "city": "Berlin", "postal_code": "10119", "country": "DE"},
    "birch": {"line1": "4 Canal Walk", "city": "Galway", "postal_code": "H91 X2Y3", "country": "IE"},
}
_PEOPLE = {
    RoleCode.OWNER: "Ana Ruiz",
    RoleCode.ADMIN: "Ben Okafor",
    RoleCode.BILLING_MANAGER: "Clara Lindqvist",
    RoleCode.BILLING_CLERK: "Dev Patel",
    RoleCode.APPROVER: "Elif Kaya",
    RoleCode.ACCOUNTANT: "Farid Haddad",
    RoleCode.SECURITY_OFFICER: "Grace Mwangi",
    RoleCode.AUDITOR: "Hugo Marchetti",
    RoleCode.DEVELOPER: "Ines Duarte",
}
_FIRST = (
    "Blue Mill",
    "North Pier",
    "Alder",
    "Copper Lane",
    "Harbour",
    "Juniper",
    "Kestrel",
    "Linden",
    "Marble",
    "Oak Hill",
)
_SECOND = ("Bakery", "Logistics", "Clinic", "Studio", "Brewery", "Books", "Robotics", "Florists")
_WORK = (
    "Consulting, on site",
    "Annual licence",
    "Calibration of instruments",
    "Support, 8 hours",
    "Training day",
    "Spare parts",
)


class NotADemo(Refusal):
    """This installation is no demo."""

    code = "not_a_demo"


@dataclass(slots=True)
class Credentials:
    """How one of the demo's people signs in."""

    email: str
    password: str
    totp_secret: str
    role: str
    organization: str


def refuse_unless_demo() -> None:
    """Stop anywhere but in a demo.

    Raises:
        NotADemo
    """
    if not settings.DEMO:
        raise NotADemo


def totp(secret: str, at: float) -> str:
    """Return an authenticator's code (RFC 6238) at a moment in seconds since 1970."""
    return f"{oath.hotp(base64.b32decode(secret), int(at) // signin.TOTP_STEP_SECONDS, digits=signin.TOTP_DIGITS):06d}"


def _file() -> Path:
    return Path(settings.STATE_DIR) / "demo-people.json"


def read() -> list[Credentials]:
    """Return the demo's people, none before it was seeded."""
    path = _file()
    return [Credentials(**entry) for entry in json.loads(path.read_text())] if path.exists() else []


def _keep(found: list[Credentials]) -> None:
    """Add people to the file. Organizations are filled side by side: one writes after the other."""
    with os.fdopen(os.open(_file(), os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        entries = json.loads(file.read() or "[]") + [asdict(entry) for entry in found]
        file.seek(0)
        json.dump(entries, file)


def seed(say: Callable[[str], None], *, only: str | None = None) -> list[str]:
    """Fill the demo, or the operator's organization or another one of it alone; return the slugs of the demo's.

    What is there already is left alone.

    Raises:
        NotADemo
    """
    refuse_unless_demo()
    with system_scope(reason="the demo is seeded once"):
        there = set(Tenant.objects.values_list("slug", flat=True))
    if not any(entry.organization == "operator" for entry in read()):
        founded = organizations.bootstrap(
            actor=Actor.system("demo_seed"), at=clock.now(), owner_email="operator@strongbox.example"
        )
        _keep([join(founded.tenant, founded.url, "Olga Petrenko", RoleCode.OWNER)[0]])
    for slug, name in ORGANIZATIONS.items():
        if slug not in there and only in (None, slug):
            say(f"Filling {name}…")
            _keep(_organization(slug, name))
    if only is None:
        demo_looks.ask()
    return list(ORGANIZATIONS)


def _organization(slug: str, name: str) -> list[Credentials]:
    founded = organizations.create(
        slug=slug,
        name=name,
        owner_email=_email(RoleCode.OWNER, slug),
        mode=Tenant.Mode.TEST,
        actor=Actor.system("demo_seed"),
        at=clock.now(),
    )
    tenant = founded.tenant
    entry, owner = join(tenant, founded.url, _PEOPLE[RoleCode.OWNER], RoleCode.OWNER)
    demo_payments.set_bank_account(tenant, name, owner)
    found, second, officer = [entry], None, owner
    for role in list(_PEOPLE)[1:]:
        url = _invite(tenant, role, owner=owner, second=second)
        entry, actor = join(tenant, url, _PEOPLE[role], role)
        found.append(entry)
        second = second or actor
        officer = actor if role is RoleCode.SECURITY_OFFICER else officer
    _fill(tenant, name, owner)
    demo_payments.fill(tenant, owner)
    with scope(Scope(tenant.pk)):
        demo_delivery.fill(owner, clock.now())
    demo_privacy.fill(tenant, owner)
    demo_compliance.fill(tenant.pk, officer=officer, at=clock.now())
    for customer, url in demo_payments.invite_customers(tenant, owner):
        found.append(join(tenant, url, customer, CUSTOMER)[0])
    demo_training.fill(tenant)
    demo_more.fill(tenant, owner)
    demo_alerts.fill(tenant, officer, clock.now())
    demo_more.invite(tenant, owner, clock.now())
    return found


def _email(role: RoleCode, slug: str) -> str:
    first = _PEOPLE[role].split()[0].lower()
    return f"{first}@{slug}.example"


def _invite(tenant: Tenant, role: RoleCode, *, owner: Actor, second: Actor | None) -> str:
    """Invite somebody; a powerful role is approved by a second person. Returns the link from the mail."""
    with scope(Scope(tenant.pk)):
        invited = members.invite(
            email=_email(role, tenant.slug), role=people.role(role.value), actor=owner, at=clock.now()
        )
    if invited.waiting is not None and second is not None:
        with scope(Scope(tenant.pk)):
            approvals.approve(request_id=invited.waiting.pk, actor=second, at=clock.now())
    return invitation(tenant.slug)


def join(tenant: Tenant, url: str, name: str, role: str) -> tuple[Credentials, Actor]:
    """Accept an invitation and enrol an authenticator, as a person does."""
    password = secrets.token_urlsafe(18)
    raw = url.rpartition("/")[2]
    stranger = Actor.stranger(via=Via.COMMAND, request_id=ids.uuid7(), network="demo")
    with scope(Scope(members.tenant_of(raw))):
        joined = members.accept(raw=raw, name=name, password=password, actor=stranger, at=clock.now())
        email = joined.user.email or ""
    with scope(Scope()):
        opened = signin.with_password(
            email=email, password=password, origin=Origin(network="demo", device="demo"), at=clock.now()
        )
        enrolment = factors.begin_totp(session=opened.session, at=clock.now())
        # The step before this one: the code on the screen now stays unused for whoever reads the credentials next.
        before = time.time() - signin.TOTP_STEP_SECONDS
        factors.confirm_totp(
            session=opened.session, code=totp(enrolment.secret, before), actor=stranger, at=clock.now()
        )
    entry = Credentials(email, password, enrolment.secret, str(role), tenant.slug)
    return entry, _actor(joined.user, opened.session)


def _actor(user: User, session: Session) -> Actor:
    return Actor(
        kind=ActorKind.USER,
        via=Via.COMMAND,
        request_id=ids.uuid7(),
        id=user.pk,
        session_id=session.pk,
        network="demo",
        method=SignInMethod.SESSION_FRESH,
    )


def _fill(tenant: Tenant, name: str, owner: Actor) -> None:
    at, today = clock.now(), clock.today()
    with scope(Scope(tenant.pk)):
        issuers.set_issuer(
            name=name,
            address=_ADDRESS[tenant.slug],
            tax_id="DE136695976" if tenant.slug == "acme" else None,
            email=f"billing@{tenant.slug}.example",
            actor=owner,
            at=at,
        )
        rates = [
            tax_rates.create(
                code=code,
                name=words,
                category="S",
                percentage=Decimal(percentage),
                valid_from=today.replace(month=1, day=1),
                actor=owner,
                at=at,
            ).pk
            for code, words, percentage in (
                ("standard", "Standard rate", "19"),
                ("reduced", "Reduced rate", "7"),
            )
        ]
    with scope(Scope(tenant.pk)):
        buyers = [
            customers.create(
                name=f"{first} {second}",
                email=f"accounts@{first}-{second}.example".lower().replace(" ", ""),
                address={
                    "line1": f"{number + 1} High Street",
                    "city": "Cork",
                    "postal_code": f"T12 {number:04d}",
                    "country": "IE",
                },
                currency="EUR",
                actor=owner,
                at=at,
            ).pk
            for number, (first, second) in enumerate((f, s) for f in _FIRST for s in _SECOND[:4])
        ]
        demo_subscriptions.fill(buyers, owner=owner, at=at, today=today)
    for batch in range(0, INVOICES, 50):
        with scope(Scope(tenant.pk)):
            for number in range(batch, batch + 50):
                _invoice(number, buyers, rates, owner, at)


def _invoice(number: int, buyers: list[UUID], rates: list[UUID], owner: Actor, at: datetime) -> None:
    issued = at - timedelta(days=(INVOICES - number) * 200 // INVOICES)
    lines = [
        invoice_rules.LineInput(
            description=_WORK[(number + position) % len(_WORK)],
            quantity=Decimal(1 + (number + position) % 5),
            unit_amount=Decimal(40 + (number * 37 + position * 11) % 900) + Decimal("0.50"),
            tax_rate_id=rates[position % 2],
        )
        for position in range(1 + number % 3)
    ]
    draft = invoices.create_draft(
        customer_id=buyers[number * 7 % len(buyers)],
        lines=lines,
        issued_on=issued.date(),
        due_on=(issued + timedelta(days=30)).date(),
        actor=owner,
        at=at,
    )
    if number % 20 == 19:  # some stay drafts
        return
    invoices.finalize(invoice_id=draft.pk, actor=owner, at=at)
    if number % 50 == 7:
        invoices.void(invoice_id=draft.pk, reason="Sent to the wrong customer", actor=owner, at=at)


@contextmanager
def _open(slug: str) -> Iterator[Tenant]:
    with system_scope(reason="the demo names organizations by slug"):
        tenant = Tenant.objects.get(slug=slug)
    with scope(Scope(tenant.pk)):
        yield tenant


def _owner(slug: str) -> Actor:
    """Return the owner of an organization as if they had just confirmed a factor; in its scope."""
    owner = next(entry for entry in read() if entry.organization == slug and entry.role == RoleCode.OWNER)
    user = people.find_user(owner.email)
    if user is None:
        raise NotADemo
    return Actor(
        kind=ActorKind.USER, via=Via.COMMAND, request_id=ids.uuid7(), id=user.pk, network="demo",
        method=SignInMethod.SESSION_FRESH,
    )  # fmt: skip


def invitation(slug: str) -> str:
    """Return the link of the newest invitation to an organization."""
    with _open(slug):
        mail = OutboxMessage.objects.filter(template="invitation").order_by("-created_at").first()
        if mail is None or mail.body is None:
            raise RuntimeError("the invitation was not written")
        return next(word for word in str(mail.body["text"]).split() if "/invite/" in word)


def pay_links(slug: str) -> list[dict[str, str]]:
    """Mint fresh links to a few of an organization's open invoices."""
    with _open(slug) as tenant:
        return demo_payments.pay_links(tenant, _owner(slug))


def api_key(slug: str) -> str:
    """Make a key with every scope and high limits, as the organization's owner, for one day."""
    with _open(slug):
        actor = _owner(slug)
        at = clock.now()
        made = apikeys.create(
            name="Demo credentials",
            scopes=[scope_.value for scope_ in API_KEY_SCOPES],
            limits={
                Limit.EXPORT_ROWS.value: 10_000,
                Limit.REFUND_MINOR.value: 100_000,
                Limit.WRITE_OFF_MINOR.value: 10_000_000,
            },
            expires_at=at + timedelta(days=1),
            actor=actor,
            at=at,
        )
        return made.raw
