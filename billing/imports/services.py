"""Taking in customers from outside: every refused row named, nothing half done. Invoices: see `documents`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from audit import services as audit
from billing import events
from billing.customers import services as customers
from billing.customers.models import Customer
from billing.imports import rules
from billing.issuer.models import Issuer
from core.actor import Actor
from core.errors import FieldError, Invalid, Refusal
from crypto import blindindex
from crypto.values import BlindIndex
from tenancy.context import use_case

_EXACT = Decimal(1).scaleb(-12)
_LARGEST = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a customers file that can be taken in."""

    line: int
    customer: Customer


@use_case
def import_customers(*, data: bytes, actor: Actor, at: datetime, dry_run: bool = False) -> rules.Result:
    """Take in a customers file (CSV in UTF-8 with a header). Refused rows are named and left out.

    A row is refused when its e-mail, tax id or number is already a customer's or stands on an earlier row.
    The rows are counted before any is prepared: a file that holds too many costs no more than reading it.

    Raises:
        NotACsvFile, UnknownColumn, MissingColumn, TooManyRows: the file as a whole cannot be used.
    """
    issuer = Issuer.objects.first()
    currency = issuer.currency if issuer else "EUR"
    refused: list[rules.Refused] = []
    ready: list[Row] = []
    for line, values in list(rules.read_customers(data)):
        try:
            ready.append(Row(line, _prepared(values, currency, at)))
        except Refusal as refusal:
            refused += rules.refusals(line, refusal)
    ready, doubles = without_doubles(ready)
    refused = sorted([*refused, *doubles], key=lambda item: item.row)
    rows = [row.customer for row in ready]
    if not dry_run:
        customers.create_many(rows, actor=actor)
        counts = {"created": len(rows), "refused": len({item.row for item in refused})}
        audit.record(events.CUSTOMERS_IMPORTED, actor=actor, facts=counts)
    created = [] if dry_run else [row.pk for row in rows]
    return rules.Result(created=created, refused=refused, ready=len(rows), dry_run=dry_run)


def _prepared(values: Mapping[str, object], currency: str, at: datetime) -> Customer:
    if "extra" in values:
        raise Invalid([FieldError("/", "too_many_cells", "The row has more cells than the header.")])
    return customers.prepare({**values, "currency": str(values.get("currency") or currency).upper()}, at=at)


def without_doubles(
    ready: list[Row], *, seen: dict[str, set[BlindIndex]] | None = None
) -> tuple[list[Row], list[rules.Refused]]:
    """Sort out the rows whose e-mail, tax id or number is taken, by blind index and in three statements.

    `seen` gathers the indexes of rows that are not stored yet, for whoever asks portion by portion.
    """
    refused: dict[int, rules.Refused] = {}
    for source, column in (
        ("email", "email_index"),
        ("tax_id", "tax_id_index"),
        ("reference", "reference_index"),
    ):
        wanted = {
            row.line: blindindex.lookup(Customer, column, getattr(row.customer, source))
            for row in ready
            if getattr(row.customer, source) is not None
        }
        earlier = set() if seen is None else seen.setdefault(column, set())
        known = _taken(column, set(wanted.values())) | earlier
        for line, index in wanted.items():
            if index in known and line not in refused:
                sentence = "A customer with this is here already, or on an earlier row."
                refused[line] = rules.Refused(row=line, field=source, code="already_exists", reason=sentence)
            elif line not in refused:
                known.add(index)
                earlier.add(index)
    return [row for row in ready if row.line not in refused], list(refused.values())


def _taken(column: str, wanted: set[Any]) -> set[Any]:
    found: set[Any] = set()
    indexes = sorted(wanted)
    for start in range(0, len(indexes), 1_000):
        rows = Customer.objects.filter(**{f"{column}__in": indexes[start : start + 1_000]})
        found |= {BlindIndex(stored) for stored in rows.values_list(column, flat=True)}
    return found
