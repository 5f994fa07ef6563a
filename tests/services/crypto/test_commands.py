"""The key commands as an operator runs them: what they print, what they find, and with which code they exit."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from celery import current_app
from django.core.management import CommandError, call_command

from billing.customers.models import Customer
from core.errors import Sealed
from crypto import columns, tasks
from crypto.envelope import Purpose
from tenancy import context
from tenancy.models import Tenant
from tests import databases
from tests.services.crypto import make

HOME = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "rekey"])


def run(name: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    out, code = io.StringIO(), 0
    try:
        call_command(name, *arguments, "--json", stdout=out, stderr=io.StringIO())
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, json.loads(out.getvalue().splitlines()[-1])


def scan_a(*arguments: str) -> tuple[int, dict[str, Any]]:
    return run("encryption_scan", "--organization", "a", *arguments)


@pytest.fixture
def customer(tenant_a: UUID) -> Customer:
    with context.scope(context.Scope(tenant_a)):
        return make.customer(name="Ann", email="ann@example.com", notes="")


def plant(customer: Customer, sql: str) -> None:
    """Change stored bytes as somebody who owns the tables can."""
    databases.as_owner("ALTER TABLE billing_customer DROP CONSTRAINT billing_customer_name_envelope")
    databases.as_owner(f"UPDATE billing_customer SET {sql} WHERE id = %s", [customer.pk])


class TestScan:
    def test_it_looks_at_every_value_of_every_column(self, customer: Customer) -> None:
        before = scan_a()[1]["rows"]
        with context.scope(context.Scope(customer.tenant_id)):
            make.customer(name="Bea", phone="", email=None, notes=None)
        code, result = scan_a("--full")
        assert code == 0
        assert result["rows"] == before + 3  # the subject key, the name and the empty phone
        assert (result["decrypted"], result["plaintext"], result["errors"]) == (result["rows"], 0, [])
        assert result["columns"] == sum(len(table.fields) for table in columns.tables(of_operator=False))

    def test_all_organizations_include_the_rows_of_none(self, customer: Customer) -> None:
        code, result = run("encryption_scan")
        assert code == 0
        assert result["columns"] == sum(len(table.fields) for table in columns.tables(of_operator=True))

    def test_plaintext_is_found_and_not_shown(self, customer: Customer) -> None:
        plant(customer, "name = 'Ann Canary'::bytea")
        code, result = scan_a()
        place = {"table": "billing.Customer", "column": "name", "row": str(customer.pk)}
        assert (code, result["plaintext"]) == (1, 1)
        assert result["errors"] == [{"kind": "plaintext"} | place]
        assert "Canary" not in json.dumps(result)

    @pytest.mark.parametrize(
        ("sql", "kind"),
        [
            ("name = overlay(name placing '\\x0000' FROM 3)", "unknown_key"),
            ("name = set_byte(name, 30, get_byte(name, 30) # 1)", "unreadable"),
            ("name = email", "unreadable"),
        ],
    )
    def test_what_does_not_open_is_found(self, sql: str, kind: str, customer: Customer) -> None:
        plant(customer, sql)
        code, result = scan_a("--full")
        assert (code, result["plaintext"]) == (1, 0)
        assert [(error["kind"], error["column"]) for error in result["errors"]] == [(kind, "name")]

    def test_erased_values_are_counted_apart(self, customer: Customer) -> None:
        with context.scope(context.Scope(customer.tenant_id)):
            Customer.objects.update(subject_key=None)
        code, result = scan_a("--full")
        assert (code, result["erased"], result["errors"]) == (0, 3, [])

    def test_it_is_recorded(self, customer: Customer) -> None:
        scan_a()
        rows = databases.as_owner(
            "SELECT actor_label, facts->>'plaintext' FROM audit_event WHERE event = 'encryption.scanned'"
        )
        assert rows == [("command:encryption_scan", "0")]


class TestStatus:
    def test_it_counts_the_values_under_each_key(self, customer: Customer) -> None:
        code, result = run("keys_status", "--organization", "a")
        assert code == 0
        assert {(key["purpose"], key["version"], key["state"]) for key in result["versions"]} == {
            (purpose.value, 1, "primary") for purpose in Purpose
        }
        counted = result["records_per_version"]["a/fields"]["1"]
        assert result["pending"] == 0
        with context.scope(context.Scope(customer.tenant_id)):
            make.customer(name="Bea")
        after = run("keys_status", "--organization", "a")[1]["records_per_version"]
        assert after["a/fields"] == {"1": counted + 2}

    def test_it_prints_a_line_a_key(self, customer: Customer) -> None:
        out = io.StringIO()
        call_command("keys_status", "--organization", "a", stdout=out)
        assert len(out.getvalue().splitlines()) == len(Purpose) + 1

    def test_an_unknown_organization_is_refused(self) -> None:
        with pytest.raises(CommandError, match="nowhere"):
            call_command("keys_status", "--organization", "nowhere")


class TestSeal:
    def test_a_sealed_organization_is_closed_to_every_process_and_opens_again(
        self, customer: Customer
    ) -> None:
        with python_reading(customer) as process:
            assert ask(process) == "Ann"
            assert run("organization_seal", "a") == (0, {"organization": "a", "state": "sealed"})
            assert ask(process) == Sealed.__name__
            assert scan_a()[1]["sealed"] == ["a"]
            assert run("keys_rotate", "--organization", "a", "--here")[1]["error"] == "organization_sealed"
            assert run("organization_unseal", "a") == (0, {"organization": "a", "state": "active"})
            assert ask(process) == "Ann"
        with context.scope(context.Scope(customer.tenant_id)):
            assert Tenant.objects.get(pk=customer.tenant_id).state == Tenant.State.ACTIVE

    def test_the_operators_is_refused(self) -> None:
        code, result = run("organization_seal", "operator")
        assert (code, result["error"]) == (1, "operator_cannot_be_sealed")


def test_the_ops_worker_rotates_what_the_command_queues(customer: Customer) -> None:
    """The whole way: the command without the rekey role, the broker, a worker that has it."""
    with ops_worker():
        code, result = run("keys_rotate", "--organization", "a", "--purpose", "fields")
    assert code == 0
    assert [version["state"] for version in result["versions"]] == ["disabled", "primary"]
    assert (result["pending"], result["records_per_version"]["1"]) == (0, 0)
    with context.scope(context.Scope(customer.tenant_id)):
        assert Customer.objects.get(pk=customer.pk).name == "Ann"
    rows = databases.as_owner("SELECT kind, state, counts->>'version' FROM tenancy_job")
    assert rows == [("keys.rotate", "done", "2")]


def environment() -> dict[str, str]:
    return os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.test"}


@contextmanager
def ops_worker() -> Iterator[None]:
    """Run a worker of the queue for keys, which other tests may have left requests in."""
    with current_app.connection_for_write() as broker:
        broker.default_channel.queue_purge(tasks.QUEUE)
    command = [
        "-m",
        "celery",
        "-A",
        "config.celery",
        "worker",
        "-Q",
        "keys",
        "-P",
        "solo",
        "--loglevel",
        "ERROR",
    ]
    with subprocess.Popen(
        [sys.executable, *command, "--without-gossip", "--without-mingle", "--without-heartbeat"],
        cwd=HOME,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield
        finally:
            process.terminate()


_READER = """
import sys, django
django.setup()
from uuid import UUID
from billing.customers.models import Customer
from core.errors import Refusal
from tenancy import context
for line in sys.stdin:
    tenant, row = map(UUID, line.split())
    try:
        with context.scope(context.Scope(tenant)):
            print(Customer.objects.get(pk=row).name, flush=True)
    except Refusal as refusal:
        print(type(refusal).__name__, flush=True)
"""


@contextmanager
def python_reading(customer: Customer) -> Iterator["subprocess.Popen[str]"]:
    """Run a process that passes no doorway and keeps the organization's keys in memory."""
    with subprocess.Popen(
        [sys.executable, "-c", _READER],
        cwd=HOME,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        process.wanted = f"{customer.tenant_id} {customer.pk}"  # type: ignore[attr-defined]
        yield process
        process.stdin.close()  # type: ignore[union-attr]


def ask(process: "subprocess.Popen[str]") -> str:
    """Let the other process read the customer's name once more."""
    print(process.wanted, file=process.stdin, flush=True)  # type: ignore[attr-defined]
    return process.stdout.readline().strip()  # type: ignore[union-attr]
