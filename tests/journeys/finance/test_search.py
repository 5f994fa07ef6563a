"""What the search finds, what it leaves out for whom, and what it leaves in the trail."""

import html
import re
from datetime import timedelta

from django.db import connection
from django.test import Client

from accounts.permissions import Permission
from audit.models import Event
from billing.customers import services as customers
from billing.documents import reference
from billing.invoices import queries
from billing.invoices.models import Invoice
from core import clock, ids
from payments.models import StatementLine
from tenancy.context import Scope, scope
from tests.browser.live import Live
from tests.journeys.staff.test_own_account import client
from tests.make import accounts, finance, payments, statements


def found(asking: Client, words: str) -> dict[str, list[str]]:
    """Return the hits of a search, group by group, as one reads them."""
    page = asking.get("/o/a/search", {"q": words}, headers={"HX-Request": "true"})
    assert page.status_code == 200
    groups = {}
    for part in page.content.decode().split('role="group"')[1:]:
        label = re.search(r'role="presentation">([^<]+)<', part)[1]
        hits = re.findall(r'role="option".*?</a>', part, re.DOTALL)
        texts = (html.unescape(re.sub(r"<[^>]+>", " ", hit.partition(">")[2])) for hit in hits)
        groups[label] = [" ".join(text.replace("\u00a0", " ").split()) for text in texts]
    return groups


def test_everything_is_found_by_how_people_name_it(live: Live) -> None:
    made = finance.books(live.tenant)
    owner = live.person()
    with scope(Scope(live.tenant)):
        invoice = queries.get(made.open[3])
        named = reference.reference_of(Invoice.objects.get(pk=invoice.id))
        paid = payments.card(made.other, made.open[3], 12_345)
        bank = payments.bank(made.customer, 1_290_640)
    asking = client(live, owner)
    number = str(invoice.number)
    (hit,) = found(asking, number.lower())["Number"]
    assert (number in hit, "Overdue" in hit, "Mirjam" in hit) == (True, True, True)
    assert number in found(asking, reference.printed(named))["Number"][0]
    assert number in str(found(asking, f"{invoice.total_minor / 100:.2f}")["Amount or card"])
    for written in ("12906.40", "12.906,40", "12,906.40"):
        (hit,) = found(asking, written)["Amount or card"]
        assert "€12,906.40" in hit and "Blue Mill Bakery" in hit, written
    assert "ending 4242" in found(asking, "4242")["Amount or card"][0]
    # What came from an account is found by it, however it is spelled.
    with scope(Scope(live.tenant)):
        line = statements.line(statements.Line(1_290_640, "Blue Mill Bakery", iban="AT483200000012345864"))
        StatementLine.objects.filter(pk=line.pk).update(
            state="linked", payment=bank, customer_id=made.customer
        )
    for written in ("AT48 3200 0000 1234 5864", "at483200000012345864"):
        (hit,) = found(asking, written)["From this account"]
        assert "€12,906.40" in hit, written
    assert found(asking, "AT61 1904 3002 3457 3201") == {}
    with scope(Scope(live.tenant)):
        paid.refresh_from_db()
    assert "ending 4242" in found(asking, paid.reference)["Payment reference"][0]
    assert list(found(asking, "bak")) == ["Customers"]
    assert "Exact match" not in found(asking, "mill")["Customers"][0]
    assert "Exact match" in found(asking, "ACCOUNTS@bluemill.example")["Customers"][0]
    assert found(asking, "accounts@bluemill") == {}
    assert "Record a payment" in found(asking, "record pay")["Do"][0]
    assert "Tax rates" in found(asking, "tax")["Go to"][0]
    assert found(asking, ids.encode("payment", bank.pk))["This id"][0].startswith("Bank transfer")
    assert found(asking, ids.encode("payment", ids.uuid7())) == {}
    assert found(asking, "4111 1111 1111 1111") == {}
    straight = asking.get("/o/a/search", {"q": ids.encode("invoice", invoice.id)})
    assert straight.headers["Location"].endswith(ids.encode("invoice", invoice.id))
    asking.get(straight.headers["Location"])
    assert number in found(asking, "")["Recent"][0]


def test_nobody_finds_what_they_may_not_read(live: Live) -> None:
    made = finance.books(live.tenant)
    owner = live.person()
    with scope(Scope(live.tenant)):
        blind = accounts.member(accounts.custom_role("narrow", [Permission.JOB_READ.value]).code)
        invoice = queries.get(made.open[3])
        payments.bank(made.customer, 1_290_640)
        paid = payments.card(made.customer, made.open[0], 10_000)
        paid.refresh_from_db()
        assert paid.reference
        session = accounts.session(blind.user)
    asking = Client(HTTP_HOST="localhost")
    asking.cookies.update(client(live, owner).cookies)
    name = next(iter(asking.cookies))
    asking.cookies[name] = session.raw_key
    ours = [str(invoice.number), "mill", "12906.40", "4242", "accounts@bluemill.example", paid.reference]
    ours += [
        ids.encode("invoice", invoice.id),
        ids.encode("customer", made.customer),
        ids.encode("payment", paid.pk),
    ]
    for words in [*ours, "invoice", "tax"]:
        assert found(asking, words) == {}, words
    assert set(found(asking, "")) == {"Go to"}
    assert not any("Invoices" in hit for hit in found(asking, "")["Go to"])

    # A grant opens one customer, and of everything else nothing.
    with scope(Scope(live.tenant)):
        customers.open_to(
            customer_id=made.other,
            member_id=blind.pk,
            until=clock.now() + timedelta(days=1),
            actor=accounts.actor(owner.user),
            at=clock.now(),
        )
        theirs = queries.get(made.open[2])
    assert str(invoice.number) in found(asking, str(invoice.number))["Number"][0]
    assert found(asking, str(theirs.number)) == {} and found(asking, "mill") == {}
    assert list(found(asking, f"{invoice.total_minor / 100:.2f}")) == ["Amount or card"]
    assert found(asking, f"{theirs.total_minor / 100:.2f}") == {}
    assert found(asking, ids.encode("invoice", theirs.id)) == {}
    assert found(asking, ids.encode("payment", paid.pk)) == {}

    # One event a search: who, how many and which records; never the words.
    with scope(Scope(live.tenant)):
        event = Event.objects.filter(event="record.searched", actor_id=blind.user_id).order_by("at")[
            len(ours) + 4
        ]
        assert event.subject_ids == [invoice.id]
        assert (event.facts, event.fields) == ({"shown": 1, "by_grant": True}, ["customer.name"])


def test_every_statement_reads_an_index_or_a_bounded_part(live: Live) -> None:
    made = finance.books(live.tenant)
    asking = client(live, live.person())
    asked = []

    def keep(execute, sql, params, many, context):
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        for words in (
            "INV-1",
            "12906.40",
            "4242",
            "mill",
            "AT483200000012345864",
            ids.encode("invoice", made.draft),
            "",
        ):
            found(asking, words)
    large = re.compile(r"FROM .?(billing_(invoice|quote|creditnote|customer)|payments_|audit_event)")
    asked = [(sql, params) for sql, params in asked if sql.startswith("SELECT") and large.search(sql)]
    assert len(asked) > 20
    with scope(Scope(live.tenant)), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sql, params in asked:
            cursor.execute("EXPLAIN " + sql, params)
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan" not in plan, f"{sql}\n{plan}"
