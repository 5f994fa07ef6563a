"""A customer's own data: what is asked about it, until when it is answered, and the file of everything."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from accounts.permissions import Permission
from compliance import events
from compliance.requests import queries, rules, services
from compliance.requests.models import PrivacyRequest
from compliance.requests.words import Asked
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.forms import attempting
from web.kit import formats
from web.kit.forms import Form
from web.portal import frame
from web.privacy import answering, shown

# The same six rights, said to whoever has them.
_KINDS = {
    PrivacyRequest.Kind.ACCESS: gettext_lazy("A copy of my data"),
    PrivacyRequest.Kind.PORTABILITY: gettext_lazy("My data for another provider"),
    PrivacyRequest.Kind.RECTIFICATION: gettext_lazy("A correction"),
    PrivacyRequest.Kind.ERASURE: gettext_lazy("Erasure"),
    PrivacyRequest.Kind.RESTRICTION: gettext_lazy("That my data is not used for now"),
    PrivacyRequest.Kind.OBJECTION: gettext_lazy("I object to how my data is used"),
}


class AskForm(Form):
    """What somebody asks about their own data."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What do you ask for?"),
        choices=[(kind.value, words) for kind, words in _KINDS.items()],
        widget=forms.RadioSelect,
    )
    words = forms.CharField(
        label=gettext_lazy("Anything we should know"),
        max_length=rules.WORDS_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
    )


@access(get=Permission.PORTAL_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show what was asked."""
    customer_id, at = frame.customer_of(request), clock.now()
    found, _ = queries.page(customer_id=customer_id)
    recording.read(request, events.REQUEST_READ, subjects=[row.pk for row in found])
    context = {
        "rows": [
            {
                "row": shown.row(row, slug=slug, today=at.date()),
                "kind": _KINDS[PrivacyRequest.Kind(row.kind)],
                "file_url": reverse("portal:privacy_file", args=[slug, ids.encode("privacy_request", row.pk)])
                if row.state == PrivacyRequest.State.ANSWERED
                and row.file_id is not None
                and row.kind in rules.WITH_FILE
                else "",
                "withdraw_url": reverse(
                    "portal:withdraw_privacy", args=[slug, ids.encode("privacy_request", row.pk)]
                )
                if row.by_portal and row.state in rules.OPEN
                else "",
                "answer": "" if row.answer is None else str(row.answer),
                "refusal": gettext(shown.REFUSALS[row.refusal]) if row.refusal in shown.REFUSALS else "",
            }
            for row in found
        ]
    }
    return frame.show(request, "portal/privacy.html", context)


@access(get=Permission.PORTAL_PAY, post=Permission.PORTAL_PAY)
def ask(request: Request, slug: str) -> HttpResponse:
    """Ask about one's own data; whoever is signed in here with a second factor has shown who they are."""
    customer_id = frame.customer_of(request)
    form = AskForm(request.POST if request.method == "POST" else None, initial={"kind": "access"})
    request.recorded = True
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            made = services.open_request(
                asked=Asked(customer_id=customer_id, **form.cleaned_data),
                actor=request.actor,
                at=clock.now(),
                by_portal=True,
            )
        if not form.errors:
            messages.success(
                request,
                gettext("You get an answer by %(day)s at the latest.") % {"day": formats.day(made.due_on)},
            )
            return redirect("portal:privacy", slug)
    return frame.show(
        request, "portal/privacy_ask.html", {"back_url": reverse("portal:privacy", args=[slug])}, form=form
    )


@access(get=Permission.PORTAL_READ)
def fetch(request: Request, slug: str, pk: str) -> HttpResponse:
    """Hand out the file of everything, once it was answered."""
    file, pieces = services.file_of(
        request_id=ids.decode("privacy_request", pk),
        actor=request.actor,
        at=clock.now(),
        customer_id=frame.customer_of(request),
    )
    return answering.handed_out(request, file, pieces)


@access(post=Permission.PORTAL_PAY)
def withdraw(request: Request, slug: str, pk: str) -> HttpResponse:
    """Take a request back."""
    services.withdraw(
        request_id=ids.decode("privacy_request", pk),
        actor=request.actor,
        at=clock.now(),
        customer_id=frame.customer_of(request),
    )
    messages.success(request, gettext("Taken back."))
    return redirect("portal:privacy", slug)
