"""The words a customer agrees to when a method is saved or may be charged by itself. They are kept as they stood."""

from django.utils import translation
from django.utils.translation import gettext as _

from billing.documents.pdf import words as paper
from billing.issuer.models import Issuer
from core import money
from payments.models import Attempt, PageAsk, PaymentMethod
from tenancy.models import only


def saving(*, kind: str) -> str:
    """Return what a customer agrees to when a method is saved."""
    seller = _seller()
    if kind == PaymentMethod.Kind.SEPA_DEBIT:
        return _(
            "I authorize %(seller)s and its payment provider to send instructions to my bank to debit my account, and "
            "my bank to debit it accordingly. I may ask my bank for a refund within eight weeks of a debit, under "
            "the terms of my agreement with my bank."
        ) % {"seller": seller}
    return _(
        "I allow %(seller)s to save this card with its payment provider and to charge it when I choose to pay with "
        "it. I can remove it at any time."
    ) % {"seller": seller}


def keeping() -> str:
    """Return what stands beside the box that keeps whatever is paid with: the provider's page takes more than cards."""
    words = by_kind()
    return _("By card: %(card)s By direct debit: %(debit)s") % {
        "card": words[PaymentMethod.Kind.CARD],
        "debit": words[PaymentMethod.Kind.SEPA_DEBIT],
    }


def by_kind() -> dict[str, str]:
    """Return the words of `keeping` for each kind, to be kept until it is known which one came."""
    return {kind: saving(kind=kind) for kind in (PaymentMethod.Kind.CARD, PaymentMethod.Kind.SEPA_DEBIT)}


def shown(attempt: Attempt, *, kind: str) -> str:
    """Return the words for a kind that its payer was shown when an attempt began; nothing where none were noted."""
    ask = only(PageAsk.objects.filter(attempt=attempt))
    return "" if ask is None else str(ask.ask.get("agreed", {}).get(kind, ""))


def autopay(*, limit_minor: int, currency: str, notice_days: int) -> str:
    """Return what a customer agrees to when invoices may be collected by themselves."""
    language = translation.get_language() or "en"
    return _(
        "I allow %(seller)s to charge this payment method for each invoice on the day it is due, up to %(limit)s "
        "%(currency)s an invoice, after telling me by mail %(days)s days before. I can stop this at any time."
    ) % {
        "seller": _seller(),
        "limit": paper.decimal(
            money.from_minor(limit_minor, currency), money.exponent(currency), language=language
        ),
        "currency": currency,
        "days": notice_days,
    }


def _seller() -> str:
    issuer = only(Issuer.objects.all())
    return str(issuer.name) if issuer is not None and issuer.name else _("this organization")
