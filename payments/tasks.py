"""Celery's door to payments.

Promise kept: what fails in one organization keeps no other from its turn.
"""

import logging
from collections.abc import Callable
from uuid import UUID

from celery import shared_task

from core import clock
from core.errors import Refusal
from payments.bulk import running
from payments.bulk.tasks import work_selection  # noqa: F401  for Celery to find
from payments.cards import scan
from payments.reminders import daily
from payments.services import accounts, autopay, hooks, janitor, links, sending
from tenancy import context, suspension
from tenancy.models import Tenant
from tenancy.tasks import SystemTask

_log = logging.getLogger("strongbox.payments")


@shared_task(
    bind=True,
    base=SystemTask,
    name="payments.send_receipts",
    reason="payments arrive in every organization, and each receipt is a transaction of its own",
)
def send_receipts(self: SystemTask) -> int:
    """Mail every receipt that is due anywhere; return how many."""
    return _everywhere(
        lambda tenant: sending.send_receipts(tenant_id=tenant, actor=self.actor, at=clock.now())
    )


@shared_task(
    bind=True, base=SystemTask, name="payments.end_retention", reason="every organization has payment links"
)
def end_retention(self: SystemTask) -> int:
    """Remove payment links whose retention has ended, everywhere; return how many."""
    with context.system_scope(reason=self.reason):
        tenants = list(Tenant.objects.values_list("pk", flat=True))

    def remove(tenant: UUID) -> int:
        with context.scope(context.Scope(tenant)):
            return links.remove_old(actor=self.actor, at=clock.now())

    return _everywhere(remove, tenants)


_STEPS = "no transaction waits for the payment provider: each step opens a scope of its own"


@shared_task(bind=True, base=SystemTask, name="payments.ask_unsure", reason=_STEPS)
def ask_unsure(self: SystemTask, tenant_id: str) -> int:
    """Ask the provider of one organization about what is not known; return of how much."""
    return janitor.ask_unsure(tenant_id=UUID(tenant_id), actor=self.actor, at=clock.now())


@shared_task(bind=True, base=SystemTask, name="payments.close_pages", reason=_STEPS)
def close_pages(self: SystemTask, tenant_id: str) -> int:
    """Close the pages of one organization that nobody should pay on any more; return how many."""
    return janitor.close_pages(tenant_id=UUID(tenant_id), actor=self.actor, at=clock.now())


@shared_task(bind=True, base=SystemTask, name="payments.send_refunds", reason=_STEPS)
def send_refunds(self: SystemTask, tenant_id: str) -> int:
    """Ask the provider of one organization for the refunds that are due; return how many."""
    return janitor.send_refunds(tenant_id=UUID(tenant_id), actor=self.actor, at=clock.now())


@shared_task(bind=True, base=SystemTask, name="payments.answer_disputes", reason=_STEPS)
def answer_disputes(self: SystemTask, tenant_id: str) -> int:
    """Tell the provider of one organization what was decided about disputes; return how many."""
    return janitor.answer_disputes(tenant_id=UUID(tenant_id), actor=self.actor, at=clock.now())


@shared_task(bind=True, base=SystemTask, name="payments.forget_methods", reason=_STEPS)
def forget_methods(self: SystemTask, tenant_id: str) -> int:
    """Have the provider of one organization forget the methods that were removed; return how many."""
    return janitor.forget_methods(tenant_id=UUID(tenant_id), at=clock.now())


@shared_task(
    bind=True,
    base=SystemTask,
    name="payments.sweep",
    reason="finds what a lost message or a process that died left behind, in every organization",
)
def sweep(self: SystemTask) -> int:
    """Do what is due anywhere; return how much that was."""

    def tenant_sweep(tenant: UUID) -> int:
        with context.scope(context.Scope(tenant)):
            again = running.hand_out_again(at=clock.now())
        return again + janitor.sweep(tenant_id=tenant, actor=self.actor, at=clock.now())

    return _everywhere(tenant_sweep)


@shared_task(
    bind=True,
    base=SystemTask,
    name="payments.forget_removed_methods",
    reason="methods are removed in every organization, and the provider may have been away",
)
def forget_removed_methods(self: SystemTask) -> int:
    """Have the providers forget what was removed lately anywhere; return how many."""
    return _everywhere(lambda tenant: janitor.forget_methods(tenant_id=tenant, at=clock.now()))


@shared_task(bind=True, base=SystemTask, name="payments.apply_hooks", reason=_STEPS)
def apply_hooks(self: SystemTask, tenant_id: str) -> int:
    """Apply what the provider of one organization has told us; return how much."""
    return hooks.apply_due(tenant_id=UUID(tenant_id), actor=self.actor, now=clock.now)


@shared_task(
    bind=True, base=SystemTask, name="payments.sweep_hooks", reason="finds what a lost message left behind"
)
def sweep_hooks(self: SystemTask) -> int:
    """Apply what providers have told us and is due anywhere; return how much."""

    def apply(tenant: UUID) -> int:
        with context.scope(context.Scope(tenant)):
            waits = hooks.is_due(at=clock.now())
        return hooks.apply_due(tenant_id=tenant, actor=self.actor, now=clock.now) if waits else 0

    return _everywhere(apply)


@shared_task(
    bind=True, base=SystemTask, name="payments.tidy_hooks", reason="every organization may have a provider"
)
def tidy_hooks(self: SystemTask) -> int:
    """End replaced signing secrets after a day and remove messages after 180; return how many of both."""

    def tidy(tenant: UUID) -> int:
        with context.scope(context.Scope(tenant)):
            retired = accounts.retire_secrets(actor=self.actor, at=clock.now())
            return retired + hooks.remove_old(at=clock.now())

    return _everywhere(tidy)


@shared_task(
    bind=True,
    base=SystemTask,
    name="payments.remind",
    reason="reminders come due in every organization, and each customer's is a transaction of its own",
)
def remind(self: SystemTask) -> int:
    """Send the reminders that are due today, where it is morning already; return how many mails went out."""
    return _everywhere(
        lambda tenant: daily.remind(tenant_id=tenant, actor=self.actor, now=clock.now),
        suspension.at_work(reason=self.reason),
    )


@shared_task(
    bind=True,
    base=SystemTask,
    name="payments.autopay",
    reason="customers of every organization have agreed to be collected from, and each charge has steps of its own",
)
def autopay_due(self: SystemTask) -> int:
    """Announce and collect what is due anywhere; return how many invoices were charged."""
    return _everywhere(
        lambda tenant: autopay.charge_due(tenant_id=tenant, actor=self.actor, at=clock.now()),
        suspension.at_work(reason=self.reason),
    )


@shared_task(
    bind=True,
    base=SystemTask,
    name="payments.scan_cards",
    reason="a scan reads everything, page by page, each in a scope of its own",
)
def scan_cards(self: SystemTask, tenant_id: str, job_id: str) -> int:
    """Look for card numbers in all that one organization has stored; return how many were found."""
    result = scan.run(tenant_id=UUID(tenant_id), actor=self.actor, now=clock.now, job_id=UUID(job_id))
    return len(result.found)


@shared_task(
    bind=True,
    base=SystemTask,
    name="payments.scan_all_cards",
    reason="a card number may have come into any organization",
)
def scan_all_cards(self: SystemTask) -> int:
    """Look for card numbers in all that is stored anywhere; return how many were found."""
    return _everywhere(lambda tenant: len(scan.run(tenant_id=tenant, actor=self.actor, now=clock.now).found))


def _everywhere(work: Callable[[UUID], int], tenants: list[UUID] | None = None) -> int:
    """Do something in every open organization (or these), one after another, and return how much that was."""
    done = failed = 0
    walked = _open_tenants() if tenants is None else tenants
    for tenant in walked:
        try:
            done += work(tenant)
        except (Refusal, *janitor.UNFIT):
            # Sealed meanwhile, or a record of theirs that nobody can work on: their next turn comes.
            _log.exception("an organization's turn ended early")
            failed += 1
    if failed:
        _log.error("%d of %d organizations had no full turn", failed, len(walked))
    return done


def _open_tenants() -> list[UUID]:
    with context.system_scope(reason="the sweep walks the organizations"):
        return list(Tenant.objects.exclude(state=Tenant.State.SEALED).values_list("pk", flat=True))
