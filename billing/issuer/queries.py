"""Reading who bills."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from billing.issuer.models import Issuer, Series, SeriesCounter


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerRow:
    """The organization as its documents name it."""

    name: str
    address: dict[str, str] = field(default_factory=dict)
    tax_id: str = ""
    tax_number: str = ""
    email: str = ""
    phone: str = ""
    time_zone: str
    currency: str
    payment_days: int
    endpoint_id: str = ""
    endpoint_scheme: str = ""
    contact_name: str = ""
    registration: str = ""
    language: str = "en"
    logo_id: UUID | None = None
    series_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """One number series."""

    id: UUID
    code: str
    kind: str
    pattern: str
    digits: int
    fiscal_year_starts_in: int
    purpose: str = Series.Purpose.INVOICE
    rounding: str = "document"
    e_invoice: bool = True
    retired_at: datetime | None = None
    # Whether new documents of its purpose take it unless another is named.
    is_usual: bool = False
    # How many numbers it has given in which fiscal year, the last year first.
    given: tuple[tuple[int, int], ...] = ()


def get() -> IssuerRow | None:
    """Return the issuer of the organization in scope, or None before it has been set."""
    row = Issuer.objects.first()
    if row is None:
        return None
    return IssuerRow(
        name=row.name,
        address=row.address or {},
        tax_id=row.tax_id or "",
        tax_number=row.tax_number or "",
        email=row.email or "",
        phone=row.phone or "",
        time_zone=row.time_zone,
        currency=row.currency,
        payment_days=row.payment_days,
        endpoint_id=row.endpoint_id or "",
        endpoint_scheme=row.endpoint_scheme,
        contact_name=row.contact_name or "",
        registration=row.registration or "",
        language=row.language,
        logo_id=row.logo_id,
        series_id=row.series_id,
    )


def time_zone() -> str:
    """Return the time zone of the organization in scope, UTC before it has been set; nothing is decrypted."""
    return str(Issuer.objects.values_list("time_zone", flat=True).first() or "UTC")


def credit_expires_days() -> int | None:
    """Return after how many days without a movement a customer's credit expires; None for never."""
    found: int | None = Issuer.objects.values_list("credit_expires_days", flat=True).first()
    return found


def rounded_currencies() -> list[str]:
    """Return the currencies in which what is to be paid is rounded to the smallest coin."""
    return list(Issuer.objects.values_list("rounded_currencies", flat=True).first() or [])


def bills_nightly() -> bool:
    """Tell whether what is due is billed each night without anybody asking."""
    return bool(Issuer.objects.values_list("auto_billing", flat=True).first())


def series() -> list[SeriesRow]:
    """List the number series by code."""
    issuer = Issuer.objects.values_list("series_id", "credit_note_series_id", "quote_series_id").first()
    given: dict[UUID, list[tuple[int, int]]] = {}
    for counter in SeriesCounter.objects.order_by("-fiscal_year"):
        given.setdefault(counter.series_id, []).append((counter.fiscal_year, counter.last_sequence))
    return [
        SeriesRow(
            id=row.pk,
            code=row.code,
            kind=row.kind,
            pattern=row.pattern,
            digits=row.digits,
            fiscal_year_starts_in=row.fiscal_year_starts_in,
            purpose=row.purpose,
            rounding=row.rounding,
            e_invoice=row.e_invoice,
            retired_at=row.retired_at,
            is_usual=row.pk in (issuer or ()),
            given=tuple(given.get(row.pk, ())),
        )
        for row in Series.objects.order_by("code")
    ]
