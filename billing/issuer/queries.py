"""Reading who bills."""

from dataclasses import dataclass, field
from uuid import UUID

from billing.issuer.models import Issuer, Series


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


def series() -> list[SeriesRow]:
    """List the number series by code."""
    return [
        SeriesRow(
            id=row.pk,
            code=row.code,
            kind=row.kind,
            pattern=row.pattern,
            digits=row.digits,
            fiscal_year_starts_in=row.fiscal_year_starts_in,
        )
        for row in Series.objects.order_by("code")
    ]
