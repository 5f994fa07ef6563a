"""What stands behind the link of a practice mail, and one's own practice.

Promise kept: the page takes no value. Its fields have no names, so that no browser sends them; whatever comes with a
form all the same is refused, and nothing of it is kept. Being fetched is nothing that a person did.
"""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import tokens
from core import clock, ids
from core.errors import NotFound, Refusal
from edge import links, recording, throttle
from edge.access import Public, access
from edge.request import Request
from tenancy import context
from training import events
from training.practice import lures, noting, queries
from training.practice.lures import CUES, Cue, Lure
from training.practice.noting import Opened
from web.training import shared
from web.training.shared import MINE

LINK = Public(
    reason="A practice mail leads here as an attacker's would: whoever holds its link is not signed in."
)
_CHIEF = 3
_TAKEN = frozenset({"csrfmiddlewaretoken", "fact"})
_FACTS = {"clicked": False, "typed": True}


@dataclass(frozen=True, slots=True)
class Marked:
    """A piece of a mail with the number of the sign it is, or nothing."""

    text: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A mail as a lesson shows it: every sign marked, each explained once."""

    sender: str
    sender_number: int
    address: str
    subject: list[Marked]
    text: list[Marked]
    chief: list[Cue]
    rest: list[Cue]


def shown(lure: Lure) -> Shown:
    """Mark the signs in a mail; its link is written out as text and opens nothing."""
    numbers = {code: number for number, code in enumerate(lure.found, 1)}
    link, cues = f"{settings.PUBLIC_URL}/doc/…", [CUES[code] for code in numbers]

    def marked(text: str) -> list[Marked]:
        return [Marked(span.text, numbers.get(span.cue, 0)) for span in lures.spans(text, link=link)]

    return Shown(
        sender=lure.sender,
        sender_number=numbers["sender"],
        address=settings.DEFAULT_FROM_EMAIL,
        subject=marked(lure.subject),
        text=marked(lure.text),
        chief=cues[:_CHIEF],
        rest=cues[_CHIEF:],
    )


@access(get=LINK, post=LINK)
def landing(request: Request, token: str) -> HttpResponse:
    """Show the page that an attacker would have made; take that somebody was there, and nothing else."""
    # Recorded without a name by what it calls: the doorway would name whoever is signed in.
    request.recorded = True
    try:
        _enter(request, token)
        with context.attempt():
            found = (
                _noted(request, token)
                if request.method == "POST"
                else noting.fetched(raw=token, at=clock.now())
            )
    except (noting.Unnoted, NotFound) as refusal:
        return _lost(request, refusal)
    if request.method == "POST" or not found.counts:
        return redirect("practice:lesson", token)
    return render(request, "training/landing.html", {"landing": found.lure.landing})


def _enter(request: Request, token: str) -> None:
    throttle.take(name=f"practice:{request.network}", limit=throttle.API_STRANGER)
    links.enter(request, tokens.tenant_of_link(token))


def _noted(request: Request, token: str) -> Opened:
    fact = request.POST.get("fact", "")
    if fact not in _FACTS or request.FILES or not set(request.POST) <= _TAKEN:
        noting.read(token)
        raise noting.ValuesRefused(tenant_id=context.current_tenant())
    return noting.noted(
        raw=token,
        typed=_FACTS[fact],
        agent=request.headers.get("User-Agent", ""),
        person_id=request.actor.id,
        at=clock.now(),
    )


@access(get=LINK, post=LINK)
def lesson(request: Request, token: str) -> HttpResponse:
    """Show the mail with every sign in it; take that it was read."""
    request.recorded = True
    try:
        _enter(request, token)
        with context.attempt():
            found = noting.opened(raw=token)
            if request.method == "POST":
                noting.learned(result_id=found.result.pk, at=clock.now())
    except (noting.LinkUnknown, NotFound) as refusal:
        return _lost(request, refusal)
    if request.method == "POST":
        return redirect("practice:lesson", token)
    context_ = {"shown": shown(found.lure), "learned": found.result.learned_at is not None}
    return render(request, "training/lesson.html", context_)


def _lost(request: Request, refusal: Refusal) -> HttpResponse:
    request.refusal = refusal
    return render(request, "training/lesson_lost.html", {"message": refusal.message}, status=refusal.status)


@access(get=MINE, post=MINE)
def own(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show one's own practice mail; take that it was read."""
    found = queries.mine(ids.decode("practice_result", pk), shared.member_of(request))
    if request.method == "POST":
        noting.learned(result_id=found.result.pk, at=clock.now())
        return redirect("training:practice", slug, pk)
    # Which mail they have a reason to look at would tell what they did.
    recording.read(request, events.READ)
    context_ = {"mine": found, "shown": shown(found.lure), "crumbs": shared.mine(slug)}
    return render(request, "training/own_practice.html", context_)


def own_url(slug: str, result_id: object) -> str:
    """Return where somebody's own practice mail is shown."""
    return reverse("training:practice", args=[slug, ids.encode("practice_result", result_id)])  # type: ignore[arg-type]  # a UUID of a row
