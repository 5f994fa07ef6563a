"""One's own training: what is due, what was passed; certificates; reporting a message."""

from dataclasses import dataclass
from datetime import date, datetime

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from training import catalog, certificates, events, queries
from training.certificates import Certificate
from training.practice import noting
from training.practice import queries as practices
from training.queries import Duty
from training.services import suspicious
from web.forms import answer, attempting
from web.kit import words
from web.people import organization
from web.training import practice, shared
from web.training.forms import ReportForm
from web.training.shared import MINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A course with where it leads, and what has been done of it."""

    duty: Duty
    url: str
    certificate_url: str
    why: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A certificate in a list."""

    url: str
    title: str
    finished_at: datetime
    valid_until: date
    score: str


@access(get=MINE)
def index(request: Request, slug: str) -> HttpResponse:
    """Show what is due, what comes next, and what was passed."""
    member = shared.member_of(request)
    duties = [_row(duty, slug) for duty in queries.of_member(member, today=shared.today())]
    due = [row for row in duties if row.duty.assignment and row.duty.due_on]
    records = queries.records_of(member)
    titles = catalog.titles(row.course for row in records)
    later = [row for row in duties if row.duty.is_duty and row not in due and row.duty.valid_until]
    context = {
        "due": due,
        "free": [row for row in duties if row not in due],
        "minutes": sum(row.duty.minutes for row in due),
        "overdue": sum(row.duty.standing in ("overdue", "lapsed") for row in due),
        "withheld": words.summary(
            member.withheld_rights & member.role.permissions(of_operator=organization.of_operator(request))
        ),
        "total": sum(row.duty.is_duty for row in duties),
        "done": sum(row.duty.is_duty and row.duty.standing == "done" for row in duties),
        "next_on": min((row.duty.valid_until for row in later if row.duty.valid_until), default=None),
        "practices": [(practice.own_url(slug, each.result.pk), each) for each in practices.of_member(member)],
        "passed": [
            Passed(
                url=reverse("training:certificate", args=[slug, ids.encode("certificate", row.pk)]),
                title=titles[row.course],
                finished_at=row.finished_at,
                valid_until=row.valid_until,
                score=f"{row.right} of {row.asked}",
            )
            for row in records
        ],
    }
    return render(request, "training/mine.html", context)


def _row(duty: Duty, slug: str) -> Row:
    url = reverse("training:course", args=[slug, duty.course])
    record = ids.encode("certificate", duty.record) if duty.record else ""
    return Row(
        duty=duty,
        url=url,
        certificate_url=reverse("training:certificate", args=[slug, record]) if record else "",
        why=shared.WHY.get(duty.why, ""),
        action="Go on" if duty.started else "Start",
    )


def _certificate(request: Request, pk: str) -> Certificate:
    """Return a certificate that is one's own, or any for whoever may see how training stands.

    Raises:
        NotFound
    """
    found = certificates.get(ids.decode("certificate", pk))
    if found.user_id != request.actor.id and Permission.TRAINING_READ not in request.permissions:
        raise NotFound
    recording.read(
        request, events.CERTIFICATE_OPENED, subject=("certificate", found.id), fields=["user.name"]
    )
    return found


@access(get=MINE)
def certificate(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a certificate."""
    found = _certificate(request, pk)
    context = {
        "certificate": found,
        "code": certificates.printed(found.code),
        "pdf_url": reverse("training:certificate_pdf", args=[slug, pk]),
        "valid": found.valid_until >= shared.today(),
        "own": found.user_id == request.actor.id,
        "crumbs": shared.mine(slug),
    }
    return render(request, "training/certificate.html", context)


@access(get=MINE)
def certificate_pdf(request: Request, slug: str, pk: str) -> HttpResponseBase:
    """Hand a certificate out on paper."""
    found = _certificate(request, pk)

    def hand_out() -> HttpResponse:
        response = HttpResponse(certificates.paper(found), content_type="application/pdf")
        response.headers["Content-Disposition"] = f'attachment; filename="certificate-{found.course}.pdf"'
        return response

    request.afterwards = hand_out
    return HttpResponse(status=200)


@access(get=MINE, post=MINE)
def report(request: Request, slug: str) -> HttpResponse:
    """Take a suspicious message."""
    form = ReportForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            texts = f"{form.cleaned_data['sender']}\n{form.cleaned_data['text']}"
            ours = noting.recognised(text=texts, actor=request.actor, at=clock.now())
            if ours is not None:
                messages.success(request, "Thank you. You have seen through a practice mail.")
                return redirect(practice.own_url(slug, ours.pk))
            suspicious.report(**form.cleaned_data, actor=request.actor, at=clock.now())
        if not form.errors:
            urgent = form.cleaned_data["done"] in suspicious.URGENT
            messages.success(request, "Thank you. It has been reported.")
            return redirect(reverse("training:reported", args=[slug]) + ("?now=1" if urgent else ""))
    return answer(request, "training/report.html", {"crumbs": shared.mine(slug)}, form=form)


@access(get=MINE)
def reported(request: Request, slug: str) -> HttpResponse:
    """Thank, and say what to do now."""
    context = {"urgent": request.GET.get("now") == "1", "crumbs": shared.mine(slug)}
    return render(request, "training/reported.html", context)
