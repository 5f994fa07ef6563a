"""What a person changes of their own sign-in."""

from django import forms

from web.kit.forms import Form
from web.signin.forms import new_password


class NameForm(Form):
    """What a passkey is called."""

    name = forms.CharField(
        label="Name",
        max_length=60,
        help_text="Where it lives, such as “Work laptop”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class PasswordChangeForm(Form):
    """A new password. That it is them is proved by the second factor, minutes ago at most."""

    new_password = new_password("New password")
