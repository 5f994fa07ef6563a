"""What is asked about a customer beyond their name, and about the people there."""

from typing import Any
from uuid import UUID

from django import forms

from billing.contacts.models import Contact
from billing.customers import queries
from billing.customers.models import Customer
from billing.customers.queries import CustomerDetail
from billing.customers.rules import LONGEST_TERMS
from core import ids
from core.errors import NotFound
from web.billing.forms import CustomerForm
from web.kit.forms import Form

_PLAIN = {"autocomplete": "off"}
_PLACES = ("line1", "line2", "postal_code", "city", "region", "country")
DELIVERY = {f"delivery_address/{name}": f"delivery_{name}" for name in _PLACES}
_LANGUAGES = [("", "As your organization"), *Customer.Language.choices]


def _text(label: str, most: int = 200, **more: Any) -> forms.CharField:
    return forms.CharField(
        label=label, required=False, max_length=most, widget=forms.TextInput(attrs=_PLAIN), **more
    )


class FullCustomerForm(CustomerForm):
    """Who is billed, where it goes, and on which terms."""

    delivery_line1 = _text("Street of delivery")
    delivery_line2 = _text("More of the address of delivery")
    delivery_postal_code = _text("Postal code of delivery")
    delivery_city = _text("City of delivery")
    delivery_region = _text("Region of delivery")
    delivery_country = forms.ChoiceField(label="Country of delivery", required=False)
    payment_days = forms.IntegerField(
        label="Days to pay",
        required=False,
        min_value=0,
        max_value=LONGEST_TERMS,
        help_text="Empty: your usual terms.",
        widget=forms.NumberInput(attrs={"inputmode": "numeric", **_PLAIN}),
    )
    language = forms.ChoiceField(label="Language of documents and mail", required=False, choices=_LANGUAGES)
    parent = _text(
        "Belongs to", 80, help_text="Your number for the company above, or its id. It is billed apart."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        billing, delivery = self.fields["country"], self.fields["delivery_country"]
        assert isinstance(billing, forms.ChoiceField)  # noqa: S101  declared there
        assert isinstance(delivery, forms.ChoiceField)  # noqa: S101  declared above
        delivery.choices = billing.choices

    def clean_parent(self) -> UUID | None:
        """Find the customer that is named, by id or by number."""
        text = str(self.cleaned_data["parent"]).strip()
        if not text:
            return None
        try:
            return queries.get(ids.decode("customer", text)).id
        except NotFound:
            found = queries.find(reference=text)
        if len(found) != 1:
            raise forms.ValidationError("No customer has this number or id.")
        return found[0].id

    def values(self, kept_address: dict[str, str] | None = None) -> dict[str, Any]:
        """Return what a customer is made of."""
        given = self.cleaned_data
        return {
            **super().values(kept_address),
            "delivery_address": {name: given.get(f"delivery_{name}") or "" for name in _PLACES},
            "payment_days": given["payment_days"],
            "language": given["language"],
            "parent_id": given["parent"],
        }

    @staticmethod
    def begun(found: CustomerDetail) -> dict[str, Any]:
        """Return what the form begins with for somebody who is here already."""
        return {
            **{f"delivery_{name}": text for name, text in found.delivery_address.items()},
            "payment_days": found.payment_days,
            "language": found.language,
            "parent": ids.encode("customer", found.parent_id) if found.parent_id else "",
        }


class ContactForm(Form):
    """Somebody at a customer, and which mail they get."""

    name = forms.CharField(label="Name", max_length=200, widget=forms.TextInput(attrs=_PLAIN))
    email = forms.EmailField(
        label="E-mail address", required=False, max_length=254, widget=forms.EmailInput(attrs=_PLAIN)
    )
    phone = _text("Phone", 40)
    position = _text("Position", 120)
    roles = forms.MultipleChoiceField(
        label="Gets",
        required=False,
        choices=Contact.Role.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="Mail of a kind that nobody gets goes to the customer’s own address.",
    )
    is_primary = forms.BooleanField(label="First to be asked", required=False)
    language = forms.ChoiceField(
        label="Language", required=False, choices=[("", "As the customer"), *Customer.Language.choices]
    )


class SearchForm(Form):
    """Into whom a customer is merged: found like any customer."""

    q = forms.CharField(
        label="Name, e-mail address, tax id or number of the customer that stays",
        required=False,
        max_length=200,
        widget=forms.SearchInput(attrs=_PLAIN),
    )
