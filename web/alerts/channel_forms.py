"""What is asked about a channel and about a stream: only what its kind needs."""

from typing import Any

from django import forms

from alerts.channels import rules
from alerts.streams import rules as stream_rules
from web.kit.forms import Form

SEVERITY_WORDS = {
    "critical": "Critical: somebody within 15 minutes",
    "high": "High: within the hour",
    "medium": "Medium: within the day",
    "low": "Low: within the week",
    "info": "Info: good to know",
}
ADDRESSES = {
    "mail": ("E-mail address", "Empty: everybody here who works on alerts, as people come and go."),
    "webhook": (
        "Web address",
        "https, and reachable from the internet. Something of yours that takes a POST.",
    ),
    "http": ("Web address", "https. It takes lines of JSON by POST, and answers 2xx once it has kept them."),
    "syslog": ("Collector", "Like syslog+tls://logs.example.com:6514. Never without TLS."),
}
_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


def _address(kind: str) -> forms.CharField:
    label, hint = ADDRESSES[kind]
    return forms.CharField(
        label=label,
        help_text=hint,
        required=kind != "mail",
        max_length=rules.ADDRESS_LENGTH,
        widget=forms.TextInput(attrs=_PLAIN),
    )


def _authority() -> forms.CharField:
    return forms.CharField(
        label="Certificate of your own authority",
        required=False,
        max_length=rules.CA_LENGTH,
        help_text="As PEM. Then it alone is trusted; empty: the public authorities are.",
        widget=forms.Textarea(attrs={"rows": 4, **_PLAIN}),
    )


class ChannelForm(Form):
    """Where alerts go, which, and when not."""

    severities = forms.MultipleChoiceField(
        label="Which alerts",
        choices=list(SEVERITY_WORDS.items()),
        initial=["critical", "high"],
        widget=forms.CheckboxSelectMultiple,
    )
    description = forms.CharField(
        label="What it is for",
        required=False,
        max_length=rules.DESCRIPTION_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    quiet_from = forms.TimeField(
        label="Quiet from",
        required=False,
        help_text="Like 22:00. What is critical is told at any hour.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "22:00"}),
        error_messages={"invalid": "Enter a time like 22:00."},
    )
    quiet_until = forms.TimeField(
        label="Quiet until",
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "07:00"}),
        error_messages={"invalid": "Enter a time like 07:00."},
    )
    zone = forms.CharField(
        label="Time zone",
        required=False,
        max_length=64,
        initial="UTC",
        widget=forms.TextInput(attrs=_PLAIN),
    )

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        self.kind = kind
        super().__init__(*args, **kwargs)
        fields: dict[str, forms.Field] = {"address": _address(kind)}
        fields |= {name: self.fields[name] for name in ("severities", "description")}
        if kind != "mail":
            fields["ca"] = _authority()
        fields |= {name: self.fields[name] for name in ("quiet_from", "quiet_until", "zone")}
        self.fields = fields

    def clean(self) -> dict[str, Any]:
        """Ask for both ends of the quiet hours where one is given."""
        cleaned = super().clean()
        begin, end = cleaned.get("quiet_from"), cleaned.get("quiet_until")
        if (begin is None) != (end is None) and not {"quiet_from", "quiet_until"} & self.errors.keys():
            missing = "quiet_from" if begin is None else "quiet_until"
            self.add_error(missing, "Quiet hours have both a beginning and an end, or neither.")
        return cleaned

    @property
    def chosen(self) -> dict[str, Any]:
        """Return what the service takes; call it on a valid form."""
        cleaned = self.cleaned_data
        begin, end = cleaned["quiet_from"], cleaned["quiet_until"]
        zone = cleaned["zone"].strip() or "UTC"
        return {
            "address": cleaned["address"].strip(),
            "severities": cleaned["severities"],
            "description": cleaned["description"],
            "ca": cleaned.get("ca", ""),
            "quiet": rules.Quiet(begin=begin, end=end, zone=zone) if begin is not None else None,
        }


class StreamForm(Form):
    """Where the trail is sent."""

    description = forms.CharField(
        label="What it is for",
        required=False,
        max_length=stream_rules.DESCRIPTION_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    begin = forms.ChoiceField(
        label="What is sent first",
        initial="now",
        choices=(
            ("now", "What happens from now on"),
            ("month", "The last 30 days, then what happens"),
            ("all", "Everything that is kept, then what happens"),
        ),
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, kind: str, has_secret: bool | None = None, **kwargs: Any) -> None:
        """Ask about a stream of this kind; `has_secret` is said of one that is there already."""
        self.kind, self.is_new = kind, has_secret is None
        super().__init__(*args, **kwargs)
        fields: dict[str, forms.Field] = {"address": _address(kind)}
        if kind == "http":
            kept = " Empty: the one that is kept stays." if has_secret else ""
            fields["secret"] = forms.CharField(
                label="Authorization header",
                required=False,
                max_length=stream_rules.SECRET_LENGTH,
                help_text=f"The whole value, like Bearer … or Splunk ….{kept}",
                widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
            )
        fields |= {"ca": _authority(), "description": self.fields["description"]}
        if self.is_new:
            fields["begin"] = self.fields["begin"]
        self.fields = fields

    @property
    def chosen(self) -> dict[str, Any]:
        """Return what the service takes; call it on a valid form."""
        found = {name: value.strip() for name, value in self.cleaned_data.items()}
        if not self.is_new and not found.get("secret"):
            found.pop("secret", None)
        return found
