"""What is asked about a webhook."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms

from outbound.webhooks import rules
from web.kit.forms import Form

OVERLAPS = (("0", "At once"), ("1", "After one hour"), ("24", "After one day"), ("48", "After two days"))
SPANS = {"1": "The last hour", "24": "The last 24 hours", "168": "The last 7 days", "720": "The last 30 days"}
_CHOOSABLE = sorted(rules.TYPES.keys() - {rules.PING})
_NOUNS = {"payment_method": "Ways to pay"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One type of event."""

    code: str
    sentence: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The events about one noun."""

    noun: str
    events: list[Choice]


class EndpointForm(Form):
    """Where events are told, and which."""

    url = forms.CharField(
        label="Web address",
        max_length=rules.URL_LENGTH,
        help_text="https, and reachable from the internet. Something of yours that takes a POST.",
        widget=forms.URLInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "https://example.com/hooks"}
        ),
    )
    description = forms.CharField(
        label="What it is for",
        required=False,
        max_length=rules.DESCRIPTION_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    which = forms.ChoiceField(
        label="What it is told",
        choices=(("all", "Everything, also what is added later"), ("some", "Only what is ticked below")),
        initial="all",
        widget=forms.RadioSelect,
    )
    types = forms.MultipleChoiceField(
        label="Events",
        required=False,
        choices=[(code, code) for code in _CHOOSABLE],
        widget=forms.CheckboxSelectMultiple,
    )

    def clean(self) -> dict[str, Any]:
        """Ask for at least one event where only some are wanted."""
        cleaned = super().clean()
        if cleaned.get("which") == "some" and not cleaned.get("types") and "types" not in self.errors:
            self.add_error("types", "Tick at least one event, or choose everything.")
        return cleaned

    @property
    def chosen(self) -> dict[str, Any]:
        """Return what the service takes; call it on a valid form."""
        cleaned = self.cleaned_data
        return {
            "url": cleaned["url"],
            "description": cleaned["description"],
            "types": cleaned["types"] if cleaned["which"] == "some" else [],
        }

    @property
    def groups(self) -> list[Group]:
        """Return the events by noun, those ticked now marked."""
        ticked = set(self["types"].value() or [])
        found: dict[str, list[Choice]] = {}
        for code in _CHOOSABLE:
            noun = code.partition(".")[0]
            label = _NOUNS.get(noun) or f"{noun.capitalize()}s"
            found.setdefault(label, []).append(Choice(code, rules.TYPES[code], code in ticked))
        return [Group(noun, events) for noun, events in found.items()]


class RotateForm(Form):
    """When the old secret stops signing."""

    hours = forms.ChoiceField(
        label="The old secret stops signing", choices=OVERLAPS, initial="24", widget=forms.RadioSelect
    )

    @property
    def overlap(self) -> timedelta:
        """Return how long both sign; call it on a valid form."""
        return timedelta(hours=int(self.cleaned_data["hours"]))


class ReplayForm(Form):
    """From when on."""

    hours = forms.ChoiceField(label="What was missed in", widget=forms.RadioSelect, initial="720")

    def __init__(self, *args: Any, missed: dict[str, int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["hours"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = [
            (hours, f"{label}: {'nothing' if not missed[hours] else missed[hours]}")
            for hours, label in SPANS.items()
        ]

    @property
    def span(self) -> timedelta:
        """Return how far back; call it on a valid form."""
        return timedelta(hours=int(self.cleaned_data["hours"]))


class TesterForm(Form):
    """What a receiver has in hand."""

    # The body must stay as it was typed, and nothing of it is kept.
    secret_fields = (*Form.secret_fields, "body", "signature")
    message_id = forms.CharField(
        label="webhook-id",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    timestamp = forms.CharField(
        label="webhook-timestamp",
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    signature = forms.CharField(
        label="webhook-signature",
        max_length=1_000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    body = forms.CharField(
        label="Body",
        max_length=64_000,
        strip=False,
        help_text="The raw bytes as they came, before anything parsed them.",
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}),
    )
