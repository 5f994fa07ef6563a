"""Nobody stops the service for everybody with files to import."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client

from billing.customers.models import Customer
from billing.imports import rules, services, turns
from tenancy import context
from tenancy.context import Scope, scope
from tests.calls import calls_of
from tests.guarantees import world
from tests.make import accounts, billing, installation

NAMES = "name\n" + "".join(f"Customer {number}\n" for number in range(100_002))


@dataclass(frozen=True)
class Organization:
    """One with nothing in it but its owner: filling it would take its turn to import."""

    id: UUID
    slug: str
    owner: Client


def organization(slug: str) -> Organization:
    tenant = installation.tenant(slug)
    with scope(Scope(tenant)):
        opened = accounts.session(accounts.member("owner").user)
    return Organization(tenant, slug, world.browser(opened.raw_key))


def send(to: Organization, text: str) -> Any:
    file = SimpleUploadedFile("customers.csv", text.encode())
    return to.owner.post(f"/o/{to.slug}/import/files", {"file": file})


@contextmanager
def importing(tenant: UUID) -> Iterator[None]:
    """Have somebody else's import run, on a connection of its own."""
    taken, done = threading.Event(), threading.Event()

    def run() -> None:
        with scope(Scope(tenant)):
            turns.take()
            taken.set()
            done.wait(60)
        connections.close_all()

    other = threading.Thread(target=run)
    other.start()
    assert taken.wait(60)
    try:
        yield
    finally:
        done.set()
        other.join()


def test_too_many_rows_are_refused_before_any_is_prepared(in_a: UUID) -> None:
    with calls_of(services._prepared) as prepared:
        services.import_customers(data=b"name\nAda\n", actor=billing.ACTOR, at=billing.AT, dry_run=True)
        assert len(prepared) == 1
        with pytest.raises(rules.TooManyRows) as refused, context.attempt():
            services.import_customers(data=NAMES.encode(), actor=billing.ACTOR, at=billing.AT)
    assert len(prepared) == 1
    assert str(refused.value) == "The file holds more than 100,000 rows. Split it."
    assert Customer.objects.count() == 0


def test_the_page_of_invoices_refuses_a_file_no_request_should_read(db: None) -> None:
    ours = organization("a")
    file = SimpleUploadedFile("invoice.xml", b"<Invoice>" + b"x" * rules.MAX_BYTES_OF_A_REQUEST)
    answer = ours.owner.post("/o/a/import/invoice", {"file": file, "action": "check"})
    assert answer.status_code == 422
    assert "larger than 1 MB" in answer.content.decode()
    assert "./manage.py invoices_import" in answer.content.decode()


def test_the_page_of_customers_refuses_what_no_import_takes(db: None) -> None:
    ours = organization("a")
    answer = send(ours, "name,notes\n" + f"Ada,{'x' * 990}\n" * 5_400)
    assert answer.status_code == 422
    assert "larger than 5 MB" in answer.content.decode()
    answer = ours.owner.get("/o/a/import")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/o/a/import/files")


def test_a_second_import_of_the_organization_waits_its_turn(db: None) -> None:
    ours, theirs = (organization(slug) for slug in "ab")
    few = "name\nAda\n"
    with importing(ours.id):
        answer = send(ours, few)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
        assert "An import of this organization is running." in answer.content.decode()
        (event,) = world.events_of(ours.id, event="access.refused")
        assert (event.reason, event.facts["status"]) == ("import_running", 429)
    assert send(theirs, few).status_code == 302


def test_few_import_at_once(db: None) -> None:
    ours = organization("a")
    others = [UUID(int=number) for number in range(1, turns.AT_ONCE + 1)]
    with importing(others[0]), importing(others[1]):
        answer = send(ours, "name\nAda\n")
        assert answer.status_code == 429
        assert "Others are importing right now." in answer.content.decode()
    (event,) = world.events_of(ours.id, event="access.refused")
    assert event.reason == "importers_busy"
