"""Looking for card numbers in what is stored: wherever one is planted it is found, and it is never repeated."""

import json

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import CommandError

from audit.models import Event
from core import clock
from core.actor import Actor
from outbound import files
from outbound.models import StoredFile
from payments.cards import scan, stores
from payments.models import GatewayAccount, PaymentMethod
from tenancy import jobs
from tenancy.context import Scope, scope
from tests.guarantees import canaries
from tests.make import billing, payments

# One process: a scan reads the cache of all of them, and some of these plant a number there.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("cards")]
ACTOR = Actor.system("tests")


@pytest.fixture
def card() -> str:
    return canaries.card_number()


def look(tenant):
    return scan.run(tenant_id=tenant, actor=ACTOR, now=clock.now)


def facts(tenant, code="cards.scanned"):
    with scope(Scope(tenant)):
        return list(Event.objects.filter(event=code).order_by("at").values_list("facts", flat=True))


def places(result):
    return sorted({found.place for found in result.found})


def test_an_organization_without_card_numbers_is_clean_and_the_counts_are_recorded(tenant_a):
    with scope(Scope(tenant_a)):
        payments.card_payment(billing.finalized())
        given = {"kind": "import", "name": "a.csv", "media_type": "text/csv"}
        files.store(**given, chunks=[b"name,number\nAda,12345678"], actor=ACTOR, at=clock.now())
        files.store(
            **{**given, "media_type": "application/pdf"}, chunks=[b"%PDF"], actor=ACTOR, at=clock.now()
        )
    result = look(tenant_a)
    assert (result.found, result.files, result.unread) == ([], 1, 1)
    assert result.tables == len(stores.tables())
    assert result.values > 100
    [counts] = facts(tenant_a)
    assert counts == {
        "tables": result.tables, "values": result.values, "files": 1, "unread": 1, "shared": result.shared,
        "found": 0,
    }  # fmt: skip
    with scope(Scope(tenant_a)):
        found = scan.last()
        assert found is not None
        assert (found.result, found.facts) == ("success", counts)


@pytest.mark.parametrize("shape", ["{}", "paid with {} yesterday", "{} {} {} {}", "{}-{}-{}-{}"])
def test_a_number_is_found_in_an_encrypted_column_and_not_repeated(tenant_a, card, shape, caplog):
    parts = [card[place : place + 4] for place in range(0, 16, 4)]
    text = shape.format(*parts) if shape.count("{}") == 4 else shape.format(card)
    with scope(Scope(tenant_a)):
        customer = billing.customer()
        customer.notes = text
        customer.save(update_fields=["notes"])
    result = look(tenant_a)
    assert result.found == [scan.Found("billing_customer.notes", customer.pk)]
    [event] = facts(tenant_a, "cards.found")
    assert event == {"place": "billing_customer.notes", "row": str(customer.pk)}
    said = f"{result}{facts(tenant_a)}{event}{caplog.text}"
    assert card not in said
    assert parts[1] + parts[2] not in said


def test_a_number_is_found_in_plain_columns_in_documents_in_files_and_in_the_cache(tenant_a, tenant_b, card):
    with scope(Scope(tenant_a)):
        account = payments.account()
        GatewayAccount.objects.filter(pk=account.pk).update(hook_reference=card)
        customer = billing.customer()
        customer.address = {**(customer.address or {}), "line1": f"Box {card}"}
        customer.save(update_fields=["address"])
        PaymentMethod(
            customer=customer, account=account, reference="pm_1", kind="card", brand="visa", last4=card[-4:],
            mandate_text=f"card {card}", agreed_at=clock.now(),
        ).save(force_insert=True)  # fmt: skip
        # As a text it would be refused: it comes in as something else, and is called a text afterwards.
        given = {"kind": "import", "name": f"{card}.csv", "media_type": "application/octet-stream"}
        pieces = [b"x" * 70_000, card[:9].encode(), card[9:].encode()]
        kept = files.store(**given, chunks=pieces, actor=ACTOR, at=clock.now())
        StoredFile.objects.filter(pk=kept.pk).update(media_type="text/csv")
    # What is left of a limit: its digits pass for a card number by chance.
    cache.set_many({"planted": {"note": card}, "left": 4.900836943156e-05}, 60)
    try:
        result, other = look(tenant_a), look(tenant_b)
    finally:
        cache.delete_many(["planted", "left"])
    assert places(result) == [
        "billing_customer.address", "cache", "file", "outbound_storedfile.name",
        "payments_gatewayaccount.hook_reference", "payments_paymentmethod.mandate_text",
    ]  # fmt: skip
    assert places(other) == ["cache"]


def test_each_text_column_of_each_table_is_looked_at_but_for_our_own_secrets():
    columns = {f"{model._meta.db_table}.{name}" for model, names in stores.tables() for name in names}
    assert {
        "billing_invoice.buyer", "billing_customer.name", "payments_payment.remittance",
        "payments_refund.reason", "payments_dispute.evidence", "outbound_outboxmessage.body",
        "outbound_storedfile.name", "payments_hookreceipt.event_type", "tenancy_job.kind",
    } <= columns  # fmt: skip
    assert "payments_gatewayaccount.secret_key" not in columns
    assert "outbound_storedfile.content_key" not in columns


def test_a_scan_that_was_asked_for_runs_once_and_its_job_has_the_counts(tenant_a):
    with scope(Scope(tenant_a)):
        job = scan.ask(actor=ACTOR, at=clock.now())
        with pytest.raises(scan.ScanRuns), scope(Scope(tenant_a)):
            scan.ask(actor=ACTOR, at=clock.now())
    result = scan.run(tenant_id=tenant_a, actor=ACTOR, now=clock.now, job_id=job.pk)
    with scope(Scope(tenant_a)):
        done = jobs.find(job.pk)
        assert done is not None
        assert (done.state, done.counts["found"], done.counts["values"]) == ("done", 0, result.values)
        assert jobs.lasting(kind=scan.KIND) is None


def test_the_command_fails_when_something_is_found_and_names_the_place_alone(tenant_a, card, capsys):
    call_command("card_scan", "--organization", "a", "--json")
    clean = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert clean["errors"] == []
    with scope(Scope(tenant_a)):
        customer = billing.customer()
        customer.notes = card
        customer.save(update_fields=["notes"])
    with pytest.raises((SystemExit, CommandError)):
        call_command("card_scan", "--organization", "a", "--json")
    printed = capsys.readouterr().out
    found = json.loads(printed.splitlines()[-1])
    assert found["errors"] == [{"place": "billing_customer.notes", "row": str(customer.pk)}]
    assert card not in printed
