"""What is typed on the pages behind a pay link: hardly anything."""

from typing import Any

from django import forms

from web.kit.forms import Form


class NewLinkForm(Form):
    """Which invoice a new link is for, where the old one says nothing."""

    number = forms.CharField(
        label="Number of the invoice",
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    email = forms.EmailField(
        label="E-mail address the invoice was sent to",
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class PayForm(Form):
    """Whether the card is kept for the next invoice."""

    keep = forms.BooleanField(label="Keep this way to pay for the next invoice", required=False)

    def __init__(self, *args: Any, mandate: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What is agreed to by ticking it stands beside the box.
        self.fields["keep"].help_text = mandate
