"""What is asked about drafts, customers and tax rates."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from babel import Locale
from django import forms

from billing.customers import rules as details
from billing.customers.models import Customer
from billing.customers.rules import ENDPOINT_SCHEMES
from billing.tax.rules import CATEGORIES, TAXED
from core import ids, money
from web.kit import formats
from web.kit.forms import DayField, Form, read_amount

_PLAIN = {"autocomplete": "off"}


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
    valid_from = DayField(label="Valid from")


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
