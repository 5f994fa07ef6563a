"""Quotes and what is billed of them: readable by all, in both themes, narrow, for staff and for the customer."""

from decimal import Decimal

from playwright.sync_api import Browser

from billing.attachments import services as attachments
from billing.quotes import progress, services
from billing.runs import services as runs
from billing.runs.models import BillingRunSkip
from core import clock, ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import billing as make
from tests.make import customers


def made(live: Live) -> tuple[list[str], list[str], dict[str, str]]:
    """Fill an organization with quotes in every state, and name the pages of staff and of the customer."""
    at = clock.now()
    with scope(Scope(live.tenant)):
        ada = make.customer("Ada Maschinenbau GmbH", email="office@ada.example")
        full, reduced = make.tax_rate("19"), make.tax_rate("7", code="reduced")
        lines = [
            make.line("12500", rate=full, text="A new roof"),
            make.line("333.33", rate=reduced, text="Plants"),
        ]
        found = [
            services.create(customer_id=ada.pk, lines=lines, currency="EUR", actor=make.ACTOR, at=at).pk
            for _ in range(3)
        ]
        for key in found[1:]:
            services.open_quote(quote_id=key, actor=make.ACTOR, at=at)
        services.accept(quote_id=found[2], actor=make.ACTOR, at=at)
        values = {"quote_id": found[2], "actor": make.ACTOR, "at": at}
        deposit = progress.bill_part(role="deposit", percentage=Decimal(30), **values)
        attachments.add(
            invoice_id=deposit.pk,
            name="plan.pdf",
            content=b"%PDF-1.7",
            with_mail=True,
            actor=make.ACTOR,
            at=at,
        )
        make.finalize(deposit.pk)
        make.finalize(progress.bill_part(role="progress", amount_minor=500_000, **values).pk)
        part = ids.encode("quote", found[2])
        other = services.create(customer_id=ada.pk, lines=lines, currency="EUR", actor=make.ACTOR, at=at).pk
        for step in (services.open_quote, services.accept):
            step(quote_id=other, actor=make.ACTOR, at=at)
        make.finalize(
            progress.bill_part(
                quote_id=other, role="deposit", percentage=Decimal(50), actor=make.ACTOR, at=at
            ).pk
        )
        final = services.convert(quote_id=other, actor=make.ACTOR, at=at)
        run = runs.begin(on=at.date(), actor=make.ACTOR, at=at)
        for kind, key in (("", None), ("subscription", ids.uuid7()), ("charge", ids.uuid7())):
            BillingRunSkip.objects.create(
                run=run, customer=ada, code="amount_too_large", subject_kind=kind, subject_id=key, at=at
            )
    draft, opened = (ids.encode("quote", key) for key in found[:2])
    staff = [
        "quotes",
        f"quotes/new?customer={ids.encode('customer', ada.pk)}",
        f"quotes/{draft}",
        f"quotes/{draft}/edit",
        f"quotes/{opened}",
        f"quotes/{opened}/send",
        f"quotes/{opened}/accept",
        f"quotes/{part}",
        f"quotes/{part}/bill",
        f"quotes/{ids.encode('quote', other)}",
        f"invoices/{ids.encode('invoice', deposit.pk)}",
        f"invoices/{ids.encode('invoice', final.pk)}",
        f"invoices/{ids.encode('invoice', final.pk)}/explanation",
        f"billing-runs/{ids.encode('billing_run', run.pk)}",
    ]
    cookie = customers.signed_in(live.tenant, ada.pk, url=live.url)
    portal = ["quotes", f"quotes/{opened}", f"quotes/{part}"]
    return (
        [f"/o/{live.slug}/{path}" for path in staff],
        [f"/p/{live.slug}/{path}" for path in portal],
        cookie,
    )


def test_nothing_is_wrong_with_quotes_and_their_parts(browser: Browser, live: Live) -> None:
    who = live.person()
    staff, portal, cookie = made(live)
    assert judge(browser, live, staff, [live.cookie(who)]) == {}
    assert judge(browser, live, portal, [cookie]) == {}
