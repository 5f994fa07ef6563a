"""Which mails a person gets from us, and which of them they can do without."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.services import preferences
from core import clock
from edge.access import Own, access
from edge.request import Request
from web.forms import answer, attempting
from web.kit.forms import Form
from web.signin.factor import session_of

_THEIRS = Own(reason="Which mails they get is the person's own.")
_CHOICES = (
    ("webhook_disabled", "A webhook endpoint was switched off because nobody answered"),
    ("training_late", "People whose training you look after are late"),
)
# What nobody is spared: it protects them, or tells of something that is theirs to do.
ALWAYS = (
    ("Your sign-in", "A new place, a sign-in that was not finished, a factor or password that was changed"),
    ("Invitations and ways back in", "Somebody invites you, or you ask for a new password"),
    ("Your own training", "It is due or late"),
    ("Alerts nobody else could be told of", "A critical or high alert whose channels do not answer"),
)


class MailsForm(Form):
    """The mails that may be spared; ticked is wanted."""

    mails = forms.MultipleChoiceField(
        label="Mails you can do without",
        required=False,
        choices=_CHOICES,
        widget=forms.CheckboxSelectMultiple,
        help_text="Ticked ones are sent, where your role in an organization has to do with them.",
    )


@access(get=_THEIRS, post=_THEIRS)
def index(request: Request) -> HttpResponse:
    """Show which mails one gets, and choose."""
    person = session_of(request).user
    wanted = [code for code in preferences.SPARED if code not in person.muted_mails]
    form = MailsForm(request.POST if request.method == "POST" else None, initial={"mails": wanted})
    if request.method == "POST" and form.is_valid():
        muted = [code for code in preferences.SPARED if code not in form.cleaned_data["mails"]]
        with attempting(request, form):
            preferences.mute(user=person, mails=muted, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "Your choice is saved.")
            return redirect("me:notifications")
    context = {"email": person.email, "always": ALWAYS}
    return answer(request, "me/notifications.html", context, form=form)
