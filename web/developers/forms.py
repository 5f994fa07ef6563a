"""What is asked about a key."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django import forms

from accounts.permissions import Permission
from web.kit import words
from web.kit.forms import Form
from web.people.forms import limit_fields, limits_of

_LIVES = (("30", "30 days"), ("90", "90 days"), ("180", "180 days"), ("365", "One year"))
_OVERLAPS = (("0", "At once"), ("1", "After one day"), ("7", "After seven days"))


class KeyForm(Form):
    """A new key: what it is for, what it may do, from where, how far and how long."""

    name = forms.CharField(
        label="Name",
        max_length=60,
        help_text="What uses it, such as “Warehouse” or “Web shop”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        widget=forms.CheckboxSelectMultiple,
        choices=(),
        error_messages={"required": "Choose at least one thing that the key may do."},
    )
    days = forms.ChoiceField(label="Stops after", choices=_LIVES, initial="90")
    networks = forms.CharField(
        label="Networks it may be used from",
        required=False,
        max_length=2_000,
        help_text="One a line, such as 192.0.2.0/24. Empty: from anywhere.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("name", "scopes", "days", "networks")

    def __init__(self, *args: Any, allowed: Collection[Permission], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(limit_fields())
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101  declared above
        field.choices = [(permission.value, words.right(permission)) for permission in sorted(allowed)]

    @property
    def ticked(self) -> frozenset[Permission]:
        """Return the scopes that are ticked now, valid or not."""
        known = {permission.value for permission in Permission}
        return frozenset(Permission(code) for code in self["scopes"].value() or [] if code in known)

    @property
    def life(self) -> timedelta:
        """Return how long the key lives; call it on a valid form."""
        return timedelta(days=int(self.cleaned_data["days"]))

    @property
    def lines(self) -> list[str]:
        """Return the networks; call it on a valid form."""
        return [line.strip() for line in self.cleaned_data["networks"].splitlines() if line.strip()]

    @property
    def limits(self) -> dict[str, int]:
        """Return the limits; call it on a valid form."""
        return limits_of(self.cleaned_data)


class RotateForm(Form):
    """When the old key stops."""

    days = forms.ChoiceField(
        label="The old key stops", choices=_OVERLAPS, initial="1", widget=forms.RadioSelect
    )

    @property
    def overlap(self) -> timedelta:
        """Return how long both work; call it on a valid form."""
        return timedelta(days=int(self.cleaned_data["days"]))
