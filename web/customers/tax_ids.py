"""What the tax authorities said about a customer's tax id, and asking them now."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.permissions import Permission
from billing.taxids import rules, services
from core import clock
from edge.access import access
from edge.request import Request
from web.billing.customer import context_of
from web.billing.customers import opened
from web.forms import answer, attempting
from web.kit.forms import Form

_FAULTS = {
    "ms_unavailable": "The register of that country was not available.",
    "service_unavailable": "The register was not available.",
    "timeout": "The register took too long.",
    "no_answer": "The register did not answer.",
    "host_unknown": "The register could not be reached.",
    "not_configured": "This installation asks no register.",
}


@access(get=Permission.CUSTOMER_READ, post=Permission.CUSTOMER_WRITE)
def index(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show the answers there were, and ask once more."""
    found = opened(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.ask(customer_id=found.id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "The authorities are being asked. Their answer will stand here.")
            return redirect("customers:tax_id", slug, pk)
    verdict = rules.judge(found.tax_id) if found.tax_id else None
    context = {
        **context_of(request, slug, pk, found, "tax_id"),
        "checks": [
            {"check": each, "fault": _FAULTS.get(each.fault, each.fault.replace("_", " ").capitalize())}
            for each in services.checks(found.id)
        ],
        "in_vies": verdict is not None and verdict.in_vies,
        "is_known": verdict is not None,
        "may_ask": Permission.CUSTOMER_WRITE in request.permissions and not found.is_erased,
    }
    return answer(request, "customers/tax_id.html", context, form=form)
