"""Who somebody is to their colleagues, and how they want their pages."""

from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.models import User
from accounts.services import preferences
from core import clock
from edge.access import Own, access
from edge.request import Request
from web.forms import answer, attempting
from web.kit.forms import Form
from web.signin.factor import session_of

_THEIRS = Own(reason="Their name and how they want their pages are the person's own.")


class ProfileForm(Form):
    """Their name, and how pages look and act."""

    name = forms.CharField(
        label="Name",
        max_length=120,
        help_text="Colleagues see it beside what you do.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    language = forms.ChoiceField(
        label="Language",
        required=False,
        choices=[("", "As the browser says"), ("en", "English"), ("de", "Deutsch")],
        help_text="For sign-in, payment and customer pages. Staff pages are in English.",
    )
    time_zone = forms.ChoiceField(
        label="Time zone",
        required=False,
        choices=[("", "UTC"), *((name, name.replace("_", " ")) for name in sorted(available_timezones()))],
        help_text="For times on pages. Days of invoices and payments are the organization’s.",
    )
    theme = forms.ChoiceField(
        label="Theme",
        required=False,
        choices=[("", "As the device says"), ("light", "Light"), ("dark", "Dark")],
        widget=forms.RadioSelect,
    )
    single_keys = forms.BooleanField(
        label="Shortcuts of a single key",
        required=False,
        help_text="Such as J for the next row. Ctrl or ⌘ with K, Enter or S act in either case.",
    )


@access(get=_THEIRS, post=_THEIRS)
def index(request: Request) -> HttpResponse:
    """Show and change a person's profile."""
    person = session_of(request).user
    form = ProfileForm(request.POST if request.method == "POST" else None, initial=_initial(person))
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            preferences.set_profile(user=person, actor=request.actor, at=clock.now(), **form.cleaned_data)
        if not form.errors:
            messages.success(request, "Your profile is saved.")
            return redirect("me:profile")
    return answer(request, "me/profile.html", {"email": person.email}, form=form)


def _initial(person: User) -> dict[str, object]:
    return {
        "name": person.name or "",
        "language": person.language,
        "time_zone": person.time_zone,
        "theme": person.theme,
        "single_keys": person.single_keys,
    }
