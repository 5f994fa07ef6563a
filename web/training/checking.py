"""A certificate checked by its code, by anybody it was shown to.

Promise kept: the code is the proof, and whoever has it has the certificate; what the page says beyond the paper is
only whether it is genuine and still counts. A wrong code is answered alike, whatever is wrong with it.
"""

from django.http import HttpResponse
from django.shortcuts import redirect, render

from core.errors import NotFound
from edge import links as doors
from edge import recording, throttle
from edge.access import Public, access
from edge.request import Request
from tenancy import context
from training import certificates, events
from training.certificates import CodeUnknown
from web.forms import answer
from web.training import shared
from web.training.forms import CodeForm

CODE = Public(reason="Whoever was shown a certificate may see whether it is genuine; its code is the proof.")


@access(get=CODE, post=CODE)
def ask(request: Request) -> HttpResponse:
    """Ask for a code."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        code = certificates.plain(form.cleaned_data["certificate"])
        return redirect("certificates:show", code or "0")
    return answer(request, "training/check.html", {}, form=form)


@access(get=CODE)
def show(request: Request, code: str) -> HttpResponse:
    """Say whether a code stands on a certificate."""
    throttle.take(name=f"certificate:{request.network}", limit=throttle.API_STRANGER)
    try:
        doors.enter(request, certificates.tenant_of(code))
        with context.attempt():
            found = certificates.verify(code)
    except (CodeUnknown, NotFound) as refusal:
        request.refusal = refusal
        return render(request, "training/checked.html", {"certificate": None}, status=refusal.status)
    recording.read(
        request, events.CERTIFICATE_VERIFIED, subject=("certificate", found.id), fields=["user.name"]
    )
    shown = {"certificate": found, "valid": found.valid_until >= shared.today()}
    return render(request, "training/checked.html", shown)
