"""Whoever is erased can be read nowhere any more, but where the law says so, and that is named."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as live

from accounts.models import PortalAccess, SavedView, Selection, User
from audit.models import Event
from billing.contacts.models import Contact
from billing.customers.models import Customer
from billing.invoices.models import Invoice
from billing.taxids.models import TaxIdCheck
from compliance.personaldata import collecting, erasing, graph, journal, services
from compliance.personaldata.models import ErasureEntry
from core import ids
from crypto.values import ERASED
from tenancy import context
from tenancy.context import Scope, scope
from tests.guarantees import searched
from tests.make import accounts, api, recurring
from tests.make import billing as make
from tests.make.contacts import contact

LATER = make.AT + timedelta(days=1)


@pytest.fixture(autouse=True)
def kept_apart(settings, tmp_path: Path) -> None:
    settings.ERASURE_DIR = tmp_path / "erasures"


def erase(customer_id, **more):
    return services.erase_customer(customer_id=customer_id, actor=make.ACTOR, at=LATER, **more)


def test_the_walk_finds_every_table_that_is_a_customers() -> None:
    found = {each.label for each in graph.reached(graph.CUSTOMER)}
    assert graph.owned_by_customers() - found == {"accounts.PortalAccess"} - found
    assert {"outbound.StoredFile", "accounts.Invitation", "payments.StatementLine"} <= found
    assert graph.bare_ids() == {}


def test_the_walk_from_an_account_finds_its_own() -> None:
    found = {each.label for each in graph.reached(graph.USER)}
    assert {
        "accounts.Session",
        "accounts.Membership",
        "accounts.PortalAccess",
        "accounts.TotpDevice",
    } <= found
    assert not {"billing.Invoice", "billing.Customer", "accounts.ApiKey"} & found


def test_an_erased_customer_can_be_read_nowhere_and_the_invoice_stands(db, tenant_a) -> None:
    api.set_issuer(tenant_a)
    with scope(Scope(tenant_a)):
        ada = make.customer(
            "Kanarina Lovelace", email="kanarina@ada.example", phone="+43 1 kanarina", notes="kanarina note",
            metadata={"who": "kanarina"}, address={"line1": "kanarina street", "city": "Wien", "country": "AT"},
            reference="kanarina-7",
        )  # fmt: skip
        contact(ada, "Kanarina Contact", email="kanarina@contact.example")
        final = make.finalized(of=ada)
        make.draft(of=ada, lines=[make.line(text="kanarina draft")])
        # What members typed to find her: a name, a part of one, her address, her id; and what is about nobody.
        for name, query in (
            ("Kanarina Lovelace, late", "view=overdue"), ("A", "q=lovelace"), ("B", "q=KANARINA%40ada.example"),
            ("C", f"customer={ids.encode('customer', ada.pk)}"), ("Stays", "q=ada&view=open"),
        ):  # fmt: skip
            SavedView.objects.create(
                listing="invoices",
                name=name,
                query=query,
                user_id=ids.uuid7(),
                created_at=LATER,
                updated_at=LATER,
            )
        for wanted in ({"filter": {"q": "kanarina"}}, {"filter": {"view": "open"}}, {"ids": [str(ada.pk)]}):
            Selection.objects.create(
                listing="invoices", action="send", chosen=wanted, count=1, user_id=ids.uuid7(), at=LATER
            )
        done = erase(ada.pk)
        assert done.erased["views"] == 5
        assert [row.name for row in SavedView.objects.all()] == ["Stays"]
        assert Selection.objects.count() == 2
        row = Customer.objects.get(pk=ada.pk)
        assert row.subject_key is None and row.name is ERASED and row.email is None
        assert (row.name_index, row.email_index, row.reference_index) == (None, None, None)
        assert (row.state, row.erased_at, row.restricted_at) == ("archived", LATER, LATER)
        assert done.erased["drafts"] == 1 and done.erased["contacts"] == 1
        kept = {each.what: each for each in done.kept}
        assert kept["billing.Invoice"].count == 1
        assert "law" in kept["billing.Invoice"].why
        # The statutory copy is whole.
        assert Invoice.objects.get(pk=final.pk).buyer["name"] == "Kanarina Lovelace"
        entry = ErasureEntry.objects.get()
        assert entry.subject_id == ada.pk and len(entry.also) == 1
        event = Event.objects.get(event="subject.erased")
        assert (event.subject_id, event.facts["replay"]) == (ada.pk, False)
        with pytest.raises(erasing.ErasedAlready), context.attempt():
            erase(ada.pk)


@pytest.mark.django_db(transaction=True)
def test_a_customer_without_documents_leaves_no_trace(tenant_a) -> None:
    with scope(Scope(tenant_a)):
        ada = make.customer("Kanarinb", email="kanarinb@ada.example", tax_id="kanarinb")
        from billing.taxids import services as taxids
        from billing.taxids import vies

        said = vies.Said(is_valid=True, consultation="kanarinb", name="kanarinb", address="kanarinb")
        taxids.record(ada.pk, "kanarinb", "kanarinb", said, actor=make.ACTOR, at=make.AT)
        person = accounts.portal_access(ada.pk, user=accounts.person(email="kanarinb@portal.example"))
        accounts.session(person.user)
    found = " ".join(" ".join(values) for values in searched.columns().values())
    assert found.casefold().count("kanarinb") > 5
    with scope(Scope(tenant_a)):
        done = erase(ada.pk)
        assert not TaxIdCheck.objects.exists() and not PortalAccess.objects.exists()
    assert services.forget_accounts(done.users, actor=make.ACTOR, at=LATER) == 1
    found = " ".join(" ".join(values) for values in searched.columns().values())
    assert "kanarinb" not in found.casefold()
    with scope(Scope(user=person.user_id)):
        assert User.objects.get(pk=person.user_id).state == "erased"


def test_what_still_runs_or_is_held_is_not_erased(in_a) -> None:
    ada = make.customer("Ada", email="ada@ada.example")
    recurring.subscription(recurring.price(), of=ada)
    with pytest.raises(erasing.ContractRuns), context.attempt():
        erase(ada.pk)
    assert Customer.objects.get(pk=ada.pk).name == "Ada"
    assert not ErasureEntry.objects.exists()


def test_one_contact_can_be_erased_alone(in_a) -> None:
    ada = make.customer("Ada", email="ada@ada.example")
    grace = contact(ada, "Grace", email="grace@ada.example")
    done = services.erase_contact(contact_id=grace.pk, actor=make.ACTOR, at=LATER)
    assert done.kept == ()
    row = Contact.objects.get(pk=grace.pk)
    assert row.name is ERASED and row.email_index is None and row.state == "former"
    assert Customer.objects.get(pk=ada.pk).name == "Ada"


@pytest.mark.django_db(transaction=True)
def test_a_restored_backup_is_erased_again(tenant_a) -> None:
    """What a restore brings back is what was written before the erasure: the row with its key."""
    with scope(Scope(tenant_a)):
        ada = make.customer("Kanarinc", email="kanarinc@ada.example")
        before = Customer.objects.filter(pk=ada.pk).values().get()
        erase(ada.pk)
    assert services.write_journal(tenant_id=tenant_a, at=LATER) == 1
    assert services.write_journal(tenant_id=tenant_a, at=LATER) == 0
    with scope(Scope(tenant_a)):
        Customer.objects.filter(pk=ada.pk).update(
            **{name: before[name] for name in ("subject_key", "email", "email_index", "name_index")},
            erased_at=None,
        )
    with scope(Scope(tenant_a)):
        assert Customer.objects.get(pk=ada.pk).email == "kanarinc@ada.example"
    done = services.replay_erasures(actor=make.ACTOR, at=LATER)
    assert done == {"lines": 1, "again": 1}
    with scope(Scope(tenant_a)):
        assert Customer.objects.get(pk=ada.pk).email is None
        assert ErasureEntry.objects.filter(is_replay=True).count() == 1
    assert services.replay_erasures(actor=make.ACTOR, at=LATER)["again"] == 0


def test_nobody_is_erased_by_writing_into_the_journal(db, tenant_a) -> None:
    journal.append(journal.Line(tenant_id=tenant_a, kind="customer", subject_id=ids.uuid7(), at="now"))
    path = live.ERASURE_DIR / "erasures.journal"
    line = path.read_text()
    path.write_text(("f" if line[0] != "f" else "g") + line[1:] + line)
    with pytest.raises(journal.JournalTouched):
        list(journal.lines())


def test_the_export_covers_what_the_database_itself_shows_of_a_customer(in_a) -> None:
    """Counted twice: by the walk, and by the policy of PostgreSQL that shows a customer their rows alone."""
    ada = make.customer("Ada", email="ada@ada.example")
    contact(ada)
    accounts.portal_access(ada.pk)
    make.draft(of=ada)
    make.draft(of=make.customer("Somebody else"))
    counted = collecting.counts(collecting.customer(ada.pk))
    with scope(Scope(in_a, customer=ada.pk)):
        shown = {
            label: graph.apps.get_model(label)._default_manager.count()
            for label in graph.owned_by_customers()
        }
    assert {label: n for label, n in shown.items() if n} == {
        label: n for label, n in counted.items() if label in shown
    }
    assert counted["billing.InvoiceLine"] == 1
