"""What is asked about products, prices and subscriptions."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms

from billing.catalog import rules
from billing.catalog.queries import PriceRow, ProductRow
from billing.invoices.rules import DESCRIPTION_LENGTH
from billing.tax import queries as tax_rates
from billing.usage import queries as usage
from core import ids, money
from web.billing.forms import DecimalText
from web.kit.forms import DayField, Form, read_amount
from web.recurring import words

_PLAIN = {"autocomplete": "off"}
_NUMBER = {"inputmode": "decimal", **_PLAIN}
_TIER_PARTS = 3


def _text(label: str, limit: int, *, required: bool = True, hint: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=limit,
        required=required,
        help_text=hint,
        widget=forms.TextInput(attrs=_PLAIN),
    )


def _number(label: str, *, required: bool = False, hint: str = "") -> DecimalText:
    return DecimalText(
        label=label,
        max_length=30,
        required=required,
        help_text=hint,
        widget=forms.TextInput(attrs=_NUMBER),
    )


def _tax_choices() -> list[tuple[str, str]]:
    found = {rate.code: rate.name for rate in tax_rates.rates() if rate.valid_to is None}
    return [("", "No tax"), *((code, f"{name} ({code})") for code, name in sorted(found.items()))]


class ProductForm(Form):
    """What a product is called. Documents keep the words they had."""

    name = _text("Name", rules.NAME_LENGTH, hint="As it stands on invoices.")
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=rules.DESCRIPTION_LENGTH,
        help_text="For colleagues.",
        widget=forms.Textarea(attrs={"rows": 2, **_PLAIN}),
    )
    kind = forms.ChoiceField(label="Kind", choices=list(words.KINDS.items()))
    unit_code = _text("Unit", 8, required=False, hint="UN/ECE Recommendation 20, such as HUR for hours.")
    tax_code = forms.ChoiceField(label="Tax rate of new prices", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tax_code"].choices = _tax_choices()  # type: ignore[attr-defined]  # a choice field


class NewProductForm(ProductForm):
    """A product that is not there yet."""

    code = _text("Code", 40, hint="Lower-case letters, digits and _ . - . It stays.")
    field_order = ("code", "name", "description", "kind", "unit_code", "tax_code")


class _TermsForm(Form):
    """What a quantity costs, from a day on."""

    model = forms.ChoiceField(label="How it is charged", choices=list(words.MODELS.items()))
    unit_amount = _number("Price of one unit or package")
    package_size = _number("Units in a package", hint="For prices by the package.")
    tiers = forms.CharField(
        label="Tiers",
        required=False,
        max_length=2_000,
        help_text="A line each: up to how many; price of one; flat amount. Leave the first empty in the last line: "
        "10; 5.00; 0 and then ; 4.00; 0",
        widget=forms.Textarea(attrs={"rows": 3, **_PLAIN}),
    )
    flat = _number("Flat amount a period", hint="Charged whatever the quantity.")
    minimum = _number("Least a period comes to")
    tax_code = forms.ChoiceField(label="Tax rate", required=False)
    valid_from = DayField(label="Sold from")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tax_code"].choices = _tax_choices()  # type: ignore[attr-defined]  # a choice field

    def clean_tiers(self) -> tuple[tuple[Decimal | None, Decimal, Decimal], ...]:
        """Read the tiers, a line each."""
        found = []
        for number, line in enumerate(self.cleaned_data["tiers"].splitlines(), start=1):
            if not line.strip():
                continue
            parts = [part.strip() for part in line.split(";")]
            parts += [""] * (_TIER_PARTS - len(parts))
            try:
                read = [read_amount(part, decimals=3) if part else None for part in parts]
            except ValueError as fault:
                sentence = f"Line {number}: write numbers like 10; 5.00; 0."
                raise forms.ValidationError(sentence, code="number") from fault
            if len(read) > _TIER_PARTS or read[1] is None:
                raise forms.ValidationError(f"Line {number}: give a price of one.", code="number")
            found.append((read[0], read[1], read[2] or Decimal(0)))
        return tuple(found)

    def terms(self, currency: str) -> rules.Terms:
        """Return what the price says; call it when there are no faults.

        Raises:
            AmountTooPrecise, AmountTooLarge: an amount cannot be booked.
        """
        given = self.cleaned_data
        return rules.Terms(
            model=given["model"],
            currency=currency,
            unit_amount=given["unit_amount"] or Decimal(0),
            package_size=given["package_size"],
            flat_minor=money.exact_minor(given["flat"] or Decimal(0), currency),
            minimum_minor=money.exact_minor(given["minimum"] or Decimal(0), currency),
            tiers=tuple(
                rules.Tier(up_to, unit_amount, money.exact_minor(flat, currency))
                for up_to, unit_amount, flat in given["tiers"]
            ),
        )


class PriceForm(_TermsForm):
    """What takes the place of a price."""


class NewPriceForm(_TermsForm):
    """A price that is not there yet."""

    code = _text("Code", 40, hint="Names it through its versions, such as monthly.")
    currency = forms.ChoiceField(label="Currency", choices=[(code, code) for code in sorted(money.EXPONENTS)])
    interval = forms.ChoiceField(label="Charged", choices=list(words.INTERVALS.items()))
    interval_count = forms.IntegerField(
        label="Every so many", min_value=1, max_value=rules.MOST_INTERVALS, initial=1
    )
    meter = forms.ChoiceField(label="Counted by", required=False)
    tax_behavior = forms.ChoiceField(label="Tax", choices=list(words.BEHAVIORS.items()))
    field_order = (
        "code", "currency", "interval", "interval_count", "model", "unit_amount", "package_size", "tiers",
        "flat", "minimum", "meter", "tax_behavior", "tax_code", "valid_from",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        meters = [(ids.encode("meter", row.id), row.name) for row in usage.meters()]
        self.fields["meter"].choices = [("", "Nothing: a fixed quantity"), *meters]  # type: ignore[attr-defined]


class ItemForm(Form):
    """A price and how many of it."""

    price = forms.ChoiceField(label="Price")
    quantity = _number("Quantity", required=True)

    def __init__(self, *args: Any, sold: Sequence[tuple[ProductRow, PriceRow]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["price"].choices = [  # type: ignore[attr-defined]  # a choice field
            (ids.encode("price", price.id), f"{product.name}, {words.price(price)}")
            for product, price in sold
        ]

    @property
    def price_id(self) -> UUID:
        """The price that was chosen."""
        return ids.decode("price", self.cleaned_data["price"])


class StartForm(ItemForm):
    """A new subscription."""

    start_on = DayField(label="From")
    trial_until = DayField(
        label="Free until",
        required=False,
        help_text="The first day that costs something.",
    )
    anchor_on = DayField(
        label="Periods begin on",
        required=False,
        help_text="Empty: on the first day that costs something. Otherwise the first period costs its days.",
    )
    timing = forms.ChoiceField(label="Billed", choices=list(words.TIMINGS.items()))


class ChangeForm(ItemForm):
    """Something else, or more or less, from a day on."""

    item = forms.ChoiceField(label="What changes", required=False)
    on = DayField(label="From")
    bill_now = forms.BooleanField(
        label="Bill the difference with the next billing run", required=False,
        help_text="Otherwise it stands on the invoice of the next period.",
    )  # fmt: skip
    field_order = ("item", "price", "quantity", "on", "bill_now")

    def __init__(self, *args: Any, items: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["item"].choices = [*items, ("", "Something more")]  # type: ignore[attr-defined]
        self.fields["quantity"].help_text = "0 takes it away."


class DayForm(Form):
    """From which day on."""

    on = DayField(label="From")


class CancelForm(Form):
    """When it ends."""

    when = forms.ChoiceField(
        label="When does it end?",
        choices=[("period", "When its period is over"), ("day", "On a day")],
        widget=forms.RadioSelect,
    )
    on = DayField(label="First day it is not there any more", required=False)


class ChargeForm(Form):
    """Something charged once."""

    description = forms.CharField(
        label="Description",
        max_length=DESCRIPTION_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2, **_PLAIN}),
    )
    quantity = _number("Quantity", required=True)
    unit_amount = _number("Price of one", required=True)
    tax_code = forms.ChoiceField(label="Tax rate", required=False)
    due_on = DayField(
        label="Not before",
        help_text="It stands on the first invoice of this day or later.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tax_code"].choices = _tax_choices()  # type: ignore[attr-defined]  # a choice field


class MeterForm(Form):
    """What is counted."""

    code = _text("Code", 40, hint="Lower-case letters, digits and _ . - ; integrators send it.")
    name = _text("Name", rules.NAME_LENGTH)
    aggregation = forms.ChoiceField(
        label="How events become one number", choices=list(words.AGGREGATIONS.items())
    )


class SeenForm(Form):
    """What somebody was shown when they decided."""

    amount_minor = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
