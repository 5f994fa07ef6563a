"""What is asked about members and roles."""

import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import validate_email

from accounts.models import Role
from accounts.permissions import Limit, Permission
from web.kit import words
from web.kit.forms import DayField, Form

_CENT = Decimal("0.01")
MOST_INVITED = 50
# Limits in money: typed in major units, kept in minor ones.
_MONEY = (Limit.REFUND_MINOR.value, Limit.WRITE_OFF_MINOR.value)


class RoleChoiceForm(Form):
    """Which role, and why: whoever has to agree reads it."""

    role = forms.ChoiceField(label="Role")
    reason = forms.CharField(
        label="Why",
        required=False,
        max_length=500,
        help_text="Needed when the role brings rights that a second person has to agree to.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, roles: Sequence[Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._roles = {role.code: role for role in roles}
        choices = [("", "Choose a role"), *((role.code, words.role_name(role)) for role in roles)]
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = choices

    @property
    def chosen(self) -> Role:
        """Return the role; call it on a valid form."""
        return self._roles[self.cleaned_data["role"]]


class InviteForm(RoleChoiceForm):
    """Whom to invite, as what and for how long."""

    email = forms.CharField(
        label="E-mail addresses",
        max_length=MOST_INVITED * 256,
        help_text=f"One a line, or with commas between; {MOST_INVITED} at most. Each gets a link of their own, "
        "which works once, within a day.",
        widget=forms.Textarea(
            attrs={"rows": 3, "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    ends_on = DayField(
        label="Access ends on",
        required=False,
        help_text="For auditors and people who help for a while.",
    )
    field_order = ("email", "role", "ends_on", "reason")

    def clean_email(self) -> list[str]:
        """Read the addresses, each once and in their order; "Ada <ada@a.example>" is the address in it."""
        found: dict[str, str] = {}
        for part in re.split(r"[\s,;]+", re.sub(r"[^,;\n<]*<([^>]*)>", r" \1 ", self.cleaned_data["email"])):
            if not part:
                continue
            try:
                validate_email(part)
            except forms.ValidationError as fault:
                raise forms.ValidationError(f"{part[:80]} is not an e-mail address.", code="email") from fault
            found.setdefault(part.casefold(), part)
        if len(found) > MOST_INVITED:
            raise forms.ValidationError(
                f"These are {len(found)} addresses. Invite {MOST_INVITED} at a time.", code="many"
            )
        if not found:
            raise forms.ValidationError("Enter at least one address.", code="none")
        return list(found.values())


def limit_fields() -> dict[str, forms.Field]:
    """Make a field for each limit."""
    return {
        Limit.REFUND_MINOR.value: forms.DecimalField(
            label=words.LIMITS[Limit.REFUND_MINOR],
            required=False,
            min_value=0,
            max_digits=12,
            decimal_places=2,
            help_text="In the payment’s own currency. Empty: a second person agrees to every refund.",
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        ),
        Limit.WRITE_OFF_MINOR.value: forms.DecimalField(
            label=words.LIMITS[Limit.WRITE_OFF_MINOR],
            required=False,
            min_value=0,
            max_digits=12,
            decimal_places=2,
            help_text="In the invoice’s own currency. Empty: a second person agrees to every write-off.",
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        ),
        Limit.EXPORT_ROWS.value: forms.IntegerField(
            label=words.LIMITS[Limit.EXPORT_ROWS],
            required=False,
            min_value=0,
            max_value=10_000_000,
            help_text="Empty: a second person agrees to every export.",
            widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        ),
    }


def limits_as_typed(limits: dict[str, int]) -> dict[str, Decimal | int]:
    """Turn stored limits into what the fields show."""
    shown: dict[str, Decimal | int] = dict(limits)
    for name in _MONEY:
        if name in shown:
            shown[name] = shown[name] * _CENT
    return shown


def limits_of(cleaned: dict[str, Any]) -> dict[str, int]:
    """Turn what was typed into limits: money in minor units, nothing where nothing was typed."""
    limits: dict[str, int] = {}
    rows = cleaned.get(Limit.EXPORT_ROWS.value)
    for name in _MONEY:
        if cleaned.get(name) is not None:
            limits[name] = int(cleaned[name] / _CENT)
    if rows is not None:
        limits[Limit.EXPORT_ROWS.value] = int(rows)
    return limits


class LimitsForm(Form):
    """How far a role goes; all that can be changed of a built-in one."""

    reason = forms.CharField(
        label="Why",
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = {**limit_fields(), **self.fields}

    @property
    def limits(self) -> dict[str, int]:
        """Return the limits; call it on a valid form."""
        return limits_of(self.cleaned_data)


class RightsForm(LimitsForm):
    """What a role may do, right by right, and how far."""

    rights = forms.MultipleChoiceField(
        label="Rights", required=False, widget=forms.CheckboxSelectMultiple, choices=()
    )

    def __init__(self, *args: Any, allowed: Collection[Permission], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["rights"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101  declared above
        field.choices = [(permission.value, words.right(permission)) for permission in sorted(allowed)]

    @property
    def ticked(self) -> frozenset[Permission]:
        """Return the rights that are ticked now, valid or not, so that the page shows what was chosen."""
        known = {permission.value for permission in Permission}
        chosen = self["rights"].value() or []
        return frozenset(Permission(code) for code in chosen if code in known)


class NewRoleForm(RightsForm):
    """A role of the organization's own."""

    label = forms.CharField(
        label="Name of the role", max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    field_order = ("label", "rights", *_MONEY, Limit.EXPORT_ROWS.value)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["reason"]


class CompareForm(Form):
    """Which two roles."""

    a = forms.ChoiceField(label="One role")
    b = forms.ChoiceField(label="The other")

    def __init__(self, *args: Any, roles: Mapping[str, Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("a", "b"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
            field.choices = [
                ("", "Choose a role"),
                *((pk, words.role_name(role)) for pk, role in roles.items()),
            ]


class DecisionForm(Form):
    """Yes or no to what somebody asked for, with a reason."""

    decision = forms.ChoiceField(
        choices=(("approve", "Approve"), ("decline", "Decline")), widget=forms.HiddenInput
    )
    note = forms.CharField(
        label="Reason",
        max_length=500,
        help_text="Whoever asked reads it, and so do auditors.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )
