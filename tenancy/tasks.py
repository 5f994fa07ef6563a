"""Celery's door. A task names its scope when it is sent and passes the doorway again when it runs."""

import logging
from typing import Any
from uuid import UUID

from celery import Task, shared_task
from django.conf import settings
from django.utils.module_loading import import_string
from kombu.exceptions import OperationalError

from core import clock, ids
from core.actor import Actor, ActorKind, SignInMethod, Via
from tenancy import context, jobs
from tenancy.models import Tenant

_HEADER = "strongbox"
_log = logging.getLogger("strongbox.tenancy")


class TaskWithoutScope(RuntimeError):
    """A task of an organization must be sent from inside its scope."""


class TenantTask(Task):
    """Base of every task that works for one organization.

    The scope and the actor travel in a header. The doorway (named in settings, so that nothing here looks upward)
    re-checks when the task runs that the organization is open and that whoever asked may still do this.
    """

    abstract = True
    permission: str = ""
    actor: Actor

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        """Send the task with the scope it was sent from.

        Raises:
            TaskWithoutScope: no organization is in scope.
        """
        inside = context.current()
        if inside is None or inside.tenant is None:
            raise TaskWithoutScope(f"{self.name} was sent outside a scope")
        asked_by: Actor | None = options.pop("actor", None)
        header = {
            "tenant": str(inside.tenant),
            "user": str(inside.user or ""),
            "customer": str(inside.customer or ""),
            "actor": "" if asked_by is None else str(asked_by.id or ""),
            "kind": "" if asked_by is None else asked_by.kind.value,
            "key": "" if asked_by is None else str(asked_by.key_id or ""),
            "request": str(ids.uuid7() if asked_by is None else asked_by.request_id),
        }
        headers = {**(options.pop("headers", None) or {}), _HEADER: header}
        return super().apply_async(args, kwargs, headers=headers, **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run inside the scope the task was sent from.

        Raises:
            TaskWithoutScope: the message names no organization.
        """
        header = getattr(self.request, _HEADER, None) or (self.request.headers or {}).get(_HEADER)
        if not header or not header.get("tenant"):
            raise TaskWithoutScope(f"{self.name} ran without a scope")
        inside = context.Scope(*(_uuid(header.get(part)) for part in ("tenant", "user", "customer")))
        kind = ActorKind(header["kind"]) if header.get("kind") else ActorKind.SYSTEM
        self.actor = Actor(
            kind=kind,
            via=Via.TASK,
            id=_uuid(header.get("actor")),
            key_id=_uuid(header.get("key")),
            request_id=_uuid(header.get("request")) or ids.uuid7(),
            label=f"task:{self.name}",
            method=SignInMethod.SYSTEM,
        )
        with import_string(settings.TENANCY_DOORWAY)(inside, self.permission, self.actor):
            return super().__call__(*args, **kwargs)


class SystemTask(Task):
    """Base of host-wide work. It opens no scope: it walks the organizations, one scope after the other."""

    abstract = True
    reason: str = ""

    @property
    def actor(self) -> Actor:
        """Name the task as the one who acts."""
        return Actor.system(f"task:{self.name}", via=Via.TASK)


@shared_task(
    bind=True,
    base=SystemTask,
    name="tenancy.send_again",
    reason="work may have been asked for in any organization while the broker was away",
)
def send_again(self: SystemTask) -> int:
    """Hand over the jobs of every organization that no worker could be asked for; return how many."""
    with context.system_scope(reason=self.reason):
        tenants = list(Tenant.objects.filter(state=Tenant.State.ACTIVE).values_list("pk", flat=True))
    sent = 0
    for tenant_id in tenants:
        try:
            with context.scope(context.Scope(tenant_id)):
                sent += jobs.send_again(at=clock.now())
        except OperationalError:
            _log.warning("the broker is away; jobs wait for the next look")
    return sent


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None
