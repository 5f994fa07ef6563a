"""Asking for a restore: a second person agrees, and the runbook's command carries it out."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.models import ApprovalRequest
from accounts.permissions import Permission
from backups import queries, services
from backups.models import RestoreRequest
from core import clock
from edge.access import access
from edge.request import Request
from web.backups.ops import crumbs
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.people import effects


class RestoreForm(Form):
    """What, to when, and why."""

    kind = forms.ChoiceField(
        label="What to restore",
        choices=[
            (RestoreRequest.Kind.ORGANIZATION, "One organization, beside the others"),
            (RestoreRequest.Kind.CLUSTER, "Everything"),
        ],
        widget=forms.RadioSelect,
    )
    organization = forms.CharField(
        label="Organization", required=False, max_length=63, help_text="Its short name, if it is one."
    )
    wanted_at = forms.DateTimeField(
        label="Moment to restore, in UTC",
        required=False,
        help_text="What was done after it is lost. Leave it empty to restore everything there is.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}),
    )
    reason = forms.CharField(label="Reason", max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


@access(get=Permission.OPS_RESTORE, post=Permission.OPS_RESTORE)
def ask(request: Request) -> HttpResponse:
    """Ask a second person for a restore."""
    form = RestoreForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.ask_restore(**form.cleaned_data, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "A second person is asked. Then the runbook’s command restores.")
            return redirect("ops_backups:index")
    return answer(request, "backups/ask_restore.html", {"crumbs": crumbs()}, form=form)


def effect(asked: ApprovalRequest) -> effects.Effect:
    """Say what a restore would do."""
    found = RestoreRequest.objects.filter(approval_id=asked.pk).first()
    of_all = found is None or found.kind == RestoreRequest.Kind.CLUSTER
    what = "the whole installation" if of_all else "one organization"
    wanted = found.wanted_at if found is not None else None
    when = formats.moment_utc(wanted) if wanted is not None else "the newest moment that is stored"
    covers = queries.plan()
    return effects.Effect(
        noun=f"a restore of {what}",
        sentence=f"{what.capitalize()} is put back as it was. What was done after that moment is lost.",
        changes=[effects.Change("State of the data", "as it is", when)],
        facts=[
            ("Stored up to", formats.moment_utc(covers.stream_covers_at))
            if covers and covers.stream_covers_at
            else ("Stored up to", "the last backup"),
        ],
        approve="Agree to the restore",
    )
