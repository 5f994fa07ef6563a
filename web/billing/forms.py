"""What is asked about drafts, customers and tax rates."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from babel import Locale
from django import forms
from django.http import QueryDict

from billing.customers import rules as details
from billing.customers.models import Customer
from billing.customers.rules import ENDPOINT_SCHEMES
from billing.invoices import rules
from billing.invoices.queries import LineRow
from billing.tax.queries import TaxRateRow
from billing.tax.rules import CATEGORIES, TAXED
from core import ids, money
from web.kit import formats
from web.kit.forms import DayField, Form, read_amount

MOST_LINES = 100
_DAY = {"type": "date", "autocomplete": "off"}
_PLAIN = {"autocomplete": "off"}
_LINE_FIELDS = ("description", "quantity", "unit_amount", "tax_rate", "unit_code")


class DecimalText(forms.CharField):
    """A number as people write it. One that can be read in two ways is asked for again, never guessed."""

    def clean(self, value: Any) -> Any:
        """Return an exact number; None for nothing."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return read_amount(text, decimals=3)
        except ValueError as fault:
            sentence = "Enter a number like 1250.00. One like 1,250 can be read in two ways."
            raise forms.ValidationError(sentence, code="number") from fault


class LineForm(Form):
    """One line of a draft. A line in which nothing is written is left out."""

    description = forms.CharField(
        label="Description",
        max_length=rules.DESCRIPTION_LENGTH,
        widget=forms.Textarea(attrs={"rows": 1, **_PLAIN}),
    )
    quantity = DecimalText(
        label="Quantity",
        max_length=30,
        initial="1",
        widget=forms.TextInput(attrs={"inputmode": "decimal", **_PLAIN}),
    )
    unit_amount = DecimalText(
        label="Unit price", max_length=30, widget=forms.TextInput(attrs={"inputmode": "decimal", **_PLAIN})
    )
    tax_rate = forms.ChoiceField(label="Tax", required=False)
    unit_code = forms.CharField(required=False, max_length=8, widget=forms.HiddenInput())

    def __init__(self, *args: Any, rates: Sequence[TaxRateRow], number: int, **kwargs: Any) -> None:
        super().__init__(*args, prefix=f"lines-{number}", auto_id="id_%s", **kwargs)
        self.number = number
        field = self.fields["tax_rate"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = [
            ("", "No tax"),
            *((ids.encode("tax_rate", rate.id), _rate_words(rate)) for rate in rates),
        ]

    def as_input(self) -> rules.LineInput:
        """Return the line; call it on a valid form."""
        chosen = self.cleaned_data["tax_rate"]
        return rules.LineInput(
            description=self.cleaned_data["description"],
            quantity=self.cleaned_data["quantity"],
            unit_amount=self.cleaned_data["unit_amount"],
            tax_rate_id=ids.decode("tax_rate", chosen) if chosen else None,
            unit_code=self.cleaned_data["unit_code"],
        )


class DraftForm(Form):
    """A draft without its lines."""

    currency = forms.ChoiceField(label="Currency", choices=[(code, code) for code in sorted(money.EXPONENTS)])
    issued_on = DayField(
        label="Issued on",
        required=False,
        help_text="Empty: the day it is finalized.",
        widget=forms.DateInput(attrs=_DAY),
    )
    due_on = DayField(
        label="Due on",
        required=False,
        help_text="Empty: by your payment terms.",
        widget=forms.DateInput(attrs=_DAY),
    )
    note = forms.CharField(
        label="Note on the invoice",
        required=False,
        max_length=rules.NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, **_PLAIN}),
    )


class Lines:
    """The lines of a draft as a page shows them: read from what was sent, or from what is kept."""

    def __init__(self, forms_: list[LineForm]) -> None:
        self.forms = forms_

    @classmethod
    def kept(cls, lines: Iterable[LineRow], *, rates: Sequence[TaxRateRow]) -> "Lines":
        """Show kept lines, and one empty one when there is none."""
        values = [
            {
                "description": line.description,
                "quantity": plain(line.quantity),
                "unit_amount": plain(line.unit_amount),
                "tax_rate": ids.encode("tax_rate", line.tax_rate_id) if line.tax_rate_id else "",
                "unit_code": line.unit_code,
            }
            for line in lines
        ]
        return cls._shown(values or [_empty(rates)], rates)

    @classmethod
    def sent(cls, data: QueryDict, *, rates: Sequence[TaxRateRow]) -> "Lines":
        """Read the lines that were sent, to be checked."""
        return cls(
            [
                LineForm(data, rates=rates, number=number)
                for number in _numbers(data)
                if _written(data, number)
            ]
        )

    @classmethod
    def changed(cls, data: QueryDict, *, rates: Sequence[TaxRateRow], add: bool, remove: str) -> "Lines":
        """Show the lines that were sent with one more or one less, unchecked."""
        values = [
            {name: data.get(f"lines-{number}-{name}", "") for name in _LINE_FIELDS}
            for number in _numbers(data)
            if str(number) != remove
        ]
        if add and len(values) < MOST_LINES:
            values.append(_empty(rates))
        return cls._shown(values or [_empty(rates)], rates)

    @classmethod
    def _shown(cls, values: Sequence[dict[str, str]], rates: Sequence[TaxRateRow]) -> "Lines":
        return cls([LineForm(initial=each, rates=rates, number=number) for number, each in enumerate(values)])

    @property
    def count(self) -> int:
        """Return one more than the highest number in use."""
        return max((form.number for form in self.forms), default=-1) + 1

    def take_focus(self) -> None:
        """Put the keyboard into the last line once it is shown."""
        if self.forms:
            self.forms[-1].fields["description"].widget.attrs["data-focus"] = "true"

    def faults(self) -> list[str]:
        """Return what is wrong, a sentence each, naming the line."""
        return [
            f"Line {position}: {fault}"
            for position, form in enumerate(self.forms, start=1)
            for faults in form.errors.values()
            for fault in faults
        ]

    def inputs(self) -> list[rules.LineInput]:
        """Return the lines; call it when there are no faults."""
        return [form.as_input() for form in self.forms]

    def valid_inputs(self) -> list[rules.LineInput]:
        """Return the lines that can be computed already, for totals while somebody types."""
        return [form.as_input() for form in self.forms if form.is_valid()]


def plain(value: Decimal) -> str:
    """Write an exact number so that it is read as the same one, whatever the reader's language."""
    text = f"{value:f}"
    whole, _, decimals = text.partition(".")
    return (
        f"{whole}.{decimals.ljust(2, '0')}"
        if len(decimals) != 3 and decimals
        else whole
        if not decimals
        else f"{text}0"
    )


def _empty(rates: Sequence[TaxRateRow]) -> dict[str, str]:
    return {"quantity": "1", "tax_rate": _usual(rates)}


def _usual(rates: Sequence[TaxRateRow]) -> str:
    """Return the rate a new line begins with: the only one, or the one whose code is "standard"."""
    found = [rate for rate in rates if len(rates) == 1 or rate.code == "standard"]
    return ids.encode("tax_rate", found[0].id) if found else ""


def _numbers(data: QueryDict) -> range:
    raw = data.get("lines", "0")
    return range(min(int(raw), MOST_LINES + 1)) if raw.isdecimal() and len(raw) <= 4 else range(0)


def _written(data: QueryDict, number: int) -> bool:
    return any(data.get(f"lines-{number}-{name}", "").strip() for name in ("description", "unit_amount"))


def _rate_words(rate: TaxRateRow) -> str:
    return f"{formats.number(rate.percentage)}\u202f% {rate.name}" if rate.percentage else rate.name


# The schemes people know by name; the others are there by number.
_SCHEMES = {
    "EM": "EM, e-mail address",
    "0088": "0088, GLN",
    "0204": "0204, Leitweg-ID",
    "9930": "9930, German VAT number",
    "9914": "9914, Austrian VAT number",
    "0208": "0208, Belgian enterprise number",
}


def scheme_choices() -> list[tuple[str, str]]:
    """Return the kinds of electronic address, those that people know first."""
    rest = [(code, code) for code in ENDPOINT_SCHEMES if code not in _SCHEMES]
    return [("", "None"), *_SCHEMES.items(), *rest]


class CustomerForm(Form):
    """Who is billed. Everything but the currency is kept encrypted."""

    name = forms.CharField(label="Name", max_length=200, widget=forms.TextInput(attrs=_PLAIN))
    email = forms.EmailField(
        label="E-mail address for invoices",
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs=_PLAIN),
    )
    phone = forms.CharField(
        label="Phone", required=False, max_length=40, widget=forms.TextInput(attrs=_PLAIN)
    )
    line1 = forms.CharField(
        label="Street", required=False, max_length=200, widget=forms.TextInput(attrs=_PLAIN)
    )
    line2 = forms.CharField(
        label="More of the address", required=False, max_length=200, widget=forms.TextInput(attrs=_PLAIN)
    )
    postal_code = forms.CharField(
        label="Postal code", required=False, max_length=200, widget=forms.TextInput(attrs=_PLAIN)
    )
    city = forms.CharField(label="City", required=False, max_length=200, widget=forms.TextInput(attrs=_PLAIN))
    region = forms.CharField(
        label="Region", required=False, max_length=200, widget=forms.TextInput(attrs=_PLAIN)
    )
    country = forms.ChoiceField(label="Country", required=False)
    tax_id = forms.CharField(
        label="Tax id",
        required=False,
        max_length=40,
        help_text="VAT number or the like.",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    tax_exemption = forms.CharField(
        label="Exempt from tax because",
        required=False,
        max_length=400,
        help_text="Only if they are charged none. It stands on their documents.",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    reference = forms.CharField(
        label="Your number for them",
        required=False,
        max_length=80,
        help_text="Unique; found exactly.",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    currency = forms.ChoiceField(label="Currency", choices=[(code, code) for code in sorted(money.EXPONENTS)])
    einvoice_format = forms.ChoiceField(
        label="How invoices come",
        required=False,
        choices=Customer.EInvoiceFormat.choices,
        help_text="With the mail. An electronic invoice is checked before it is sent.",
    )
    buyer_reference = forms.CharField(
        label="Buyer reference",
        required=False,
        max_length=80,
        help_text="Routes their invoices, such as a Leitweg-ID.",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    endpoint_scheme = forms.ChoiceField(
        label="Kind of electronic address", required=False, choices=scheme_choices
    )
    endpoint_id = forms.CharField(
        label="Electronic address",
        required=False,
        max_length=100,
        help_text="Such as a Peppol id. Empty: their e-mail address.",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    notes = forms.CharField(
        label="Notes", required=False, max_length=5_000, help_text="For colleagues; never on an invoice.",
        widget=forms.Textarea(attrs={"rows": 3, **_PLAIN}),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["country"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = [("", "Not given"), *_countries(formats.locale())]

    def values(self, kept_address: dict[str, str] | None = None) -> dict[str, Any]:
        """Return what a customer is made of; parts of an address that the form does not show stay."""
        address = {**(kept_address or {}), **{name: self.cleaned_data.get(name, "") for name in _ADDRESS}}
        rest = ("name", "email", "phone", "tax_id", "tax_exemption", "reference", "currency", "notes",
                "einvoice_format", "buyer_reference", "endpoint_scheme", "endpoint_id")  # fmt: skip
        return {**{name: self.cleaned_data[name] for name in rest}, "address": address}


_ADDRESS = tuple(name for name in details.ADDRESS_FIELDS if name != "line3")


def _countries(locale: Locale) -> list[tuple[str, str]]:
    found = [(code, name) for code, name in locale.territories.items() if len(code) == 2 and code.isalpha()]
    return sorted(
        (pair for pair in found if pair[0] not in ("EU", "EZ", "UN", "XA", "XB", "ZZ", "QO")),
        key=lambda pair: pair[1],
    )


class RateForm(Form):
    """A percentage of a category, from a day on."""

    name = forms.CharField(
        label="Name",
        max_length=120,
        help_text="As people choose it on a line.",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    category = forms.ChoiceField(
        label="Category (EN 16931)",
        choices=[(code, f"{code} · {words}") for code, words in CATEGORIES.items()],
    )
    percentage = DecimalText(
        label="Percentage",
        required=False,
        max_length=12,
        help_text=f"Only for {', '.join(sorted(TAXED))}; the others carry none.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", **_PLAIN}),
    )
    valid_from = DayField(label="Valid from", widget=forms.DateInput(attrs=_DAY))


class NewRateForm(RateForm):
    """A tax rate that is not there yet."""

    code = forms.CharField(
        label="Code",
        max_length=40,
        help_text="Lower-case letters, digits and _ . - . It stays when the rate is replaced.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false", **_PLAIN}),
    )
    field_order = ("code", "name", "category", "percentage", "valid_from")


def chosen_customer(text: str) -> UUID | None:
    """Return the customer a page names, None when it names nobody."""
    return ids.decode("customer", text) if text else None
