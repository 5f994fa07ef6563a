"""What is typed on the pages behind a pay link: hardly anything."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from web.kit.forms import Form

WORDS_CHANGED = _("The words beside this box have changed. Read them, then pay.")


class NewLinkForm(Form):
    """Which invoice a new link is for, where the old one says nothing."""

    number = forms.CharField(
        label=_("Number of the invoice"),
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    email = forms.EmailField(
        label=_("E-mail address the invoice was sent to"),
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class PayForm(Form):
    """Whether what is paid with is kept for the next invoice, in the words beside the box and no others."""

    keep = forms.BooleanField(label=_("Keep this way to pay for the next invoice"), required=False)

    def __init__(self, *args: Any, mandate: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What is agreed to by ticking it stands beside the box.
        self.fields["keep"].help_text = mandate

    def clean(self) -> dict[str, Any]:
        """Refuse a box that was ticked beside other words."""
        cleaned = super().clean()
        if cleaned.get("keep") and self.data.get("agreed") != self.fields["keep"].help_text:
            self.add_error("keep", WORDS_CHANGED)
        return cleaned
