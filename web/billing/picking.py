"""A line of a draft from the catalogue: what is sold is typed or chosen, and the line is filled in to be changed."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.http import QueryDict

from accounts.permissions import Permission
from billing import events
from billing.catalog import queries as catalog
from billing.invoices import catalogued
from billing.invoices.rules import LineInput
from core import characters, ids
from core.errors import Invalid, NotFound, Refusal
from edge import recording
from edge.request import Request
from web.billing import rows
from web.billing.draft_forms import numbers
from web.billing.forms import plain
from web.kit.forms import read_amount
from web.recurring import words

MOST_OFFERED = 500


@dataclass(frozen=True, slots=True)
class Offer:
    """A price to choose: how it is written in the field, and what it is."""

    code: str
    label: str


def is_offered(request: Request) -> bool:
    """Tell whether there is something to choose from that this person may see."""
    return Permission.PRODUCT_READ in request.permissions and catalog.sells(rows.today())


def offers(request: Request, currency: str) -> list[Offer]:
    """Return what is sold today in a currency, by name; who types a code reaches what is not among them."""
    found = catalog.sold_on(rows.today(), currency=currency)[:MOST_OFFERED]
    products = sorted({product.id for product, _ in found})
    recording.read(request, events.PRODUCT_READ, subjects=products, fields=["name"])
    return [
        Offer(f"{product.code}/{price.code}", f"{product.name}: {words.price(price)}")
        for product, price in found
    ]


def taken(data: QueryDict, *, usual: UUID | None) -> tuple[QueryDict, dict[int, str]]:
    """Fill in the lines for which a price was chosen; return what was sent then, and why a line was not filled.

    `usual` is the rate that the place of supply asks for; without one the price says its own.
    """
    chosen = {number: data.get(f"lines-{number}-pick", "").strip() for number in numbers(data)}
    if not any(chosen.values()):
        return data, {}
    filled = data.copy()
    refused: dict[int, str] = {}
    for number, code in chosen.items():
        # What cannot be kept is not looked for either; its own field says so.
        if not code or not characters.are_kept(code + data.get("currency", "")):
            continue
        try:
            line = _line(data, number, code, usual)
        except Refusal as refusal:
            refused[number] = (
                refusal.errors[0].detail
                if isinstance(refusal, Invalid) and refusal.errors
                else refusal.message
            )
            continue
        _keep_tax_inside(filled, line)
        values = {
            "pick": "",
            "description": line.description,
            "quantity": plain(line.quantity),
            "unit_amount": plain(line.unit_amount),
            "unit_code": line.unit_code,
            "price_id": str(line.price_id),
            "tax_rate": ids.encode("tax_rate", line.tax_rate_id) if line.tax_rate_id else "",
            "tax_inclusive": "1" if line.tax_inclusive else "",
        }
        for name, value in values.items():
            filled[f"lines-{number}-{name}"] = value
    return filled, refused


def _line(data: QueryDict, number: int, code: str, usual: UUID | None) -> LineInput:
    product, _, name = code.partition("/")
    price_id = catalog.sold_as(product.strip(), name.strip(), data.get("currency", ""), rows.today())
    if price_id is None:
        raise NotFound(f"Nothing is sold as “{code}” in this currency.")
    try:
        quantity = read_amount(data.get(f"lines-{number}-quantity", "") or "1", decimals=3)
    except ValueError as fault:
        raise Refusal("Enter the quantity first, as a number.") from fault
    asked = catalogued.PriceLine(
        price_id=price_id,
        quantity=Decimal(quantity),
        tax_rate_id=usual,
        is_taxed=usual is not None,
    )
    (line,) = catalogued.written(
        [asked], currency=data.get("currency", ""), on=rows.today(), automatic_tax=False
    )
    return line


def _keep_tax_inside(filled: QueryDict, line: LineInput) -> None:
    """Where a price has its tax inside and the others have not, or the reverse, each line says so itself."""
    usual = bool(filled.get("tax_inclusive"))
    if filled.get("mixed") or line.tax_inclusive == usual:
        return
    filled["mixed"] = "1"
    for number in numbers(filled):
        filled[f"lines-{number}-tax_inclusive"] = "1" if usual else ""
