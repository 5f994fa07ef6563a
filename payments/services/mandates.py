"""The words a customer agrees to when a method is saved or may be charged by itself. They are kept as they stood."""

from billing.issuer.models import Issuer
from core import money
from payments.models import PaymentMethod
from tenancy.models import only


def saving(*, kind: str) -> str:
    """Return what a customer agrees to when a method is saved."""
    seller = _seller()
    if kind == PaymentMethod.Kind.SEPA_DEBIT:
        return (
            f"I authorize {seller} and its payment provider to send instructions to my bank to debit my account, and "
            "my bank to debit it accordingly. I may ask my bank for a refund within eight weeks of a debit, under "
            "the terms of my agreement with my bank."
        )
    return (
        f"I allow {seller} to save this card with its payment provider and to charge it when I choose to pay with "
        "it. I can remove it at any time."
    )


def autopay(*, limit_minor: int, currency: str, notice_days: int) -> str:
    """Return what a customer agrees to when invoices may be collected by themselves."""
    limit = money.from_minor(limit_minor, currency)
    return (
        f"I allow {_seller()} to charge this payment method for each invoice on the day it is due, up to {limit} "
        f"{currency} an invoice, after telling me by mail {notice_days} days before. I can stop this at any time."
    )


def _seller() -> str:
    issuer = only(Issuer.objects.all())
    return str(issuer.name) if issuer is not None and issuer.name else "this organization"
