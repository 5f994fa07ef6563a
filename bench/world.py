"""One organization, filled by the ordinary services, and every measurement over it."""

import json
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bench import api, backups, database, documents, runs, stack
from core import clock
from tenancy.context import Scope, scope


def measure(
    environment: dict[str, str],
    *,
    invoices: int,
    customers: int,
    times: int,
    billed: int,
    backed_up: int,
    grown: tuple[int, int, int] | None = None,
) -> dict[str, Any]:
    """Found the organization, fill it, and measure."""
    tenant_id, actor, key, customer = _found(invoices)
    with scope(Scope(tenant_id)):
        result: dict[str, Any] = {"encryption": database.encryption(), "audit": database.audit(actor)}
    plain_environment = {**environment, "DJANGO_SETTINGS_MODULE": "bench.plain.settings"}
    plain_customer = _plain(plain_environment, invoices)
    with (
        stack.serving("config.wsgi", environment) as port,
        stack.serving("bench.plain.wsgi", plain_environment) as plain_port,
    ):
        bearer = {"Authorization": f"Bearer {key}"}
        ours = api.Program(name="ours", port=port, headers=bearer, prefix="/api/v1", customer=customer)
        plain = api.Program(name="plain", port=plain_port, headers={}, prefix="", customer=plain_customer)
        result["api"] = api.measure((ours, plain), times=times)
    result["api"]["invoices"] = invoices
    with scope(Scope(tenant_id)):
        result["blind_index"] = database.blind_index(customers, actor)
    result["rotation"] = database.rotation(tenant_id, actor)
    result["documents"] = documents.measure()
    result["backups"] = backups.measure(environment, megabytes=backed_up)
    result["runs"] = runs.measure(environment, count=billed)
    if grown is not None:
        few, many, portion = grown
        result["grown"] = runs.grown(environment, few=few, many=many, portion=portion)
    return result


def _found(count: int) -> tuple[Any, Any, str, str]:
    """Make the organization, its owner, a key, and invoices."""
    from accounts.permissions import API_KEY_SCOPES
    from accounts.services import apikeys, organizations
    from billing.customers import services as customers
    from billing.invoices import services as invoices
    from billing.invoices.rules import LineInput
    from config.embedded import demo
    from core import ids
    from core.actor import Actor

    organizations.bootstrap(actor=Actor.system("bench"), at=clock.now())
    founded = organizations.create(
        slug="bench",
        name="Bench",
        owner_email="owner@bench.example",
        actor=Actor.system("bench"),
        at=clock.now(),
    )
    _, owner = demo.join(founded.tenant, founded.url, "Ada Bench", demo.RoleCode.OWNER)
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
    return founded.tenant.pk, owner, made.raw, ids.encode("customer", customer.pk)


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
