"""Changing the chart of accounts: names, the accountant's own numbers, and accounts for single rates of tax.

What is posted names an account by its code, which never changes; so nothing here changes the books.
"""

import re
from datetime import datetime
from uuid import UUID

from audit import services as audit
from billing import events
from billing.ledger.models import LedgerAccount
from billing.ledger.rules import kind_of
from core import cardnumbers, characters
from core.actor import Actor
from core.errors import Conflict, NotFound, Refusal
from tenancy import constraints
from tenancy.context import use_case

_EXTERNAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9./-]{0,19}\Z", re.ASCII)
_OF_A_RATE = re.compile(r"tax:[A-Z]{1,2}:\d{1,3}(?:\.\d{1,4})?\Z", re.ASCII)
# SKR03, SKR04: the charts most German accountants keep their books by.
TEMPLATES: dict[str, dict[str, str]] = {
    "skr03": {
        "receivable": "1400", "revenue": "8400", "tax": "1776", "bank": "1200", "gateway": "1360",
        "disputed": "1365", "customer_credit": "1710", "customer_deposits": "1718",
        "refunds": "8700", "opening_balance": "9000",
        "bad_debt": "2400", "other_income": "2700", "rounding": "2700", "fx_gain_loss": "2660", "fx_valuation": "1498",
    },
    "skr04": {
        "receivable": "1200", "revenue": "4400", "tax": "3806", "bank": "1800", "gateway": "1460",
        "disputed": "1465", "customer_credit": "3250", "customer_deposits": "3272",
        "refunds": "4700", "opening_balance": "9000",
        "bad_debt": "6930", "other_income": "4830", "rounding": "4830", "fx_gain_loss": "4840", "fx_valuation": "1248",
    },
}  # fmt: skip


class BadExternalCode(Refusal):
    """The accountant’s number has letters, digits and . / - only, at most 20."""

    code = "bad_external_code"


class BadTaxAccount(Refusal):
    """An account for one rate of tax is written tax:S:19, with the category and the percentage."""

    code = "bad_tax_account"


class UnknownChart(Refusal):
    """There is no such chart; skr03 and skr04 are known."""

    code = "unknown_chart"


class AccountExists(Conflict):
    """There is an account of this code already."""

    code = "account_exists"


@use_case
def change(*, account_id: UUID, name: str, external_code: str, archived: bool, actor: Actor) -> LedgerAccount:
    """Name an account, and say which number it has in the accountant's chart.

    Raises:
        NotFound, BadExternalCode.
        CardNumberFound, BadCharacters: the name cannot be kept.
    """
    row: LedgerAccount | None = LedgerAccount.objects.select_for_update().filter(pk=account_id).first()
    if row is None:
        raise NotFound
    _check(name, external_code)
    row.name, row.external_code = name.strip()[:80], external_code.strip()
    row.state = LedgerAccount.State.ARCHIVED if archived else LedgerAccount.State.ACTIVE
    if ":" not in row.code:
        row.type = kind_of(row.code)
    row.save(update_fields=["name", "type", "external_code", "state"])
    audit.record(
        events.LEDGER_ACCOUNT_UPDATED,
        actor=actor,
        subject=("ledger_account", row.pk),
        fields=["name", "external_code", "state"],
    )
    return row


@use_case
def add_for_rate(*, code: str, name: str, external_code: str, actor: Actor, at: datetime) -> LedgerAccount:
    """Give the tax of one category and rate an account of its own in what the accountant is handed: `tax:S:19`.

    Raises:
        BadTaxAccount, BadExternalCode, AccountExists.
    """
    if not _OF_A_RATE.match(code):
        raise BadTaxAccount(field="code")
    _check(name, external_code)
    row = LedgerAccount(
        code=code,
        name=name.strip()[:80],
        type=LedgerAccount.Type.LIABILITY,
        external_code=external_code.strip(),
        created_at=at,
    )
    with constraints.refusing(AccountExists(field="code"), "billing_ledgeraccount_code"):
        row.save(force_insert=True)
    audit.record(
        events.LEDGER_ACCOUNT_UPDATED, actor=actor, subject=("ledger_account", row.pk), fields=["code"]
    )
    return row


@use_case
def use_chart(*, chart: str, actor: Actor) -> int:
    """Give every account that has no number its number in a known chart; return how many got one.

    Raises:
        UnknownChart
    """
    numbers = TEMPLATES.get(chart)
    if numbers is None:
        raise UnknownChart(field="chart")
    rows = [
        row
        for row in LedgerAccount.objects.select_for_update().filter(external_code="")
        if row.code in numbers
    ]
    for row in rows:
        row.external_code = numbers[row.code]
        row.save(update_fields=["external_code"])
        audit.record(
            events.LEDGER_ACCOUNT_UPDATED,
            actor=actor,
            subject=("ledger_account", row.pk),
            fields=["external_code"],
            facts={"chart": chart},
        )
    return len(rows)


def _check(name: str, external_code: str) -> None:
    cardnumbers.refuse({"name": name})
    characters.refuse({"name": name})
    if external_code.strip() and not _EXTERNAL.match(external_code.strip()):
        raise BadExternalCode(field="external_code")
