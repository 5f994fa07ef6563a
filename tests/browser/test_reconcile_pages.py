"""Every page of bank statements and reminders: readable by all, in both themes, under the policy, narrow enough."""

from datetime import timedelta

from playwright.sync_api import Browser

from billing.documents import reference
from billing.invoices.models import Invoice
from core import clock, ids
from core.actor import Actor
from payments.models import StatementLine
from payments.reminders import plans, sending
from payments.reminders.rules import Fee
from payments.statements import booking, services
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import finance
from tests.make.finance import Books
from tests.make.statements import Line, camt053

ACTOR = Actor.system("tests")
IBAN = "DE02120300000000202051"


def banked(live: Live) -> Books:
    """Fill an organization, take in a statement with a line of every kind, and let reminders run."""
    made, at = finance.books(live.tenant), clock.now()
    who = {"actor": ACTOR, "at": at}
    today = at.date()
    with scope(Scope(live.tenant)):
        invoices = {key: Invoice.objects.get(pk=key) for key in made.open}
        named = [invoices[key] for key in made.open[:3]]
        lines = [
            Line(each.total_minor, "Blue Mill Bakery", IBAN, reference=reference.reference_of(each), on=today)
            for each in named
        ]
        lines += [
            Line(
                invoices[made.open[3]].total_minor,
                "Mirjam Ostlund-Featherstonehaugh",
                text="thanks",
                on=today,
            ),
            Line(10_000, "Blue Mill Bakery", IBAN, text="on account, card 4111 1111 1111 1111", on=today),
            Line(777, "Somebody nobody knows with a name that is rather long indeed", text="gift", on=today),
            Line(-90_000, "Landlord", text="rent", on=today),
            Line(123, "Interest", on=today),
        ]
        services.take_in(data=camt053(lines), file_name="march.xml", currency="EUR", **who)
        first, last = StatementLine.objects.order_by("id")[0], StatementLine.objects.order_by("-id")[0]
        booking.book(
            line_id=first.pk,
            customer_id=named[0].customer_id,
            wanted=[(named[0].pk, named[0].total_minor)],
            **who,
        )
        booking.ignore(line_id=last.pk, reason="Interest of our own account", **who)
        plan = plans.default_plan(**who)
        fee = Fee(kind="fixed", currency="EUR", amount_minor=4_000)
        own = plans.create(name="Strict", steps=[plans.StepInput(days=5, words="firm", fee=fee)], **who)
        for each in (plan, own):
            plans.start(plan_id=each.pk, on=today - timedelta(days=500), **who)
        plans.choose(customer_id=made.other, plan_id=own.pk, is_paused=False, **who)
        plans.promise(
            invoice_id=made.open[4],
            promised_on=today + timedelta(days=3),
            note="by phone",
            today=today,
            **who,
        )
        for customer in (made.customer, made.other):
            sending.send_due(customer_id=customer, on=today, **who)
    return made


def pages(live: Live, made: Books) -> list[str]:
    with scope(Scope(live.tenant)):
        found = StatementLine.objects.order_by("id")
        lines = {line.state: ids.encode("statement_line", line.pk) for line in found}
        several = [ids.encode("statement_line", line.pk) for line in found if line.state == "open"]
        plan = ids.encode("reminder_plan", plans.default_plan(actor=ACTOR, at=clock.now()).pk)
        statement = ids.encode("statement", found[0].statement_id)
    customer, promised = ids.encode("customer", made.customer), ids.encode("invoice", made.open[4])
    other = ids.encode("customer", made.other)
    paths = [
        "reconcile",
        "reconcile?view=booked",
        "reconcile?view=ignored",
        "reconcile?view=other",
        f"reconcile?statement={statement}",
        "reconcile/statements",
        "reconcile/import",
        *(f"reconcile/lines/{pk}" for pk in (lines["booked"], lines["ignored"], lines["other"], *several)),
        f"reconcile/lines/{several[-1]}?customer={other}&q=blue",
        f"reconcile/lines/{several[-1]}?q=zzz",
        "dunning",
        "dunning/preview",
        "dunning/remind",
        "dunning/plans/new",
        f"dunning/plans/{plan}",
        f"dunning/customers/{customer}",
        f"dunning/invoices/{promised}/promise",
    ]
    return [f"/o/{live.slug}/{path}" for path in paths]


def test_nothing_is_wrong_with_the_pages_of_statements_and_reminders(browser: Browser, live: Live) -> None:
    who = live.person()
    made = banked(live)
    assert judge(browser, live, pages(live, made), [live.cookie(who)]) == {}


def test_nothing_is_wrong_where_nothing_came_yet(browser: Browser, live: Live) -> None:
    who = live.person()
    paths = [
        f"/o/{live.slug}/{path}"
        for path in ("reconcile", "reconcile/statements", "dunning", "dunning/preview", "dunning/remind")
    ]
    assert judge(browser, live, paths, [live.cookie(who)]) == {}
