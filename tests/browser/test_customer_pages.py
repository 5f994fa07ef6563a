"""The sides of a customer, and what comes in and goes out: readable by all, in both themes, narrow enough."""

from playwright.sync_api import Browser

from billing.exports import making
from billing.exports import services as exports
from billing.exports.services import Wanted
from billing.imports import batches, work
from billing.merges import services as merges
from billing.taxids import services as taxids
from billing.taxids import vies
from core import clock, ids
from core.actor import Actor
from tenancy.context import Scope, scope
from tests.browser.live import Live, Someone, judge
from tests.make import accounts, files
from tests.make import billing as make
from tests.make.contacts import contact

SYSTEM = Actor.system("tests")


def pages(live: Live, who: Someone) -> list[str]:
    """Fill an organization with one of each, and name the pages."""
    at, actor = clock.now(), accounts.actor(who.user)
    with scope(Scope(live.tenant)):
        ada = make.customer(
            "Ada Maschinenbau GmbH", email="office@ada.example", tax_id="DE136695976", payment_days=45,
            address={"line1": "Weg 1", "city": "Graz", "postal_code": "8010", "country": "AT"},
            delivery_address={"line1": "Rampe 2", "city": "Linz", "country": "AT"}, language="de",
        )  # fmt: skip
        joan = contact(ada, roles=("billing", "reminders"), is_primary=True, position="Accounts payable")
        make.finalized(of=ada)
        make.finalized(of=make.customer("Ada Linz", parent_id=ada.pk))
        goes = make.customer("Ada Maschinen", email="office@ada.example")
        make.draft(of=make.customer("Third", email="office@ada.example"))
        merges.merge(source_id=goes.pk, target_id=ada.pk, actor=actor, at=at)
        for said in (
            vies.Said(fault="ms_unavailable"),
            vies.Said(is_valid=True, consultation="WAPI01", name="ADA"),
        ):
            taxids.record(ada.pk, "DE136695976", "", said, actor=actor, at=clock.now())
        brought = batches.upload(
            data=files.csv_file([*files.people(30), ["", "nobody"]]),
            file_name="kunden.csv",
            actor=actor,
            at=at,
        )
        batches.check(import_id=brought.pk, columns=batches.get(brought.pk).columns, actor=actor, at=at)
        taken = exports.ask(wanted=Wanted(kind="customers", columns=["id", "name"]), actor=actor, at=at)
    work.run(
        tenant_id=live.tenant, import_id=brought.pk, kind=batches.KIND_CHECK, actor=SYSTEM, now=clock.now
    )
    making.make(tenant_id=live.tenant, export_id=taken.pk, actor=SYSTEM, now=clock.now)
    customer, gone = ids.encode("customer", ada.pk), ids.encode("customer", goes.pk)
    third, person = ids.encode("export", taken.pk), ids.encode("contact", joan.pk)
    with scope(Scope(live.tenant)):
        other = ids.encode("customer", make.customer("Ada Maschinenbau", tax_id="DE136695976").pk)
    return [
        f"/o/{live.slug}/{path}"
        for path in (
            f"customers/{customer}",
            f"customers/{gone}",
            f"customers/{customer}/contacts",
            f"customers/{other}/contacts",
            f"customers/{customer}/contacts/new",
            f"contacts/{person}/remove",
            f"customers/{customer}/tax-id",
            f"customers/{other}/merge",
            f"customers/{other}/merge?into={customer}",
            f"customers/{gone}/unmerge",
            f"customers/{customer}/edit",
            "import/files",
            f"import/{ids.encode('import', brought.pk)}",
            "exports",
            "exports/new/invoices",
            f"exports/{third}",
            "settings/exports",
        )
    ]


def test_nothing_is_wrong_with_the_sides_of_a_customer_and_the_files(browser: Browser, live: Live) -> None:
    who = live.person()
    assert judge(browser, live, pages(live, who), [live.cookie(who)]) == {}
