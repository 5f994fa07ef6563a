"""A course as somebody takes it: its pages, their steps, five questions, a promise, the result.

Every step is a form that is sent and answered; nothing needs a script, and the keyboard reaches all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from core import clock, ids
from core.errors import NotFound
from edge.access import access
from edge.request import Request
from training import catalog, queries, rules
from training.courses import Course, Option, Step
from training.courses.reading import ASKED
from training.models import Attempt, Record
from training.services import learning
from web.forms import answer, attempting
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.training import shared
from web.training.forms import FinishForm, OneAnswerForm, OrderForm, step_form
from web.training.shared import MINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An answer after it was given: whether it is right, whether it was chosen, and why. `place` is its right place
    in an order, `given` the one it got."""

    text: str
    why: str
    right: bool
    chosen: bool
    place: int = 0
    given: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is said after a step or question was answered."""

    prompt: str
    well_done: bool
    answers: Sequence[Shown]
    ordered: bool = False


@access(get=MINE, post=MINE)
def intro(request: Request, slug: str, lesson: str) -> HttpResponse:
    """Show what a course is about; begin it, or go on."""
    member, course, form = shared.member_of(request), catalog.course(lesson), Form()
    if request.method == "POST":
        form = Form(request.POST)
        with attempting(request, form):
            attempt = learning.start(
                member=member, code=lesson, actor=request.actor, at=clock.now(), today=shared.today()
            )
            return redirect(_next(slug, course, attempt))
    duty = next(each for each in queries.of_member(member, today=shared.today()) if each.course == lesson)
    current = learning.current(member=member, course=course)
    context = {
        "course": course,
        "duty": duty,
        "why": shared.WHY.get(duty.why, ""),
        "asked": min(ASKED, len(course.questions)),
        "needed": rules.needed(asked=min(ASKED, len(course.questions)), pass_percent=course.pass_percent),
        "going": current is not None,
        "done": current.page if current else 0,
        "last": _certificate_url(slug, duty.record),
        "crumbs": shared.mine(slug),
    }
    return answer(request, "training/intro.html", context, form=form)


@access(get=MINE, post=MINE)
def page(request: Request, slug: str, lesson: str, number: int) -> HttpResponse:
    """Show a page; take what was answered to its step."""
    member, course = shared.member_of(request), catalog.course(lesson)
    attempt = learning.current(member=member, course=course)
    if attempt is None or not 1 <= number <= len(course.pages):
        return _lost(request, slug, lesson)
    if number > attempt.page + 1:
        return redirect(_next(slug, course, attempt))
    step = course.pages[number - 1].step
    shown = learning.shuffled(attempt, number, step) if step else []
    posted = request.POST if request.method == "POST" else None
    form = step_form(step, shown, posted) if step else Form(posted)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            learning.take_page(
                member=member,
                code=lesson,
                number=number,
                chosen=getattr(form, "chosen", []),
                at=clock.now(),
            )
        if not form.errors:
            here = reverse("training:page", args=[slug, lesson, number])
            return redirect(f"{here}#answer" if step else _after(slug, course, number))
    given = attempt.steps.get(str(number))
    again = request.GET.get("again") == "1" or bool(form.errors)
    context = {
        "course": course,
        "page": course.pages[number - 1],
        "number": number,
        "total": len(course.pages),
        "step": step,
        "ordered": isinstance(form, OrderForm),
        "told": _told(step, shown, given) if step and given is not None and not again else None,
        "back_url": reverse("training:page", args=[slug, lesson, number - 1]) if number > 1 else "",
        "next_url": _after(slug, course, number),
        "last": number == len(course.pages),
        "crumbs": _crumbs(slug, course),
    }
    return answer(request, "training/page.html", context, form=form)


@access(get=MINE, post=MINE)
def question(request: Request, slug: str, lesson: str, number: int) -> HttpResponse:
    """Ask a question; once it is answered, explain every answer."""
    member, course = shared.member_of(request), catalog.course(lesson)
    attempt = learning.current(member=member, course=course)
    if attempt is None or not 1 <= number <= len(attempt.asked):
        return _lost(request, slug, lesson)
    if attempt.page < len(course.pages) or number > len(attempt.answers) + 1:
        return redirect(_next(slug, course, attempt))
    asked = learning.asked(attempt, course, number)
    options = asked.question.options
    shown = [(index, options[index]) for index in asked.order]
    posted = request.POST if request.method == "POST" else None
    form = OneAnswerForm(posted, prompt=asked.question.text, shown=shown)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            learning.answer(member=member, code=lesson, number=number, chosen=form.chosen[0], at=clock.now())
        if not form.errors:
            return redirect(reverse("training:question", args=[slug, lesson, number]) + "#answer")
    told = None
    if asked.chosen is not None:
        told = Told(
            prompt=asked.question.text,
            well_done=options[asked.chosen].right,
            answers=[_shown(option, chosen=index == asked.chosen) for index, option in shown],
        )
    is_last = number == len(attempt.asked)
    context = {
        "course": course,
        "number": number,
        "total": len(attempt.asked),
        "told": told,
        "last": is_last,
        "next_url": reverse("training:finish", args=[slug, lesson])
        if is_last
        else reverse("training:question", args=[slug, lesson, number + 1]),
        "crumbs": _crumbs(slug, course),
    }
    return answer(request, "training/question.html", context, form=form)


@access(get=MINE, post=MINE)
def finish(request: Request, slug: str, lesson: str) -> HttpResponse:
    """Ask for the promise, and count."""
    member, course = shared.member_of(request), catalog.course(lesson)
    attempt = learning.current(member=member, course=course)
    if attempt is None:
        return _lost(request, slug, lesson)
    if attempt.page < len(course.pages) or len(attempt.answers) < len(attempt.asked):
        return redirect(_next(slug, course, attempt))
    form = FinishForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            learning.finish(
                member=member,
                code=lesson,
                acknowledged=form.cleaned_data["acknowledged"],
                actor=request.actor,
                at=clock.now(),
                today=shared.today(),
            )
        if not form.errors:
            return redirect("training:result", slug, lesson)
    context = {"course": course, "crumbs": _crumbs(slug, course)}
    return answer(request, "training/finish.html", context, form=form)


@access(get=MINE)
def result(request: Request, slug: str, lesson: str) -> HttpResponse:
    """Say how the last attempt ended, with an explanation of every question that was asked."""
    member, course = shared.member_of(request), catalog.course(lesson)
    attempt = (
        Attempt.objects.select_related("assignment")
        .filter(member=member, course=lesson, state__in=[Attempt.State.PASSED, Attempt.State.FAILED])
        .order_by("-id")
        .first()
    )
    if attempt is None:
        return redirect("training:course", slug, lesson)
    record = Record.objects.filter(attempt=attempt).first()
    told = []
    if bytes(attempt.digest) == course.digest:
        for number in range(1, len(attempt.asked) + 1):
            asked = learning.asked(attempt, course, number)
            options = asked.question.options
            told.append(
                Told(
                    prompt=asked.question.text,
                    well_done=asked.chosen == asked.right,
                    answers=[
                        _shown(options[index], chosen=index == asked.chosen)
                        for index in asked.order
                        if index in (asked.chosen, asked.right)
                    ],
                )
            )
    context = {
        "course": course,
        "attempt": attempt,
        "asked": len(attempt.asked),
        "needed": rules.needed(asked=len(attempt.asked), pass_percent=attempt.pass_percent),
        "passed": attempt.state == Attempt.State.PASSED,
        "certificate_url": _certificate_url(slug, record.pk if record else None),
        "valid_until": record.valid_until if record else None,
        "left": queries.tries_left(attempt.assignment, at=clock.now()),
        "told": told,
        "crumbs": shared.mine(slug),
    }
    return render(request, "training/result.html", context)


def _told(step: Step, shown: Sequence[tuple[int, Option]], given: Sequence[int]) -> Told:
    ordered = step.kind == "order"
    if ordered:
        answers = [
            Shown(
                text=option.text,
                why=option.why,
                right=given.index(index) == index,
                chosen=True,
                place=index + 1,
                given=given.index(index) + 1,
            )
            for index, option in enumerate(step.options)
        ]
    else:
        answers = [_shown(option, chosen=index in given) for index, option in shown]
    return Told(
        prompt=step.prompt,
        well_done=learning.step_is_right(step, given),
        answers=answers,
        ordered=ordered,
    )


def _shown(option: Option, *, chosen: bool) -> Shown:
    return Shown(text=option.text, why=option.why, right=option.right, chosen=chosen)


def _after(slug: str, course: Course, number: int) -> str:
    if number < len(course.pages):
        return reverse("training:page", args=[slug, course.code, number + 1])
    return reverse("training:question", args=[slug, course.code, 1])


def _next(slug: str, course: Course, attempt: Attempt) -> str:
    """Return where an attempt goes on."""
    if attempt.page < len(course.pages):
        return reverse("training:page", args=[slug, course.code, attempt.page + 1])
    if len(attempt.answers) < len(attempt.asked):
        return reverse("training:question", args=[slug, course.code, len(attempt.answers) + 1])
    return reverse("training:finish", args=[slug, course.code])


def _lost(request: Request, slug: str, lesson: str) -> HttpResponse:
    """Lead somebody who is in the middle of nothing to the beginning; what they sent is refused."""
    if request.method == "POST":
        raise NotFound
    return redirect("training:course", slug, lesson)


def _certificate_url(slug: str, record_id: object) -> str:
    if record_id is None:
        return ""
    return reverse("training:certificate", args=[slug, ids.encode("certificate", record_id)])  # type: ignore[arg-type]  # an id


def _crumbs(slug: str, course: Course) -> list[Crumb]:
    return shared.mine(slug, Crumb(course.title, reverse("training:course", args=[slug, course.code])))
