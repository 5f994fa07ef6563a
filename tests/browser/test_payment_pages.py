"""Every page of payments: readable by all, in both themes, under the policy, narrow enough."""

from playwright.sync_api import Browser

from accounts.permissions import RoleCode
from billing.invoices.queries import get
from core import clock, ids
from payments.models import Payment
from payments.services import refunds
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import accounts, finance, payments
from tests.make.finance import Books


def fill(live: Live, made: Books) -> dict[str, str]:
    """Put money of every kind into an organization that bills, and name what was made."""
    with scope(Scope(live.tenant)):
        first, second = get(made.open[0]), get(made.open[2])
        clerk = accounts.actor(accounts.member(RoleCode.BILLING_CLERK).user)
        bank = payments.bank(
            first.customer_id,
            first.total_minor + 5_000,
            onto=((first.id, first.total_minor),),
            reference="RF18",
        )
        held = payments.card(second.customer_id, second.id, 1_000, state=Payment.State.HELD)
        payments.card(second.customer_id, second.id, 1_200, state=Payment.State.FAILED)
        paid = payments.card(second.customer_id, second.id, 1_500)
        disputed = payments.card(second.customer_id, second.id, 2_000)
        dispute = payments.disputed(disputed, hours=30)
        payments.saved(first.customer_id)
        asked = refunds.ask(
            payment_id=bank.pk, amount_minor=2_500, reason="Paid twice", reason_code="duplicate",
            actor=clerk, at=clock.now(),
        )  # fmt: skip
        sent = payments.promised(paid, 500)
        by_bank = payments.promised(bank, 1_000)
        assert asked.approval_id is not None
        return {
            "invoice": ids.encode("invoice", first.id),
            "unpaid": ids.encode("invoice", made.open[4]),
            "customer": ids.encode("customer", first.customer_id),
            "bank": ids.encode("payment", bank.pk),
            "card": ids.encode("payment", paid.pk),
            "held": ids.encode("payment", held.pk),
            "disputed": ids.encode("payment", disputed.pk),
            "dispute": ids.encode("dispute", dispute.pk),
            "waiting": ids.encode("refund", asked.pk),
            "sent": ids.encode("refund", sent.pk),
            "by_bank": ids.encode("refund", by_bank.pk),
            "approval": ids.encode("approval", asked.approval_id),
        }


def pages(live: Live, at: dict[str, str]) -> list[str]:
    paths = [
        "payments",
        "payments?view=held",
        "payments?q=zzz",
        f"payments?invoice={at['invoice']}",
        "payments/unmatched",
        "payments/new",
        "payments/new?q=zzz",
        f"payments/new?customer={at['customer']}",
        f"payments/new?invoice={at['unpaid']}",
        f"payments/{at['bank']}",
        f"payments/{at['card']}",
        f"payments/{at['held']}",
        f"payments/{at['disputed']}",
        f"payments/{at['bank']}/access",
        f"payments/{at['bank']}/reverse",
        f"payments/{at['card']}/reverse",
        f"payments/{at['bank']}/release",
        f"payments/{at['card']}/refund",
        f"payments/{at['held']}/resolve",
        f"payments/{at['held']}/stop",
        "refunds",
        "refunds?view=under_way",
        "refunds?view=done",
        f"refunds/{at['waiting']}",
        f"refunds/{at['by_bank']}",
        f"refunds/{at['by_bank']}/payout",
        f"refunds/{at['by_bank']}/cancel",
        f"approvals/{at['approval']}",
        "disputes",
        "disputes?view=closed",
        f"disputes/{at['dispute']}",
        f"disputes/{at['dispute']}/answer",
        f"disputes/{at['dispute']}/accept",
        f"invoices/{at['invoice']}/payments",
        f"invoices/{at['unpaid']}/payments",
        f"customers/{at['customer']}/payments",
        f"customers/{at['customer']}/credit",
    ]
    return [f"/o/{live.slug}/{path}" for path in paths]


def test_nothing_is_wrong_with_the_pages_of_payments(browser: Browser, live: Live) -> None:
    who = live.person()
    at = fill(live, finance.books(live.tenant))
    assert judge(browser, live, pages(live, at), [live.cookie(who)]) == {}


def test_nothing_is_wrong_where_nothing_was_paid_yet(browser: Browser, live: Live) -> None:
    who = live.person()
    paths = [
        f"/o/{live.slug}/{path}"
        for path in ("payments", "payments/unmatched", "payments/new", "refunds", "disputes")
    ]
    assert judge(browser, live, paths, [live.cookie(who)]) == {}
