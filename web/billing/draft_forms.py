"""What is asked about a draft: its lines, and what holds for all of them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from billing.invoices import pricing, rules
from billing.invoices.queries import LineRow
from billing.issuer import queries as issuers
from billing.tax.queries import TaxRateRow
from core import ids, money
from core.errors import NotFound
from web.billing import pasting
from web.billing.forms import DecimalText, plain
from web.kit import formats
from web.kit.forms import DayField, Form, read_amount

MOST_LINES = 100
_PLAIN = {"autocomplete": "off"}
_LINE_FIELDS = (
    "description", "quantity", "unit_amount", "tax_rate", "unit_code", "discount", "reason", "period_from",
    "period_through", "price_id", "tax_inclusive", "pick",
)  # fmt: skip


class DiscountText(forms.CharField):
    """Something off: a percentage with its sign, or an amount."""

    def clean(self, value: Any) -> Any:
        """Return a discount without its reason; None for nothing."""
        text = super().clean(value)
        if not text:
            return None
        try:
            number = read_amount(text.strip().rstrip("%\u202f\u00a0 "), decimals=3)
        except ValueError as fault:
            sentence = "Enter a percentage like 10 %, or an amount like 12.50."
            raise forms.ValidationError(sentence, code="number") from fault
        if "%" in text:
            return rules.Discount(percentage=number)
        return rules.Discount(amount=number)

    def prepare_value(self, value: Any) -> Any:
        """Show what was written."""
        return value


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
    discount = DiscountText(
        label="Discount",
        required=False,
        max_length=30,
        help_text="10 % or an amount.",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    reason = forms.CharField(
        label="Reason of the discount",
        required=False,
        max_length=rules.REASON_LENGTH,
        widget=forms.TextInput(attrs=_PLAIN),
    )
    period_from = DayField(label="For the days from", required=False)
    period_through = DayField(label="Through", required=False)
    pick = forms.CharField(
        label="From the catalogue",
        required=False,
        max_length=100,
        help_text="A product and its price. It fills in the line for the quantity that stands there.",
        widget=forms.TextInput(attrs={"list": "catalogue", "placeholder": "product/price", **_PLAIN}),
    )
    unit_code = forms.CharField(required=False, max_length=8, widget=forms.HiddenInput())
    price_id = forms.UUIDField(required=False, widget=forms.HiddenInput())
    tax_inclusive = forms.CharField(required=False, max_length=1, widget=forms.HiddenInput())

    def __init__(self, *args: Any, rates: Sequence[TaxRateRow], number: int, **kwargs: Any) -> None:
        super().__init__(*args, prefix=f"lines-{number}", auto_id="id_%s", **kwargs)
        self.number = number
        # Why nothing was taken from the catalogue.
        self.refused = str((self.initial or {}).get("refused", ""))
        field = self.fields["tax_rate"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = [
            ("", "No tax"),
            *((ids.encode("tax_rate", rate.id), _rate_words(rate)) for rate in rates),
        ]

    @property
    def has_more(self) -> bool:
        """Whether something is written where most lines have nothing."""
        return any(self[name].value() for name in ("discount", "reason", "period_from", "period_through"))

    def as_input(self, *, tax_inclusive: bool | None = None) -> rules.LineInput:
        """Return the line; call it on a valid form. None: its price has the tax inside or not as it was."""
        chosen, through = self.cleaned_data["tax_rate"], self.cleaned_data["period_through"]
        inclusive = bool(self.cleaned_data["tax_inclusive"]) if tax_inclusive is None else tax_inclusive
        return rules.LineInput(
            description=self.cleaned_data["description"],
            quantity=self.cleaned_data["quantity"],
            unit_amount=self.cleaned_data["unit_amount"],
            tax_rate_id=ids.decode("tax_rate", chosen) if chosen else None,
            unit_code=self.cleaned_data["unit_code"],
            price_id=self.cleaned_data["price_id"],
            period_from=self.cleaned_data["period_from"],
            period_to=None if through is None else through + timedelta(days=1),
            discount=with_reason(self.cleaned_data["discount"], self.cleaned_data["reason"]),
            tax_inclusive=inclusive,
        )


class DraftForm(Form):
    """A draft without its lines."""

    currency = forms.ChoiceField(label="Currency", choices=[(code, code) for code in sorted(money.EXPONENTS)])
    issued_on = DayField(
        label="Issued on",
        required=False,
        help_text="Empty: the day it is finalized.",
    )
    due_on = DayField(
        label="Due on",
        required=False,
        help_text="Empty: by your payment terms.",
    )
    tax_inclusive = forms.BooleanField(label="Prices include tax", required=False)
    discount = DiscountText(
        label="Discount on everything",
        required=False,
        max_length=30,
        help_text="10 % or an amount. It is spread over the tax rates.",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    reason = forms.CharField(
        label="Reason of the discount",
        required=False,
        max_length=rules.REASON_LENGTH,
        widget=forms.TextInput(attrs=_PLAIN),
    )
    note = forms.CharField(
        label="Note on the invoice",
        required=False,
        max_length=rules.NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, **_PLAIN}),
    )
    series = forms.ChoiceField(
        label="Number series", required=False, help_text="Gives the number when it is finalized."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = [
            row
            for row in issuers.series()
            if row.kind == "own" and row.purpose == "invoice" and row.retired_at is None
        ]
        if len(found) < 2:
            del self.fields["series"]
            return
        usual = next((row.code for row in found if row.is_usual), "")
        choices = [("", f"{usual} (usual)")]
        choices += [(ids.encode("series", row.id), row.code) for row in found if not row.is_usual]
        self.fields["series"].choices = choices  # type: ignore[attr-defined]  # a choice field

    def series_id(self) -> UUID | None:
        """Return the chosen series; None is the usual one."""
        chosen = self.cleaned_data.get("series")
        return ids.decode("series", chosen) if chosen else None


class Lines:
    """The lines of a draft as a page shows them: read from what was sent, or from what is kept."""

    def __init__(self, forms_: list[LineForm]) -> None:
        self.forms = forms_
        # What was pasted and could not become lines, and why.
        self.pasted = self.unpasted = ""

    @classmethod
    def kept(
        cls, lines: Iterable[LineRow], *, rates: Sequence[TaxRateRow], usual: UUID | None = None
    ) -> "Lines":
        """Show kept lines, and one empty one when there is none."""
        values: list[dict[str, Any]] = [
            {
                "description": line.description,
                "quantity": plain(line.quantity),
                "unit_amount": plain(line.unit_amount),
                "tax_rate": ids.encode("tax_rate", line.tax_rate_id) if line.tax_rate_id else "",
                "unit_code": line.unit_code,
                "price_id": str(line.price_id or ""),
                "tax_inclusive": "1" if line.gross_minor is not None else "",
                "period_from": line.period_from,
                "period_through": None if line.period_to is None else line.period_to - timedelta(days=1),
                **discount_words(line.adjustments[0] if line.adjustments else None),
            }
            for line in lines
            if line.kind == "item"
        ]
        return cls._shown(values or [_empty(rates, usual)], rates)

    @classmethod
    def sent(cls, data: QueryDict, *, rates: Sequence[TaxRateRow]) -> "Lines":
        """Read the lines that were sent, to be checked."""
        return cls(
            [LineForm(data, rates=rates, number=number) for number in numbers(data) if _written(data, number)]
        )

    @classmethod
    def changed(
        cls,
        data: QueryDict,
        *,
        rates: Sequence[TaxRateRow],
        add: bool,
        remove: str,
        usual: UUID | None = None,
        taxed_by: UUID | None = None,
        refused: Mapping[int, str] = MappingProxyType({}),
        paste: bool = False,
    ) -> "Lines":
        """Show the lines that were sent, unchecked: one more or less, rows pasted, or all taxed by one rate."""
        values = [
            {
                **{name: data.get(f"lines-{number}-{name}", "") for name in _LINE_FIELDS},
                "refused": refused.get(number, ""),
            }
            for number in numbers(data)
            if str(number) != remove
        ]
        if add and len(values) < MOST_LINES:
            values.append(_empty(rates, usual))
        unpasted, text = "", data.get(pasting.FIELD, "") if paste else ""
        if paste:
            values = [each for each in values if each["description"].strip() or each["unit_amount"].strip()]
            usual_rate = _empty(rates, usual)["tax_rate"]
            try:
                values += pasting.lines(text, rates=rates, usual=usual_rate, room=MOST_LINES - len(values))
                text = ""
            except pasting.Unreadable as fault:
                unpasted = str(fault)
        if taxed_by is not None:
            values = [{**each, "tax_rate": ids.encode("tax_rate", taxed_by)} for each in values]
        shown = cls._shown(values or [_empty(rates, usual)], rates)
        shown.pasted, shown.unpasted = text, unpasted
        return shown

    @classmethod
    def _shown(cls, values: Sequence[dict[str, Any]], rates: Sequence[TaxRateRow]) -> "Lines":
        return cls([LineForm(initial=each, rates=rates, number=number) for number, each in enumerate(values)])

    @property
    def count(self) -> int:
        """Return one more than the highest number in use."""
        return max((form.number for form in self.forms), default=-1) + 1

    @staticmethod
    def rates_named(data: QueryDict) -> set[UUID]:
        """Return the tax rates that sent lines name; what is no rate's name is left out."""
        named = {data.get(f"lines-{number}-tax_rate", "") for number in numbers(data)}
        found: set[UUID] = set()
        for each in named - {""}:
            with suppress(NotFound):
                found.add(ids.decode("tax_rate", each))
        return found

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

    def inputs(self, *, tax_inclusive: bool | None) -> list[rules.LineInput]:
        """Return the lines; call it when there are no faults."""
        return [form.as_input(tax_inclusive=tax_inclusive) for form in self.forms]

    def valid_inputs(self, *, tax_inclusive: bool | None) -> list[rules.LineInput]:
        """Return the lines that can be computed already, for totals while somebody types."""
        return [form.as_input(tax_inclusive=tax_inclusive) for form in self.forms if form.is_valid()]


def _empty(rates: Sequence[TaxRateRow], usual: UUID | None) -> dict[str, str]:
    chosen = _usual(rates) if usual is None else ids.encode("tax_rate", usual)
    return {"quantity": "1", "tax_rate": chosen}


def discount_words(entry: Mapping[str, Any] | None) -> dict[str, str]:
    """Write a kept discount as somebody would."""
    if entry is None:
        return {"discount": "", "reason": ""}
    asked = pricing.asked_discount(entry)
    text = (
        f"{plain(asked.percentage)} %" if asked.percentage is not None else plain(asked.amount or Decimal(0))
    )
    return {"discount": text, "reason": asked.reason}


def with_reason(discount: rules.Discount | None, reason: str) -> rules.Discount | None:
    """Return a discount with its reason; nothing stays nothing."""
    return None if discount is None else replace(discount, reason=reason)


def _usual(rates: Sequence[TaxRateRow]) -> str:
    """Return the rate a new line begins with: the only one, or the one whose code is "standard"."""
    found = [rate for rate in rates if len(rates) == 1 or rate.code == "standard"]
    return ids.encode("tax_rate", found[0].id) if found else ""


def numbers(data: QueryDict) -> range:
    """Return the numbers of the lines that were sent."""
    raw = data.get("lines", "0")
    return range(min(int(raw), MOST_LINES + 1)) if raw.isdecimal() and len(raw) <= 4 else range(0)


def _written(data: QueryDict, number: int) -> bool:
    return any(
        data.get(f"lines-{number}-{name}", "").strip() for name in ("description", "unit_amount", "pick")
    )


def _rate_words(rate: TaxRateRow) -> str:
    return f"{formats.number(rate.percentage)}\u202f% {rate.name}" if rate.percentage else rate.name
