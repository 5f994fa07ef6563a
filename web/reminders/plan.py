"""Making and changing a plan: its steps, in which words, and what being late costs; starting and pausing it."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.permissions import Permission
from billing.issuer import queries as issuers
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from payments import events
from payments.models import ReminderStep
from payments.reminders import plans, queries, rules
from payments.reminders.looking import Plan
from payments.reminders.plans import StepInput
from payments.reminders.rules import NO_FEE, Fee, Step
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import AmountField, Form
from web.reminders.index import crumbs, today

_SPARE = 2
_AMOUNT = {"inputmode": "decimal", "autocomplete": "off"}
_PARTS = ("id", "days", "words", "fee", "fee_amount", "fee_percentage", "fee_least", "fee_most")
_FEES = [("none", "nothing"), ("fixed", "an amount"), ("interest", "a percentage a year")]


class PlanForm(Form):
    """A plan's name and its steps; a step without days is none."""

    name = forms.CharField(label="Name", max_length=rules.NAME_LENGTH)

    def __init__(self, *args: Any, currency: str, steps: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.count = min(steps + _SPARE, rules.MOST_STEPS)
        for at in range(self.count):
            self._add(at)

    def _add(self, at: int) -> None:
        """Add the fields of one step."""
        made: dict[str, forms.Field] = {
            "id": forms.CharField(required=False, widget=forms.HiddenInput),
            "days": forms.IntegerField(
                label="Days after the due day",
                required=False,
                min_value=rules.FIRST_DAY,
                max_value=rules.LAST_DAY,
            ),
            "words": forms.ChoiceField(label="Words", choices=ReminderStep.Words.choices, required=False),
            "fee": forms.ChoiceField(label="Being late costs", choices=_FEES, required=False),
            "fee_percentage": forms.DecimalField(
                label="Percent a year", required=False, max_digits=9, decimal_places=6
            ),
        }
        for name, label in (("fee_amount", "Amount"), ("fee_least", "At least"), ("fee_most", "At most")):
            made[name] = AmountField(
                label=f"{label}, {self.currency}",
                currency=self.currency,
                required=False,
                widget=forms.TextInput(attrs=_AMOUNT),
            )
        for name, field in made.items():
            self.fields[f"{name}_{at}"] = field

    def rows(self) -> list[dict[str, forms.BoundField]]:
        """Return the fields of each step by their names."""
        return [{name: self[f"{name}_{at}"] for name in _PARTS} for at in range(self.count)]

    def steps(self) -> list[StepInput]:
        """Return the steps as they were typed; call it on a valid form."""
        found = []
        for at in range(self.count):
            typed = {name: self.cleaned_data.get(f"{name}_{at}") for name in _PARTS}
            if typed["days"] is None:
                continue
            kind = typed["fee"] or "none"
            fee = NO_FEE if kind == "none" else Fee(
                kind=kind,
                currency=self.currency,
                amount_minor=typed["fee_amount"] or 0,
                percentage=typed["fee_percentage"] or Decimal(0),
                least_minor=typed["fee_least"],
                most_minor=typed["fee_most"],
            )  # fmt: skip
            found.append(
                StepInput(
                    id=UUID(typed["id"]) if _is_uuid(typed["id"]) else None,
                    days=typed["days"],
                    words=typed["words"] or "friendly",
                    fee=fee,
                )
            )
        return found

    def names(self) -> dict[str, str]:
        """Return which field each fault of the service is about, in the order the steps were typed."""
        places = [at for at in range(self.count) if self.cleaned_data.get(f"days_{at}") is not None]
        return {
            f"steps/{position}{part and '/'}{part}": f"{part or 'days'}_{at}"
            for position, at in enumerate(places)
            for part in ("", *_PARTS)
        }


@access(get=Permission.REMINDER_MANAGE, post=Permission.REMINDER_MANAGE)
def create(request: Request, slug: str) -> HttpResponse:
    """Make a plan."""
    form = PlanForm(request.POST if request.method == "POST" else None, currency=_currency(), steps=2)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form, fields=form.names()):
            made = plans.create(
                name=form.cleaned_data["name"], steps=form.steps(), actor=request.actor, at=clock.now()
            )
        if not form.errors:
            messages.success(request, f"{made.name} is made. It sends nothing until it is started.")
            return redirect("reminders:plan", slug, ids.encode("reminder_plan", made.pk))
    context = {"is_new": True, "rows": form.rows(), "crumbs": crumbs(slug)}
    return answer(request, "reminders/plan.html", context, form=form)


@access(get=Permission.REMINDER_MANAGE, post=Permission.REMINDER_MANAGE)
def change(request: Request, slug: str, pk: str) -> HttpResponse:
    """Change a plan."""
    plan = queries.plan(ids.decode("reminder_plan", pk))
    currency = _currency()
    form = PlanForm(
        request.POST if request.method == "POST" else None,
        initial=_initial(plan, currency),
        currency=currency,
        steps=len(plan.steps),
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form, fields=form.names()):
            plans.change(
                plan_id=plan.id,
                name=form.cleaned_data["name"],
                steps=form.steps(),
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "The plan is saved. What has been sent stays sent.")
            return redirect("reminders:plan", slug, pk)
    elif request.method != "POST":
        recording.read(request, events.REMINDER_LISTED, subject=("reminder_plan", plan.id))
    row = next((each for each in queries.plans() if each.plan.id == plan.id), None)
    context = {
        "is_new": False,
        "plan": plan,
        "pk": pk,
        "row": row,
        "rows": form.rows(),
        "recovered": [formats.money(amount, code) for code, amount in (row.recovered if row else {}).items()],
        "preview_url": reverse("reminders:preview", args=[slug]),
        "crumbs": crumbs(slug),
    }
    return answer(request, "reminders/plan.html", context, form=form)


@access(post=Permission.REMINDER_MANAGE)
def start(request: Request, slug: str, pk: str) -> HttpResponse:
    """Let a plan run from today."""
    plans.start(plan_id=ids.decode("reminder_plan", pk), on=today(), actor=request.actor, at=clock.now())
    messages.success(request, "The plan runs. Steps that were due before today are not sent.")
    return redirect("reminders:plan", slug, pk)


@access(post=Permission.REMINDER_MANAGE)
def pause(request: Request, slug: str, pk: str) -> HttpResponse:
    """Let a plan send nothing."""
    plans.pause(plan_id=ids.decode("reminder_plan", pk), actor=request.actor, at=clock.now())
    messages.success(request, "The plan is paused. It sends nothing until it is started again.")
    return redirect("reminders:plan", slug, pk)


@access(post=Permission.REMINDER_MANAGE)
def archive(request: Request, slug: str, pk: str) -> HttpResponse:
    """Put a plan away."""
    plans.archive(plan_id=ids.decode("reminder_plan", pk), actor=request.actor, at=clock.now())
    messages.success(request, "The plan is put away. Its customers have the default one.")
    return redirect("reminders:reminders", slug)


def _initial(plan: Plan, currency: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": plan.name}
    for at, step in enumerate(plan.steps):
        found |= {f"{name}_{at}": value for name, value in _shown(step, currency).items()}
    return found


def _shown(step: Step, currency: str) -> dict[str, Any]:
    def amount(minor: int | None) -> str:
        return "" if not minor else formats.amount(minor, currency)

    return {
        "id": str(step.id),
        "days": step.days,
        "words": step.words,
        "fee": step.fee.kind,
        "fee_amount": amount(step.fee.amount_minor),
        "fee_percentage": "" if step.fee.kind != "interest" else f"{step.fee.percentage.normalize():f}",
        "fee_least": amount(step.fee.least_minor),
        "fee_most": amount(step.fee.most_minor),
    }


def _currency() -> str:
    issuer = issuers.get()
    return issuer.currency if issuer else "EUR"


def _is_uuid(text: object) -> bool:
    try:
        UUID(str(text))
    except ValueError:
        return False
    return True
