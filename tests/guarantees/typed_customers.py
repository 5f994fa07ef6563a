"""Types a marker into every text of contacts, tax ids, imports and exports; see `typed`, which gathers what is left."""

from billing.exports import making
from billing.exports import services as exports
from billing.exports.models import Export
from billing.exports.services import Wanted
from billing.imports import batches, work
from billing.imports.models import Import
from billing.messages import services as messages
from billing.taxids import services as taxids
from billing.taxids import vies
from core import clock
from core.actor import Actor
from tenancy.context import Scope, scope
from tests.guarantees import canaries
from tests.make import billing, files, installation
from tests.make.contacts import contact


def over_the_services(marker: str, actor: Actor) -> None:
    """Words of people at customers, of the authorities, of files that come and go."""
    at = clock.now()
    words = dict.fromkeys(("line1", "city", "postal_code"), f"{marker} delivery")
    customer = billing.customer(f"{marker} delivered", delivery_address=words)
    contact(customer, f"{marker} contact", email=f"{marker}@contact.example", phone=f"{marker} phone",
            position=f"{marker} position")  # fmt: skip
    billed = billing.finalized(of=customer)
    about = {"invoice_id": billed.pk, "actor": actor, "at": at}
    messages.write(customer_id=customer.pk, text=f"{marker} asks", objects=True, **about)
    messages.answer(text=f"{marker} answers", **about)
    said = vies.Said(
        is_valid=True,
        consultation=f"{marker} consultation",
        name=f"{marker} trader",
        address=f"{marker} street",
    )
    taxids.record(customer.pk, f"{marker} tax id", f"{marker} requester", said, actor=actor, at=at)
    rows = [[f"{marker} brought", "", canaries.card_number()], [f"{marker} brought", "no address", f"{marker} crm"],
            [f"{marker} brought too", "", f"{marker} crm"]]  # fmt: skip
    data = files.csv_file(rows, heads=("name", "email", f"{marker} head"))
    made = batches.upload(data=data, file_name=f"{marker}.csv", actor=actor, at=at)
    batches.check(import_id=made.pk, columns=["name", "email", "metadata"], actor=actor, at=at)
    exports.ask(
        wanted=Wanted(kind="customers", columns=["name"], reason=f"{marker} reason"), actor=actor, at=at
    )
    # Our own words, in a pair that stands nowhere else: what is told to webhooks of a product has a state as well.
    filters = {"from": "2019-04-07", "to": "2099-04-09"}
    exports.ask(wanted=Wanted(kind="invoices", columns=["number"], filters=filters), actor=actor, at=at)
    exports.turn(frozen=True, reason=f"{marker} frozen", actor=actor, at=at)
    exports.turn(frozen=False, reason=f"{marker} thawed", actor=actor, at=at)


def by_a_worker() -> None:
    """What a worker does with the files: outside any scope."""
    tenant, actor = installation.tenant("a"), Actor.system("tests")
    with scope(Scope(tenant)):
        brought = list(Import.objects.values_list("pk", flat=True))
        taken = list(Export.objects.values_list("pk", flat=True))
    for kind in (batches.KIND_CHECK, batches.KIND_RUN):
        for key in brought:
            if kind == batches.KIND_RUN:
                with scope(Scope(tenant)):
                    batches.run(import_id=key, actor=actor, at=clock.now())
            work.run(tenant_id=tenant, import_id=key, kind=kind, actor=actor, now=clock.now)
    for key in taken:
        making.make(tenant_id=tenant, export_id=key, actor=actor, now=clock.now)
