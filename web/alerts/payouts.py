"""The switch that lets no money out: turned by hand or by an alert, turned back by a person who says why."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from core import clock, ids
from edge.access import access
from edge.request import Request
from payments.services import holds
from web.forms import answer, attempting
from web.kit.forms import Form
from web.kit.parts import Crumb


class HoldForm(Form):
    """Why the switch is turned."""

    reason = forms.CharField(
        label="Why?", max_length=500, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


@access(get=Permission.ALERT_CONTAIN, post=Permission.ALERT_CONTAIN)
def index(request: Request, slug: str) -> HttpResponse:
    """Hold payouts, or let them go."""
    form = HoldForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        is_release = request.POST.get("turn") == "release"
        turn = holds.release if is_release else holds.hold
        with attempting(request, form):
            turn(reason=form.cleaned_data["reason"], actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "Payouts go again." if is_release else "Payouts are held.")
            return redirect("alerts:payouts", slug)
    standing = holds.standing()
    names = people.names_of({standing.turned_by} if standing and standing.turned_by else set())
    by_alert = standing is not None and standing.alert_id is not None
    context = {
        "held": standing is not None and standing.held,
        "standing": standing,
        "who": names.get(standing.turned_by, "") if standing and standing.turned_by else "",
        "alert_url": reverse("alerts:alert", args=[slug, ids.encode("alert", standing.alert_id)])
        if by_alert and standing is not None and standing.alert_id is not None
        else "",
        "crumbs": [Crumb("Alerts", reverse("alerts:alerts", args=[slug]))],
    }
    return answer(request, "alerts/payouts.html", context, form=form)
