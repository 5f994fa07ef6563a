"""What a person changes of their own sign-in."""

from django import forms

from accounts import rules
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
    """A new password, from who knows the current one and has just used a second factor (ASVS 6.2.3)."""

    current_password = forms.CharField(
        label="Current password",
        strip=False,
        max_length=4 * rules.PASSWORD_MAX,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new_password = new_password("New password")
