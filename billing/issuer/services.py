"""Setting who bills, opening number series, and giving numbers.

Lock order: invoice row, then series counter, then nothing. A counter's row is held from the number to the commit.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from django.db import connection

from audit import services as audit
from billing import events
from billing.customers import rules as details
from billing.issuer import rules
from billing.issuer.models import Issuer, Rounding, Series, SeriesCounter
from billing.ledger import services as ledger
from core import cardnumbers, ids
from core.actor import Actor
from core.errors import Conflict, NotFound, Refusal
from crypto import blindindex
from tenancy import constraints, context
from tenancy.context import use_case
from tenancy.models import Tenant, only

DEFAULT_SERIES = "invoices"
DEFAULT_PATTERN = "INV-{year}-{sequence}"
# The first series of each purpose: its code, the pattern of its numbers, and the issuer's column that names it.
FIRST = {
    Series.Purpose.INVOICE: (DEFAULT_SERIES, DEFAULT_PATTERN, "series"),
    Series.Purpose.CREDIT_NOTE: ("credit-notes", "CN-{year}-{sequence}", "credit_note_series"),
    Series.Purpose.QUOTE: ("quotes", "Q-{year}-{sequence}", "quote_series"),
}
_TEXTS = ("tax_id", "tax_number", "email", "phone")


class UnknownTimeZone(Refusal):
    """This is no time zone of the IANA list."""

    code = "unknown_time_zone"


class CurrencyBooked(Refusal):
    """The books are kept in their first currency: what stands in them was valued in it."""

    code = "currency_booked"


class SeriesExists(Conflict):
    """There is a number series of this code already."""

    code = "series_exists"


class SeriesRetired(Refusal):
    """This number series is closed: it gives no numbers any more."""

    code = "series_retired"


class SeriesInUse(Conflict):
    """New documents are numbered in this series unless another is named; choose another one first."""

    code = "series_in_use"


class NumberingUnderWay(Conflict):
    """This series has numbered documents in this fiscal year. Open another series, or wait for the next year."""

    code = "numbering_under_way"


class SeriesOfAnotherKind(Refusal):
    """This number series numbers other documents."""

    code = "series_of_another_kind"


class IssuerMissing(Refusal):
    """Set the organization's name and address first; a document names its seller."""

    code = "issuer_missing"


@use_case
def set_issuer(
    *,
    name: str,
    actor: Actor,
    at: datetime,
    address: Mapping[str, str] | None = None,
    tax_id: str | None = None,
    tax_number: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    time_zone: str | None = None,
    currency: str | None = None,
    payment_days: int | None = None,
    endpoint_id: str | None = None,
    endpoint_scheme: str | None = None,
    contact_name: str | None = None,
    registration: str | None = None,
    language: str | None = None,
) -> Issuer:
    """Set what stands on invoices; the first time also open the accounts and the first number series.

    What is None stays as it is. Documents that are final keep the copy they have.

    Raises:
        Invalid: names every field that cannot be used.
        UnknownTimeZone: not in the IANA list.
        CurrencyBooked: the books are in another currency.
    """
    given = {"name": name, "address": address, "tax_id": tax_id, "email": email, "phone": phone}
    electronic = {
        "endpoint_id": endpoint_id, "contact_name": contact_name, "registration": registration,
    }  # fmt: skip
    plain = {"endpoint_scheme": endpoint_scheme, "language": language}
    details.check({**given, **electronic, "tax_number": tax_number, "currency": currency})
    if endpoint_scheme is not None:
        details.check({"endpoint_id": endpoint_id, "endpoint_scheme": endpoint_scheme})
    if time_zone is not None and time_zone not in available_timezones():
        raise UnknownTimeZone(field="time_zone")
    row = Issuer.objects.select_for_update().first()
    if row is None:
        row = Issuer(currency="EUR", time_zone="UTC", series=first_series(Series.Purpose.INVOICE, at))
        row.credit_note_series = first_series(Series.Purpose.CREDIT_NOTE, at)
        row.quote_series = first_series(Series.Purpose.QUOTE, at)
        ledger.open_accounts(at=at)
    row.name, row.updated_at = name.strip(), at
    if currency is not None and currency != row.currency and row.updated_at and ledger.is_booked():
        raise CurrencyBooked(field="currency")
    if address is not None:
        row.address = dict(address)
    for field, text in zip(_TEXTS, (tax_id, tax_number, email, phone), strict=True):
        if text is not None:
            setattr(row, field, text.strip() or None)
    for field, text in electronic.items():
        if text is not None:
            setattr(row, field, text.strip() or None)
    for field, text in plain.items():
        if text is not None:
            setattr(row, field, text)
    row.time_zone, row.currency = time_zone or row.time_zone, currency or row.currency
    row.payment_days = row.payment_days if payment_days is None else payment_days
    row.save()
    changed = [field for field, value in {**given, **electronic}.items() if value is not None]
    audit.record(events.ISSUER_UPDATED, actor=actor, fields=changed)
    return row


@use_case
def let_credit_expire(*, after_days: int | None, actor: Actor, at: datetime) -> None:
    """Say after how many days without a movement a customer's credit expires; None for never.

    Raises:
        IssuerMissing: nobody has said who bills.
    """
    row = Issuer.objects.select_for_update().first()
    if row is None:
        raise IssuerMissing
    if row.credit_expires_days == after_days:
        return
    row.credit_expires_days, row.updated_at = after_days, at
    row.save(update_fields=["credit_expires_days", "updated_at"])
    audit.record(events.ISSUER_UPDATED, actor=actor, fields=["credit_expires_days"])


@use_case
def bill_nightly(*, is_on: bool, actor: Actor, at: datetime) -> None:
    """Say whether what is due is billed each night without anybody asking.

    Raises:
        IssuerMissing: nobody has said who bills.
    """
    row = Issuer.objects.select_for_update().first()
    if row is None:
        raise IssuerMissing
    if row.auto_billing == is_on:
        return
    row.auto_billing, row.updated_at = is_on, at
    row.save(update_fields=["auto_billing", "updated_at"])
    audit.record(events.AUTO_BILLING_SET, actor=actor, facts={"on": is_on})


@use_case
def found(*, tenant: Tenant, name: str, actor: Actor, at: datetime) -> None:
    """Give a new organization its name on documents, its accounts and its first number series."""
    set_issuer(name=name, actor=actor, at=at)


@use_case
def create_series(
    *,
    code: str,
    pattern: str,
    actor: Actor,
    at: datetime,
    digits: int = 5,
    fiscal_year_starts_in: int = 1,
    purpose: str = Series.Purpose.INVOICE,
    e_invoice: bool = True,
    rounding: str = Rounding.DOCUMENT,
) -> Series:
    """Open a series of own numbers for documents of one purpose.

    Tax is rounded by line only where no electronic invoices are issued.

    Raises:
        BadPattern: two documents could get one number.
        SeriesExists: the code is taken.
    """
    cardnumbers.refuse({"code": code, "pattern": pattern})
    if Series.objects.filter(code=code).exists():
        raise SeriesExists(field="code")
    row = Series(
        code=code,
        kind=Series.Kind.OWN,
        purpose=Series.Purpose(purpose),
        e_invoice=e_invoice and rounding == Rounding.DOCUMENT,
        rounding=Rounding(rounding),
        pattern=rules.check_pattern(pattern),
        digits=digits,
        fiscal_year_starts_in=fiscal_year_starts_in,
        created_at=at,
    )
    # Of two who open one code at once both have found it free: the second waits here, and is refused by name.
    with constraints.refusing(SeriesExists(field="code"), "billing_series_code"):
        row.save(force_insert=True)
    audit.record(events.SERIES_CREATED, actor=actor, subject=("series", row.pk))
    return row


@use_case
def choose_series(*, series_id: UUID, actor: Actor, at: datetime) -> Series:
    """Number new documents of the series' purpose in it unless another is named.

    Raises:
        NotFound: there is no such series.
        SeriesRetired, SeriesOfAnotherKind: closed, or of imported numbers.
        IssuerMissing: nobody has said who bills.
    """
    issuer = Issuer.objects.select_for_update(no_key=True).first()
    if issuer is None:
        raise IssuerMissing
    row = _locked_series(series_id)
    setattr(issuer, FIRST[Series.Purpose(row.purpose)][2], usable(row, row.purpose))
    issuer.updated_at = at
    issuer.save(update_fields=[FIRST[Series.Purpose(row.purpose)][2], "updated_at"])
    audit.record(events.SERIES_CHOSEN, actor=actor, subject=("series", row.pk), fields=[row.purpose])
    return row


@use_case
def retire_series(*, series_id: UUID, actor: Actor, at: datetime) -> Series:
    """Close a series: it gives no numbers any more; drafts that name it have to name another.

    Raises:
        NotFound: there is no such series.
        SeriesRetired, SeriesOfAnotherKind: closed already, or of imported numbers.
        SeriesInUse: it is the one that new documents take.
    """
    issuer = Issuer.objects.select_for_update(no_key=True).first()
    row = _locked_series(series_id)
    usable(row, row.purpose)
    if issuer is not None and row.pk in (
        issuer.series_id,
        issuer.credit_note_series_id,
        issuer.quote_series_id,
    ):
        raise SeriesInUse
    row.retired_at = at
    row.save(update_fields=["retired_at"])
    audit.record(events.SERIES_RETIRED, actor=actor, subject=("series", row.pk), fields=["retired_at"])
    return row


@use_case
def change_series(
    *, series_id: UUID, pattern: str, digits: int, fiscal_year_starts_in: int, actor: Actor, at: datetime
) -> Series:
    """Number the documents of a series differently, before the first one of a fiscal year is numbered.

    Raises:
        NotFound: there is no such series.
        SeriesRetired, SeriesOfAnotherKind: closed, or of imported numbers.
        BadPattern: two documents could get one number.
        NumberingUnderWay: it has numbered documents in this fiscal year; or any, and the year would begin elsewhere.
    """
    row = _locked_series(series_id)
    usable(row, row.purpose)
    cardnumbers.refuse({"pattern": pattern})
    rules.check_pattern(pattern)
    today = at.astimezone(ZoneInfo(_zone())).date()
    given = SeriesCounter.objects.filter(series_id=row.pk)
    if fiscal_year_starts_in == row.fiscal_year_starts_in:
        year = rules.fiscal_year(today, starts_in=row.fiscal_year_starts_in)
        given = given.filter(fiscal_year__gte=year)
    if given.exists():
        raise NumberingUnderWay
    row.pattern, row.digits, row.fiscal_year_starts_in = pattern, digits, fiscal_year_starts_in
    row.save(update_fields=["pattern", "digits", "fiscal_year_starts_in"])
    audit.record(events.SERIES_CHANGED, actor=actor, subject=("series", row.pk), fields=["pattern", "digits"])
    return row


@use_case
def imported_series(*, seller: str, at: datetime) -> Series:
    """Return the series of a seller's imported numbers, locked, and opened on first sight."""
    index = blindindex.lookup(Series, "seller_index", seller)
    # Locked, so that of two imports of one document the second sees the first.
    locked = Series.objects.select_for_update(no_key=True)
    row: Series | None = locked.filter(seller_index=index).first()
    if row is None:
        ledger.open_accounts(at=at)
        made = Series(kind=Series.Kind.IMPORTED, seller=seller, created_at=at)
        made.code = f"imported-{ids.base32(made.pk)}"
        Series.objects.bulk_create([made], ignore_conflicts=True)
        row = locked.get(seller_index=index)
    return row


@use_case
def series_for(purpose: str, *, series_id: UUID | None = None, at: datetime) -> Series:
    """Return the series a document of a purpose is numbered in: the named one, or the issuer's own.

    Raises:
        NotFound: there is no such series.
        SeriesRetired, SeriesOfAnotherKind: it cannot number this document.
        IssuerMissing: nobody has said who bills.
    """
    if series_id is not None:
        found = only(Series.objects.filter(pk=series_id))
        if found is None:
            raise NotFound("There is no such number series.", field="series")
        return usable(found, purpose)
    _, _, column = FIRST[Series.Purpose(purpose)]
    issuer = only(Issuer.objects.select_related(column))
    if issuer is None:
        raise IssuerMissing
    if getattr(issuer, column) is None:
        issuer = Issuer.objects.select_for_update(no_key=True).get(pk=issuer.pk)
        if getattr(issuer, f"{column}_id") is None:
            setattr(issuer, column, first_series(purpose, at))
            issuer.save(update_fields=[column])
    row: Series = getattr(issuer, column)
    return row


def usable(row: Series, purpose: str) -> Series:
    """Let a series pass that may number a document of this purpose.

    Raises:
        SeriesRetired, SeriesOfAnotherKind.
    """
    if row.kind != Series.Kind.OWN or row.purpose != purpose:
        raise SeriesOfAnotherKind(field="series")
    if row.retired_at is not None:
        raise SeriesRetired(field="series")
    return row


@use_case
def next_sequence(*, series_id: UUID, fiscal_year: int, count: int = 1) -> int:
    """Take the next number of a series; others wait here until this transaction ends, and no longer.

    Of several at once (`count`) the first is returned, and the others follow it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO billing_seriescounter (tenant_id, id, series_id, fiscal_year, last_sequence) "
            "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (tenant_id, series_id, fiscal_year) DO UPDATE "
            "SET last_sequence = billing_seriescounter.last_sequence + EXCLUDED.last_sequence "
            "RETURNING last_sequence",
            [context.current_tenant(), ids.uuid7(), series_id, fiscal_year, count],
        )
        return int(cursor.fetchone()[0]) - count + 1


def _locked_series(series_id: UUID) -> Series:
    row: Series | None = only(Series.objects.select_for_update(no_key=True).filter(pk=series_id))
    if row is None:
        raise NotFound
    return row


def _zone() -> str:
    return str(Issuer.objects.values_list("time_zone", flat=True).first() or "UTC")


def first_series(purpose: str, at: datetime) -> Series:
    """Open the first series of a purpose, under a code that is free."""
    code, pattern, _ = FIRST[Series.Purpose(purpose)]
    taken = set(Series.objects.filter(code__startswith=code).values_list("code", flat=True))
    free = next(name for name in (code, *(f"{code}-{n}" for n in range(2, 100))) if name not in taken)
    row: Series = Series.objects.create(
        code=free, kind=Series.Kind.OWN, purpose=purpose, pattern=pattern, created_at=at
    )
    return row
