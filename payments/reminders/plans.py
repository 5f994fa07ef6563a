"""Keeping plans, whose is which, and what customers promised. A plan that is started sends no old reminder."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from audit import services as audit
from billing.customers.models import Customer
from billing.invoices import rules as texts
from billing.invoices.models import Invoice
from billing.invoices.queries import due_minor
from core import days as calendar
from core import money
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound, Refusal
from payments import events
from payments.models import PaymentPromise, ReminderChoice, ReminderPlan, ReminderStep
from payments.reminders import rules
from payments.reminders.rules import Fee
from tenancy.context import use_case

_NOTE = 500


class PlanInUse(Conflict):
    """Everybody without another plan has this one. Make another the default first."""

    code = "plan_in_use"


class PromiseInPast(Refusal):
    """A promise is for today or a later day."""

    code = "promise_in_past"


class NothingIsDue(Conflict):
    """Nothing is due on this invoice, so nothing can be promised."""

    code = "nothing_due"


class NothingPromised(Conflict):
    """Nothing is promised about this invoice."""

    code = "nothing_promised"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInput:
    """A step as somebody asks for it; `id` names one of the plan that is changed."""

    days: int
    words: str
    fee: Fee = rules.NO_FEE
    id: UUID | None = None


@use_case
def default_plan(*, actor: Actor, at: datetime) -> ReminderPlan:
    """Return the default plan; on first use it is made, paused: somebody starts it knowingly."""
    found: ReminderPlan | None = ReminderPlan.objects.filter(is_default=True).first()
    if found is not None:
        return found
    wanted = ReminderPlan(name="Standard", is_default=True, created_at=at, updated_at=at)
    # One statement decides between two who come first at once.
    ReminderPlan.objects.bulk_create([wanted], ignore_conflicts=True)
    plan: ReminderPlan = ReminderPlan.objects.get(is_default=True)
    if plan.pk == wanted.pk:
        for number, words in rules.DEFAULT:
            ReminderStep.objects.create(plan=plan, days=number, words=words)
        audit.record(events.REMINDER_PLAN_CREATED, actor=actor, subject=("reminder_plan", plan.pk))
    return plan


@use_case
def create(*, name: str, steps: Sequence[StepInput], actor: Actor, at: datetime) -> ReminderPlan:
    """Make a plan, paused.

    Raises:
        Invalid: names what cannot be used.
    """
    _check(name, steps)
    plan = ReminderPlan(name=name.strip(), created_at=at, updated_at=at)
    plan.save(force_insert=True)
    _write(plan, steps, at)
    audit.record(events.REMINDER_PLAN_CREATED, actor=actor, subject=("reminder_plan", plan.pk))
    return plan


@use_case
def change(
    *, plan_id: UUID, name: str, steps: Sequence[StepInput], actor: Actor, at: datetime
) -> ReminderPlan:
    """Change a plan's name and steps. A step that stays keeps its id: whom it has reminded it reminds no more.

    Raises:
        NotFound: there is no such plan, or a step is not its own.
        Invalid: names what cannot be used.
    """
    plan = _locked(plan_id)
    _check(name, steps)
    plan.name, plan.updated_at = name.strip(), at
    plan.save(update_fields=["name", "updated_at"])
    _write(plan, steps, at)
    audit.record(events.REMINDER_PLAN_UPDATED, actor=actor, subject=("reminder_plan", plan.pk))
    return plan


@use_case
def start(*, plan_id: UUID, on: date, actor: Actor, at: datetime) -> None:
    """Let a plan run from a day on: steps that were due before it are past."""
    _move(plan_id, ReminderPlan.State.ACTIVE, on, actor=actor, at=at)


@use_case
def pause(*, plan_id: UUID, actor: Actor, at: datetime) -> None:
    """Let a plan send nothing until it is started again."""
    _move(plan_id, ReminderPlan.State.PAUSED, None, actor=actor, at=at)


@use_case
def archive(*, plan_id: UUID, actor: Actor, at: datetime) -> None:
    """Put a plan away; its customers get the default one.

    Raises:
        PlanInUse: it is the default.
    """
    plan = _locked(plan_id)
    if plan.is_default:
        raise PlanInUse
    ReminderChoice.objects.filter(plan_id=plan_id).update(plan=None, updated_at=at)
    _move(plan_id, ReminderPlan.State.ARCHIVED, None, actor=actor, at=at)


@use_case
def choose(*, customer_id: UUID, plan_id: UUID | None, is_paused: bool, actor: Actor, at: datetime) -> None:
    """Say how a customer is reminded: by which plan (None: the default), or not at all for now.

    Raises:
        NotFound: there is no such customer or plan.
    """
    if not Customer.objects.filter(pk=customer_id).exists():
        raise NotFound
    if plan_id is not None and _locked(plan_id).state == ReminderPlan.State.ARCHIVED:
        raise NotFound
    ReminderChoice.objects.update_or_create(
        customer_id=customer_id, defaults={"plan_id": plan_id, "is_paused": is_paused, "updated_at": at}
    )
    audit.record(events.REMINDER_CHOICE_UPDATED, actor=actor, subject=("customer", customer_id))


@use_case
def promise(
    *, invoice_id: UUID, promised_on: date, note: str, today: date, actor: Actor, at: datetime
) -> PaymentPromise:
    """Note that a customer promised to pay an invoice by a day; reminders of it rest until that day has passed.

    Raises:
        NotFound: there is no such invoice.
        NothingIsDue, PromiseInPast, DayOutOfRange.
        Invalid: the note cannot be kept.
    """
    calendar.check(promised_on, field="promised_on")
    if promised_on < today:
        raise PromiseInPast(field="promised_on")
    errors = texts.text_errors("/note", note, _NOTE)
    if errors:
        raise Invalid(errors)
    invoice = Invoice.objects.select_for_update(no_key=True).filter(pk=invoice_id).first()
    if invoice is None:
        raise NotFound
    if invoice.status != Invoice.Status.FINALIZED or due_minor(invoice) <= 0:
        raise NothingIsDue
    PaymentPromise.objects.filter(invoice_id=invoice_id, ended_at__isnull=True).update(ended_at=at)
    made = PaymentPromise(
        customer_id=invoice.customer_id,
        invoice_id=invoice_id,
        promised_on=promised_on,
        note=note.strip() or None,
        made_by=actor.id,
        made_at=at,
    )
    made.save(force_insert=True)
    audit.record(events.PROMISE_RECORDED, actor=actor, subject=("invoice", invoice_id))
    return made


@use_case
def end_promise(*, invoice_id: UUID, actor: Actor, at: datetime) -> None:
    """Take a promise back: the invoice is reminded of as any other.

    Raises:
        NothingPromised
    """
    ended = PaymentPromise.objects.filter(invoice_id=invoice_id, ended_at__isnull=True).update(ended_at=at)
    if not ended:
        raise NothingPromised
    audit.record(events.PROMISE_ENDED, actor=actor, subject=("invoice", invoice_id))


def _move(plan_id: UUID, state: str, on: date | None, *, actor: Actor, at: datetime) -> None:
    plan = _locked(plan_id)
    plan.state, plan.active_from, plan.updated_at = state, on, at
    plan.save(update_fields=["state", "active_from", "updated_at"])
    audit.record(
        events.REMINDER_PLAN_UPDATED, actor=actor, subject=("reminder_plan", plan.pk), facts={"state": state}
    )


def _locked(plan_id: UUID) -> ReminderPlan:
    plan: ReminderPlan | None = ReminderPlan.objects.select_for_update().filter(pk=plan_id).first()
    if plan is None:
        raise NotFound
    return plan


def _check(name: str, steps: Sequence[StepInput]) -> None:
    errors = texts.text_errors("/name", name, rules.NAME_LENGTH, required=True)
    if not 1 <= len(steps) <= rules.MOST_STEPS:
        errors.append(FieldError("/steps", "steps", f"A plan has one to {rules.MOST_STEPS} steps."))
    if len({step.days for step in steps}) != len(steps):
        errors.append(FieldError("/steps", "same_day", "Two steps are on one day."))
    for position, step in enumerate(steps):
        errors += rules.step_errors(position, step.days, step.fee)
        if step.words not in ReminderStep.Words.values or step.fee.kind not in ReminderStep.Fee.values:
            errors.append(FieldError(f"/steps/{position}", "unknown_choice", "There is no such choice."))
        if step.fee.kind != "none" and step.fee.currency not in money.EXPONENTS:
            errors.append(
                FieldError(
                    f"/steps/{position}/fee_currency", "unknown_currency", "Enter an ISO 4217 currency."
                )
            )
    if errors:
        raise Invalid(errors)


def _write(plan: ReminderPlan, steps: Sequence[StepInput], at: datetime) -> None:
    """Write the steps of a plan. Those that go are marked first, so that their days are free."""
    here = {row.pk: row for row in ReminderStep.objects.filter(plan=plan, removed_at__isnull=True)}
    kept = {step.id for step in steps if step.id is not None}
    if kept - here.keys():
        raise NotFound
    ReminderStep.objects.filter(pk__in=here.keys() - kept).update(removed_at=at)
    # Two steps may change places: each leaves its day before another takes it.
    moving = [step for step in steps if step.id is not None and here[step.id].days != step.days]
    ReminderStep.objects.filter(pk__in=[step.id for step in moving]).update(removed_at=at)
    for step in steps:
        row = here[step.id] if step.id is not None else ReminderStep(plan=plan)
        row.days, row.words, row.removed_at = step.days, step.words, None
        row.fee, row.fee_currency = step.fee.kind, step.fee.currency if step.fee.kind != "none" else ""
        row.fee_minor = step.fee.amount_minor if step.fee.kind == "fixed" else None
        row.fee_percentage = step.fee.percentage if step.fee.kind == "interest" else None
        row.fee_least_minor = step.fee.least_minor if step.fee.kind == "interest" else None
        row.fee_most_minor = step.fee.most_minor if step.fee.kind == "interest" else None
        row.save()
