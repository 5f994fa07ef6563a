"""One organization, filled by the ordinary services, and every measurement over it."""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from bench import api, backups, database, documents, doors, exports, grown, pages, runs, stack
from core import clock
from tenancy.context import Scope, scope


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    invoices: int
    customers: int
    times: int
    billed: int
    beside: int
    paged: int
    backed_up: int
    # Billing so many where few are stored and where many are: (few, many, so many).
    grown: tuple[int, int, int]


SIZES = {
    "small": Size(
        invoices=300, customers=10_000, times=300, billed=4_000, beside=4_000, paged=100_000, backed_up=300, grown=(10_000, 100_000, 5_000)
    ),
    "large": Size(
        invoices=20_000, customers=200_000, times=600, billed=100_000, beside=10_000, paged=100_000, backed_up=1_700,
        grown=(10_000, 1_000_000, 10_000),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """The organization that is measured."""

    id: UUID
    owner: Any
    credentials: Any
    key: str
    customer: str


class World:
    """What the parts share: engines that run, and one organization, founded when a part first asks for it."""

    def __init__(self, environment: dict[str, str], size: Size) -> None:
        from accounts.services import organizations
        from core.actor import Actor

        self.environment, self.size = environment, size
        organizations.bootstrap(actor=Actor.system("bench"), at=clock.now())

    @cached_property
    def organization(self) -> "Organization":
        """Return the organization."""
        return _found(self.size.invoices)

    @cached_property
    def plain(self) -> tuple[dict[str, str], str]:
        """Return the environment of the baseline, filled, and a customer's id there."""
        environment = {**self.environment, "DJANGO_SETTINGS_MODULE": "bench.plain.settings"}
        return environment, _plain(environment, self.size.invoices)

    def inside(self) -> AbstractContextManager[None]:
        """Open the organization's scope."""
        return scope(Scope(self.organization.id))


def _fields(world: World) -> dict[str, Any]:
    with world.inside():
        return database.encryption()


def _audit(world: World) -> dict[str, Any]:
    return database.audit(world.organization.id, world.organization.owner)


def _api(world: World) -> dict[str, Any]:
    organization = world.organization
    plain_environment, plain_customer = world.plain
    with (
        stack.serving("config.wsgi", world.environment) as port,
        stack.serving("bench.plain.wsgi", plain_environment) as plain_port,
    ):
        bearer = {"Authorization": f"Bearer {organization.key}"}
        ours = api.Program(
            name="ours",
            port=port,
            headers=bearer,
            prefix="/api/v1",
            customer=organization.customer,
            database=world.environment["STRONGBOX_DB_NAME"],
        )
        plain = api.Program(
            name="plain",
            port=plain_port,
            headers={},
            prefix="",
            customer=plain_customer,
            database="bench_plain",
        )
        return api.measure((ours, plain), times=world.size.times) | {"invoices": world.size.invoices}


def _search(world: World) -> dict[str, Any]:
    with world.inside():
        return database.blind_index(world.size.customers, world.organization.owner)


def _seal(world: World) -> dict[str, Any]:
    return database.seal(world.organization.id)


def _rotation(world: World) -> dict[str, Any]:
    return database.rotation(world.organization.id)


def _grown(world: World) -> dict[str, Any]:
    few, many, portion = world.size.grown
    return grown.measure(world.environment, few=few, many=many, portion=portion)


# In this order: what fills the database stands behind what is measured in a small one.
PARTS: dict[str, Callable[[World], dict[str, Any]]] = {
    "fields": _fields,
    "audit": _audit,
    "api": _api,
    "signin": lambda world: doors.signin(world.organization.credentials),
    "webhook": lambda world: doors.webhook(
        world.environment, world.plain[0], world.organization.id, times=world.size.times
    ),
    "search": _search,
    "exports": lambda world: exports.measure(world.organization.id, world.organization.owner, rounds=5),
    "seal": _seal,
    "rotation": _rotation,
    "documents": lambda world: documents.measure(),
    "backups": lambda world: backups.measure(world.environment, megabytes=world.size.backed_up),
    "start": lambda world: doors.start(),
    "grown": _grown,
    "pages": lambda world: pages.measure(
        world.environment,
        customers=world.size.paged // 100,
        invoices=world.size.paged,
        times=world.size.times // 5,
    ),
    "runs": lambda world: runs.measure(
        world.environment, count=world.size.billed, beside=world.size.beside, rounds=3
    ),
}


def _found(count: int) -> Organization:
    """Make the organization, its owner, a key, and invoices."""
    from accounts.permissions import API_KEY_SCOPES
    from accounts.services import apikeys, organizations
    from billing.customers import services as customers
    from billing.invoices import services as invoices
    from billing.invoices.rules import LineInput
    from config.embedded import demo
    from core import ids
    from core.actor import Actor

    founded = organizations.create(
        slug="bench",
        name="Bench",
        owner_email="owner@bench.example",
        actor=Actor.system("bench"),
        at=clock.now(),
    )
    credentials, owner = demo.join(founded.tenant, founded.url, "Ada Bench", demo.RoleCode.OWNER)
    at = clock.now()
    with scope(Scope(founded.tenant.pk)):
        made = apikeys.create(
            name="bench",
            scopes=[permission.value for permission in API_KEY_SCOPES],
            limits={},
            expires_at=at + timedelta(days=1),
            actor=owner,
            at=at,
        )
        customer = customers.create(name="Blue Mill Bakery", currency="EUR", actor=owner, at=at)
    lines = [
        LineInput(description=f"Item {n}", unit_amount=Decimal("12.5"), quantity=Decimal(2)) for n in range(3)
    ]
    for start in range(0, count, 100):
        with scope(Scope(founded.tenant.pk)):
            for _ in range(start, min(start + 100, count)):
                draft = invoices.create_draft(customer_id=customer.pk, lines=lines, actor=owner, at=at)
                invoices.finalize(invoice_id=draft.pk, actor=owner, at=at)
    return Organization(
        id=founded.tenant.pk,
        owner=owner,
        credentials=credentials,
        key=made.raw,
        customer=ids.encode("customer", customer.pk),
    )


def _plain(environment: dict[str, str], count: int) -> str:
    """Make the baseline's database and fill it; returns a customer's id."""
    from config.embedded.postgres import superuser_sql

    superuser_sql("CREATE DATABASE bench_plain OWNER strongbox_owner", database="postgres")
    superuser_sql("GRANT ALL ON SCHEMA public TO strongbox_owner", database="bench_plain")
    program = (
        "import django; django.setup(); from django.core.management import call_command; "
        "call_command('migrate', run_syncdb=True, verbosity=0); "
        f"from bench.api import fill_plain; print(fill_plain({count}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=stack.HOME,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return str(json.loads(done.stdout.strip().splitlines()[-1]))
