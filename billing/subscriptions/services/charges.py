"""Something charged once, on the customer's next invoice."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from audit import services as audit
from billing import events
from billing.catalog import queries as catalog
from billing.catalog.models import Price
from billing.catalog.rules import number_errors, of_period
from billing.customers.models import Customer
from billing.customers.services import CustomerArchived, CustomerErased
from billing.invoices.rules import DESCRIPTION_LENGTH, text_errors
from billing.subscriptions import clock
from billing.subscriptions.models import PendingCharge, Subscription
from billing.tax.models import TaxRate
from core import days, money
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound, Refusal
from outbound.webhooks import publishing
from tenancy.context import use_case
from tenancy.models import only


class ChargeBilled(Conflict):
    """This charge stands on an invoice. Write a credit note."""

    code = "charge_billed"


class ChargeWithdrawn(Conflict):
    """This charge was withdrawn already."""

    code = "charge_withdrawn"


@use_case
def add_charge(
    *,
    customer_id: UUID,
    actor: Actor,
    at: datetime,
    description: str = "",
    quantity: Decimal = Decimal(1),
    unit_amount: Decimal | None = None,
    price_id: UUID | None = None,
    currency: str | None = None,
    tax_code: str | None = None,
    tax_behavior: str | None = None,
    unit_code: str = "",
    due_on: date | None = None,
    subscription_id: UUID | None = None,
) -> PendingCharge:
    """Put something onto a customer's next invoice, on a day or later: of the catalogue, or for an amount named here.

    Raises:
        NotFound: there is no such customer, price or subscription.
        CustomerArchived, CustomerErased: they cannot be billed.
        Invalid: names every field that cannot be used.
    """
    customer = only(Customer.objects.filter(pk=customer_id))
    if customer is None:
        raise NotFound("There is no such customer.", field="customer")
    if customer.state != Customer.State.ACTIVE:
        raise CustomerArchived(field="customer")
    if customer.subject_key is None:
        raise CustomerErased(field="customer")
    subscription = None
    if subscription_id is not None:
        subscription = only(Subscription.objects.filter(pk=subscription_id, customer_id=customer_id))
        if subscription is None:
            raise NotFound("This customer has no such subscription.", field="subscription")
    today = clock.today(at)
    days.check(due_on, field="due_on")
    price, name, unit = _price(price_id)
    errors: list[FieldError] = []
    errors += text_errors("/description", description.strip(), DESCRIPTION_LENGTH, required=price is None)
    errors += text_errors("/unit_code", unit_code, 8)
    errors += number_errors("/quantity", quantity, least=None)
    if quantity.is_finite() and quantity <= 0:
        errors.append(FieldError("/quantity", "too_small", "This is more than nothing."))
    if price is not None:
        errors += _price_errors(price, quantity, unit_amount, currency, due_on or today)
    elif unit_amount is None:
        errors.append(FieldError("/unit_amount", "required", "Name a price or an amount."))
    else:
        errors += number_errors("/unit_amount", unit_amount)
    if tax_behavior is not None and tax_behavior not in Price.TaxBehavior.values:
        errors.append(FieldError("/tax_behavior", "unknown_choice", "Tax is exclusive or inclusive."))
    if tax_code and not TaxRate.objects.filter(code=tax_code).exists():
        errors.append(FieldError("/tax_code", "unknown_tax_rate", "There is no tax rate of this code."))
    if errors:
        raise Invalid(errors)
    unit_amount = Decimal(0) if unit_amount is None else unit_amount
    currency = (currency or customer.currency) if price is None else price.currency
    if price is None:
        money.to_minor(money.multiply(quantity, unit_amount), currency)
    row = PendingCharge(
        customer=customer,
        subscription=subscription,
        price_id=price_id,
        currency=currency,
        description=description.strip() or name,
        quantity=quantity,
        unit_code=unit_code or unit,
        unit_amount=unit_amount if price is None else price.terms.unit_amount,
        tax_behavior=tax_behavior or (price.tax_behavior if price else Price.TaxBehavior.EXCLUSIVE),
        tax_code=tax_code if tax_code is not None else (price.tax_code if price else ""),
        due_on=due_on or today,
        created_at=at,
    )
    row.save(force_insert=True)
    audit.record(
        events.CHARGE_ADDED, actor=actor, subject=("charge", row.pk), facts={"customer": str(customer_id)}
    )
    publishing.publish(
        type="charge.added",
        subject=("charge", row.pk),
        data={"customer": customer_id, "currency": row.currency, "due_on": row.due_on},
    )
    return row


@use_case
def withdraw_charge(*, charge_id: UUID, actor: Actor, at: datetime) -> PendingCharge:
    """Take a charge back before it has been billed.

    Raises:
        NotFound: there is none.
        ChargeBilled, ChargeWithdrawn: it is too late.
    """
    row: PendingCharge | None = only(
        PendingCharge.objects.select_for_update(no_key=True).filter(pk=charge_id)
    )
    if row is None:
        raise NotFound
    if row.billed_at is not None:
        raise ChargeBilled
    if row.withdrawn_at is not None:
        raise ChargeWithdrawn
    row.withdrawn_at = at
    row.save(update_fields=["withdrawn_at"])
    audit.record(events.CHARGE_WITHDRAWN, actor=actor, subject=("charge", row.pk))
    publishing.publish(
        type="charge.withdrawn", subject=("charge", row.pk), data={"customer": row.customer_id}
    )
    return row


def _price(price_id: UUID | None) -> tuple[catalog.PriceRow | None, str, str]:
    if price_id is None:
        return None, "", ""
    found = catalog.by_ids([price_id]).get(price_id)
    if found is None:
        raise NotFound("There is no such price.", field="price")
    _, name, unit = catalog.named([found.product_id])[0]
    return found, name, unit


def _price_errors(
    price: catalog.PriceRow,
    quantity: Decimal,
    unit_amount: Decimal | None,
    currency: str | None,
    on: date,
) -> list[FieldError]:
    if price.interval != "none":
        return [FieldError("/price", "recurring", "This price is charged regularly; start a subscription.")]
    errors: list[FieldError] = []
    if unit_amount is not None:
        errors.append(FieldError("/unit_amount", "not_allowed", "The price says the amount."))
    if currency is not None and currency != price.currency:
        errors.append(FieldError("/price", "other_currency", f"This price is in {price.currency}."))
    if price.product_id in catalog.retired({price.product_id}) or not price.is_sold_on(on):
        errors.append(FieldError("/price", "not_sold", "This price is not sold on that day."))
    if price.terms.model == "flat" and quantity != 1:
        errors.append(FieldError("/quantity", "not_allowed", "A flat price has no quantity of its own."))
    try:
        of_period(price.terms, max(quantity, Decimal(0)))
    except Refusal as refusal:
        errors.append(FieldError("/quantity", refusal.code, refusal.message))
    return errors
