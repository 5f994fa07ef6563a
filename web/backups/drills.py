"""Restore drills: asking for one, its signed result as a page, as JSON and as PDF."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from accounts import queries as people
from accounts.permissions import Permission
from backups import events, queries, tasks, work
from backups.drills import results
from backups.models import Drill
from backups.places import BackupsNotConfigured
from billing.documents import pdf
from core import canonical, clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.backups.ops import crumbs
from web.backups.words import CHECKS, CODES
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.pay.page import as_file


class DrillForm(Form):
    """To which moment."""

    wanted_at = forms.DateTimeField(
        label="Moment to restore, in UTC",
        required=False,
        help_text="Leave it empty to restore everything there is.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}),
    )


@access(get=Permission.OPS_BACKUPS, post=Permission.OPS_BACKUPS)
def ask(request: Request) -> HttpResponse:
    """Run a drill now."""
    form = DrillForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            if form.cleaned_data["wanted_at"]:
                queries.for_time(form.cleaned_data["wanted_at"])
            job = work.ask(
                kind=work.DRILL,
                wanted=form.cleaned_data["wanted_at"],
                actor=request.actor,
                at=clock.now(),
                send=tasks.send,
            )
        if not form.errors:
            messages.success(request, "The drill is queued.")
            return redirect("console:job", "operator", ids.encode("job", job.pk))
    return answer(request, "backups/ask_drill.html", {"crumbs": crumbs()}, form=form)


@access(get=Permission.OPS_BACKUPS, post=Permission.OPS_BACKUPS)
def detail(request: Request, pk: str) -> HttpResponse:
    """Show what a drill found, whether the result is what was signed, and let a person sign for it."""
    found, form = _find(request, pk), Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            results.sign_for(drill_id=found.pk, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "You have signed for this drill.")
            return redirect("ops_backups:drill", pk)
    genuine, signed = _genuine(found), _signed_for(found)
    context = {
        "drill": found,
        "pk": pk,
        "checks": _checks(found),
        "genuine": genuine,
        "signed_for": signed,
        "may_sign": signed is None and found.state == Drill.State.PASSED and genuine,
        "fault": CODES.get(found.code, found.code.replace("_", " ")),
        "rto": formats.duration(found.rto_milliseconds / 1000),
        "rpo": formats.duration(found.rpo_milliseconds / 1000),
        "newest": _newest(found),
        # One that a dead worker left, or a restore brought back, has ended without a result.
        "is_signed": bool(found.signature),
        "is_over": found.finished_at is not None,
        "crumbs": crumbs(),
    }
    return answer(request, "backups/drill.html", context, form=form)


def _find(request: Request, pk: str) -> Drill:
    found = queries.drill(ids.decode("restore_drill", pk))
    recording.read(request, events.BACKUPS_READ, subject=("restore_drill", found.pk))
    return found


def _signed_for(found: Drill) -> tuple[str, datetime] | None:
    """Return who signed for a drill, and when."""
    event = results.signed_for(found)
    if event is None or event.actor_id is None:
        return None
    names = people.names_of([event.actor_id])
    return names.get(event.actor_id, "Somebody who left"), event.at


def _genuine(found: Drill) -> bool | None:
    """Tell whether the signature holds; None where this process was not told whom to trust."""
    try:
        return results.is_genuine(found)
    except BackupsNotConfigured:
        return None


def _checks(found: Drill) -> list[dict[str, Any]]:
    return [
        {
            "name": CHECKS.get(step.name, (step.name, ""))[0],
            "what": CHECKS.get(step.name, ("", ""))[1],
            "state": "ok" if step.is_ok else "bad",
            "took": formats.duration(step.milliseconds / 1000),
            "counts": ", ".join(
                f"{name.replace('_', ' ')} {formats.number(value)}"
                for name, value in sorted(step.counts.items())
            ),
            "fault": CODES.get(step.code, step.code.replace("_", " ")),
        }
        for step in queries.steps(found.pk)
    ]


@access(get=Permission.OPS_BACKUPS)
def as_json(request: Request, pk: str) -> HttpResponse:
    """Hand out the result as it was signed, with the signature."""
    found = _find(request, pk)
    body = canonical.dumps({"result": found.result, "signature": found.signature})
    name = f'attachment; filename="restore-drill-{pk}.json"'
    return HttpResponse(body, content_type="application/json", headers={"Content-Disposition": name})


@access(get=Permission.OPS_BACKUPS)
def as_pdf(request: Request, pk: str) -> HttpResponseBase:
    """Hand out the result as PDF, set once the transaction has ended."""
    found = _find(request, pk)
    document = _document(found, pk)
    request.afterwards = lambda: as_file(pdf.report(document), f"restore-drill-{pk}.pdf")
    return HttpResponse()


def _document(found: Drill, pk: str) -> pdf.ReportDocument:
    genuine, by = _genuine(found), _signed_for(found)
    signed = {True: "The signature holds.", False: "THE SIGNATURE DOES NOT HOLD.", None: "Not verified here."}
    facts = (
        ("Result", found.get_state_display()),
        ("Backup", str(found.backup.generation) if found.backup is not None else "-"),
        ("Started", _moment(found.started_at)),
        ("Finished", _moment(found.finished_at)),
        ("Newest change restored", _moment(found.reached_at)),
        *_newest(found),
        ("Back in operation after (RTO)", formats.duration(found.rto_milliseconds / 1000)),
        ("Would have lost at most (RPO)", formats.duration(found.rpo_milliseconds / 1000)),
        ("Signed for by", f"{by[0]}, {_moment(by[1])}" if by else "Nobody yet"),
    )
    return pdf.ReportDocument(
        at=found.finished_at or found.started_at,
        seller=pdf.Party(name="Strongbox"),
        title="Restore drill",
        about=f"{pk}. A backup was restored into a scratch server and checked there.",
        note=f"{signed[genuine]} Ed25519 {found.signature}",
        tables=(
            pdf.ReportTable(title="What it says", head=("Of what", "Value"), rows=facts),
            pdf.ReportTable(
                title="Checks",
                head=("Check", "Result", "Took"),
                rows=tuple(
                    (
                        f"{one['name']}: {one['what']}",
                        "passed" if one["state"] == "ok" else "FAILED",
                        one["took"],
                    )
                    for one in _checks(found)
                ),
            ),
        ),
    )


def _newest(found: Drill) -> list[tuple[str, str]]:
    """Print what is the newest at each target: by it an old archive is told from the newest."""
    known = found.result.get("newest") or {}
    return [
        (f"Newest known at {target}", f"generation {one['generation']}, manifest {one['manifest_sha256']}")
        for target, one in sorted(known.items())
    ]


def _moment(at: datetime | None) -> str:
    return formats.moment_utc(at) if at is not None else "-"
