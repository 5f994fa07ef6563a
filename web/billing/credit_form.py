"""What is asked about a credit note: what of the invoice, where it goes, and why."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django import forms

from billing.creditnotes import queries, rules
from billing.creditnotes import services as notes
from billing.creditnotes.models import CreditNote
from billing.invoices.queries import InvoiceDetail
from core import ids
from payments.services import crediting
from web.kit import formats
from web.kit.forms import AmountField, Form

REASONS: Mapping[str, str] = MappingProxyType(
    {
        CreditNote.Reason.DUPLICATED_CHARGE: "Charged twice",
        CreditNote.Reason.PRODUCT_UNSATISFACTORY: "Not what was agreed",
        CreditNote.Reason.ORDER_CHANGE: "The order was changed",
        CreditNote.Reason.ORDER_CANCELLATION: "The order was canceled",
        CreditNote.Reason.OTHER: "Another reason",
    }
)
_WHAT = (("all", "All that is left"), ("amount", "An amount, tax included"), ("lines", "Single lines"))
# Longer invoices are credited by amount, or over the API by line.
_MOST_LINES = 100


class CreditForm(Form):
    """What is credited, where it goes, and why."""

    what = forms.ChoiceField(label="What is credited?", choices=_WHAT, widget=forms.RadioSelect)
    amount_minor = AmountField(
        label="Amount, tax included",
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    goes = forms.ChoiceField(label="Where does it go?", widget=forms.RadioSelect)
    given_back = forms.MultipleChoiceField(
        label="Refunds made before that it explains", required=False, widget=forms.CheckboxSelectMultiple
    )
    reason_code = forms.ChoiceField(label="Why?", choices=[("", "Choose…"), *REASONS.items()])
    reason = forms.CharField(
        label="What happened?",
        max_length=1_000,
        help_text="Kept with the credit note, encrypted. The customer does not see it.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )
    note = forms.CharField(
        label="A word to the customer",
        required=False,
        max_length=5_000,
        help_text="Stands on the credit note.",
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )

    def __init__(
        self,
        *args: Any,
        found: InvoiceDetail,
        left: queries.Left,
        may_refund: bool,
        given_back: Sequence[crediting.GivenBack],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        goes = [("open", "Off what is open; the rest becomes the customer’s credit")]
        if may_refund:
            goes.append(("refund", "Off what is open; the rest goes back to who paid"))
        goes.append(("credit", "All of it becomes the customer’s credit"))
        self.fields["goes"].choices = goes  # type: ignore[attr-defined]  # a choice field
        self.fields["given_back"].choices = [  # type: ignore[attr-defined]  # as above
            (ids.encode("refund", each.refund_id), formats.money(each.amount_minor, found.currency))
            for each in given_back
        ]
        if not given_back:
            del self.fields["given_back"]
        self.by_field: dict[str, UUID] = {}
        amounts = [self.fields["amount_minor"]]
        names = {row.pk: row.description for row in left.rows}
        for index, line in enumerate(left.lines):
            # A discount goes back with what it was taken from.
            if len(left.lines) > _MOST_LINES or line.left_minor <= 0:
                continue
            field = AmountField(
                label=names[line.id].splitlines()[0][:80],
                required=False,
                widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            )
            self.fields[f"line_{index}"] = field
            self.by_field[f"line_{index}"] = line.id
            amounts.append(field)
        for each in amounts:
            assert isinstance(each, AmountField)  # noqa: S101  declared above
            each.currency = found.currency

    def wanted(self) -> notes.Wanted:
        """Return what is to be credited."""
        given = self.cleaned_data
        if given["what"] == "amount":
            return notes.Wanted(amount_minor=given["amount_minor"])
        if given["what"] == "lines":
            lines = [
                rules.LineCredit(line_id=line_id, net_minor=given[name])
                for name, line_id in self.by_field.items()
                if given.get(name)
            ]
            return notes.Wanted(lines=lines, amount_minor=None if lines else 0)
        return notes.Wanted()

    def line_fields(self) -> list[Any]:
        """Return the fields of the lines, for the template."""
        return [self[name] for name in self.by_field]

    def clean(self) -> dict[str, Any]:
        """Ask for the amount that was left out."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("what") == "amount" and not given.get("amount_minor"):
            self.add_error("amount_minor", "Enter how much is credited.")
        if given.get("what") == "lines" and not any(given.get(name) for name in self.by_field):
            self.add_error("what", "Enter an amount for at least one line.")
        return given
