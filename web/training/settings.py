"""How an organization asks for training."""

from dataclasses import asdict

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.permissions import Permission
from accounts.withholding import SENSITIVE
from core import clock
from edge.access import access
from edge.request import Request
from training import catalog
from training.services import policies
from web.forms import answer, attempting
from web.kit import words
from web.training import shared
from web.training.forms import PolicyForm


@access(get=Permission.TRAINING_MANAGE, post=Permission.TRAINING_MANAGE)
def index(request: Request, slug: str) -> HttpResponse:
    """Show and change the days, and whether rights wait."""
    form = PolicyForm(request.POST if request.method == "POST" else None, initial=asdict(catalog.policy()))
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            policies.set_policy(
                **form.cleaned_data, actor=request.actor, at=clock.now(), today=shared.today()
            )
        if not form.errors:
            messages.success(request, "It is kept, and holds from now on.")
            return redirect("training:settings", slug)
    context = {
        "waits": words.summary(SENSITIVE),
        "tabs": shared.tabs(request, slug, "settings"),
    }
    return answer(request, "training/settings.html", context, form=form)
