"""What the entrance asks for. Passwords and codes are never shown again."""

from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts import rules
from web.kit.forms import Form

_CREDENTIAL_LENGTH = 20_000  # a credential is about 1 kB; attestation "none" keeps it small


def new_password(label: object = _("Password")) -> forms.CharField:
    """Make a field for a password that is being chosen."""
    return forms.CharField(
        label=label,  # type: ignore[arg-type]  # a promise of a text
        strip=False,
        max_length=4 * rules.PASSWORD_MAX,
        help_text=format_lazy(
            _("At least {least} characters. A sentence that only you know is good."), least=rules.PASSWORD_MIN
        ),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
    )


def _name(autocomplete: str) -> forms.TextInput:
    """Ask for the address that names an account: a name is filled into a field of text (WCAG 1.3.5, technique H98)."""
    keys = {"inputmode": "email", "autocapitalize": "none", "spellcheck": "false"}
    return forms.TextInput(attrs={"autocomplete": autocomplete, **keys})


class PasswordForm(Form):
    """The first step of signing in."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=_name("username webauthn"),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=4 * rules.PASSWORD_MAX,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "spellcheck": "false"}),
    )


class CodeForm(Form):
    """Six digits of an authenticator."""

    code = forms.CharField(
        label=_("Code from your authenticator"),
        max_length=12,
        help_text=_("Six digits, new every 30 seconds."),
    )


class RecoveryCodeForm(Form):
    """One of ten codes kept for this day."""

    code = forms.CharField(
        label=_("Recovery code"),
        max_length=64,
        help_text=_("Six groups of four letters and digits. Each code works once."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


class PasskeyForm(Form):
    """What the browser signed with a passkey; a script fills it in."""

    secret_fields = ("credential",)

    credential = forms.CharField(
        max_length=_CREDENTIAL_LENGTH,
        widget=forms.HiddenInput,
        error_messages={"required": _("Nothing was confirmed. Try again, or use another way.")},
    )


class NewPasskeyForm(PasskeyForm):
    """A passkey that the browser made, and a name by which its owner knows it."""

    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        required=False,
        help_text=_("Where it lives, such as “Work laptop”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class EmailForm(Form):
    """Where to send a link."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=_name("username"),
    )


class NewPasswordForm(Form):
    """A new password, typed once: it can be seen on request by every browser, and set again."""

    new_password = new_password(_("New password"))


class JoinForm(Form):
    """A person who is new here."""

    name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = new_password()


class ChoiceForm(forms.Form):
    """Which organization to open."""

    organization = forms.SlugField(max_length=63)

    def chosen(self) -> str:
        """Return the slug, or nothing."""
        cleaned: dict[str, Any] = self.cleaned_data if self.is_valid() else {}
        return str(cleaned.get("organization", ""))
