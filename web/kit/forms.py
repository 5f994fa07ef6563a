"""Forms in the product's words; a card number is refused in every free text (PCI DSS 3.3, SAQ A)."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core import cardnumbers, characters, money
from core import days as core_days

CARD_NUMBER = gettext_noop("This looks like a card number. It was not stored; leave it out.")
# Grouping by point, space or apostrophe with a decimal comma, or by comma with a decimal point.
_COMMA_DECIMAL = re.compile(r"[+-]?\d{1,3}(?:[.\s']\d{3})*(?:,\d+)?\Z|[+-]?\d+(?:,\d+)?\Z")
_POINT_DECIMAL = re.compile(r"[+-]?\d{1,3}(?:[,\s']\d{3})*(?:\.\d+)?\Z|[+-]?\d+(?:\.\d+)?\Z")
# "1,234" is one thousand or one and a bit: nobody can tell, so nobody guesses. "1.234" of a currency with three
# decimals is what our own pages print and prefill.
_AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}\Z")


def read_amount(text: str, *, decimals: int = 2) -> Decimal:
    """Read an amount as people write it, "1.234,56" or "1,234.56".

    Raises:
        ValueError: it is no amount, or it can be read in two ways.
    """
    plain = text.strip().replace("\N{MINUS SIGN}", "-").replace("\u202f", " ").replace("\u00a0", " ")
    if _AMBIGUOUS.match(plain):
        if decimals == 3 and "," in plain:
            raise ValueError("ambiguous")
        if decimals == 3:
            return Decimal(plain)
        return Decimal(plain.replace(".", "").replace(",", ""))
    if _POINT_DECIMAL.match(plain):
        return Decimal(re.sub(r"[,\s']", "", plain))
    if _COMMA_DECIMAL.match(plain):
        return Decimal(re.sub(r"[.\s']", "", plain).replace(",", "."))
    raise ValueError("not an amount")


# Read in every language: "2026-08-14", "14.08.2026", "14 Aug 2026", "14 August 2026".
_EVERYWHERE = ("%Y-%m-%d", "%d.%m.%Y", "%d %b %Y", "%d %B %Y")


class AmountField(forms.CharField):
    """An amount in major units as people write it, cleaned to whole minor units of `currency`."""

    def __init__(self, *, currency: str = "EUR", positive: bool = True, **kwargs: Any) -> None:
        self.currency, self.positive = currency, positive
        super().__init__(max_length=30, **kwargs)

    def clean(self, value: Any) -> Any:
        """Return minor units; None for nothing."""
        text = super().clean(value)
        if not text:
            return None
        try:
            decimals = money.exponent(self.currency)
            minor = money.exact_minor(read_amount(text, decimals=decimals), self.currency)
        except (ValueError, money.AmountTooPrecise, money.AmountTooLarge) as fault:
            examples = {0: _("1,234"), 3: _("1,234.567")}
            sentence = _("Enter an amount in %(currency)s, like %(example)s.") % {
                "currency": self.currency,
                "example": examples.get(money.exponent(self.currency), _("1,234.56")),
            }
            raise forms.ValidationError(sentence, code="amount") from fault
        if self.positive and minor <= 0:
            raise forms.ValidationError(_("Enter an amount above zero."), code="amount")
        return minor


def _words(field: forms.Field, label: str) -> dict[str, str]:
    """Say what to do, never what the person did wrong."""
    named = {"label": label}
    small = label[:1].lower() + label[1:] if label[1:2].islower() or label[1:2] in (" ", "-") else label
    thing = small if small.startswith(("your ", "the ", "a ")) else f"the {small}"
    if isinstance(field, forms.FileField):
        return {"required": f"Choose a file for {thing}.", "empty": _("The file is empty. Choose another.")}
    if isinstance(field, forms.BooleanField):
        return {"required": _("Tick “%(label)s” to go on.") % named}
    if isinstance(field, forms.ChoiceField | forms.ModelChoiceField):
        return {
            "required": _("Choose one answer under “%(label)s”.") % named,
            "invalid_choice": _("Choose an answer that is offered under “%(label)s”.") % named,
        }
    # A label that is a question is answered, not entered.
    words = {"required": _enter(label, thing)}
    if isinstance(field, forms.EmailField):
        words["invalid"] = _("Enter an e-mail address like name@example.com.")
    if isinstance(field, forms.DateField | forms.DateTimeField):
        words["invalid"] = _("Enter a day that exists, like 2026-08-14.")
    if isinstance(field, forms.IntegerField | forms.DecimalField):
        words["invalid"] = (
            f"Enter {thing} in digits." if _in_english() else _("Fill in “%(label)s” in digits.") % named
        )
    return words


def _in_english() -> bool:
    return (translation.get_language() or "en").startswith("en")


def _enter(label: str, thing: str) -> str:
    if label.endswith("?"):
        return _("Answer “%(label)s”.") % {"label": label}
    # Only English can make a sentence of any label; other languages name the field.
    return f"Enter {thing}." if _in_english() else _("Fill in “%(label)s”.") % {"label": label}


def _django_words(field: forms.Field) -> dict[str, Any]:
    words: dict[str, Any] = {}
    for ancestor in reversed(type(field).__mro__):
        words.update(ancestor.__dict__.get("default_error_messages", {}))
    return words


class DayField(forms.DateField):
    """A day that somebody's business can lie on: years far away end the calendar in the middle of a sum.

    It is read as the reader's language writes it, and also as its neighbours do; a browser's calendar takes and gives
    ISO 8601 alone.
    """

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "autocomplete": "off"})

    def to_python(self, value: Any) -> Any:
        """Read a day, in the reader's way or in one that is read everywhere."""
        try:
            return super().to_python(value)
        except forms.ValidationError:
            for written in _EVERYWHERE:
                with suppress(ValueError):
                    return datetime.strptime(str(value).strip(), written).replace(tzinfo=UTC).date()
            raise

    def clean(self, value: Any) -> Any:
        """Return the day; None for nothing."""
        day = super().clean(value)
        if day is not None and not core_days.FIRST <= day <= core_days.LAST:
            raise forms.ValidationError(_(core_days.SENTENCE), code="day")
        return day


class Form(forms.Form):
    """The form every page derives from."""

    # Passwords and codes are secrets: nothing looks into them, and they are never stored as typed.
    secret_fields: tuple[str, ...] = ("password", "new_password", "current_password", "code", "recovery_code")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            label = str(field.label or name.replace("_", " ").capitalize())
            for code, sentence in _words(field, label).items():
                if field.error_messages.get(code) == _django_words(field).get(code):
                    field.error_messages[code] = sentence

    def clean(self) -> dict[str, Any]:
        """Refuse a card number, and characters that turn the writing, in any free text, naming the field."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name, value in list(cleaned.items()):
            if not isinstance(value, str) or name in self.secret_fields:
                continue
            if not characters.are_kept(value):
                self.add_error(name, forms.ValidationError(_(characters.SENTENCE), code=characters.CODE))
            if cardnumbers.contains_card_number(value):
                self.add_error(name, forms.ValidationError(_(CARD_NUMBER), code="card_number"))
                # What was typed is not shown again either: the page would carry it back.
                self.data = self._without(self.add_prefix(name))
        return cleaned

    def _without(self, key: str) -> QueryDict:
        typed = QueryDict(mutable=True)
        for name in self.data:
            values = self.data.getlist(name) if isinstance(self.data, QueryDict) else [self.data[name]]
            typed.setlist(name, [""] if name == key else values)
        return typed
