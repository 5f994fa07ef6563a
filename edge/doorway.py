"""The one way in, for requests and tasks: who, which organization, may they, and is the refusal recorded.

A request is one transaction. It begins in an empty scope, or in that of the organization its API key names, learns
from the session or the key who is asking, and narrows to what is theirs (`tenancy.context.narrow`). Any exception and
any answer of 400 or above rolls everything back; what was refused is then recorded in a transaction of its own.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, tzinfo
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import DatabaseError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts import queries as accounts_queries
from accounts.permissions import Permission
from accounts.refusals import Recorded
from audit import services as audit
from audit.events import ACCESS_REFUSED
from core import ids
from core.actor import Actor, ActorKind, Via
from core.errors import Conflict, Forbidden, NotFound, Refusal, Sealed, Unavailable
from core.primitives import InvalidCiphertext
from crypto import keyring
from crypto.events import DECRYPT_FAILED
from edge import errors, identity, leaving, network, throttle
from edge.doors import DoorKind, door_of
from edge.events import PAGE_VIEWED
from edge.request import Request
from tenancy import suspension
from tenancy.context import Scope, scope
from tenancy.models import Tenant

_log = logging.getLogger("strongbox.doorway")
# Recorded as access refused; the rest (422, 409, …) is somebody's typing error and no attempt at anything.
_RECORDED_STATUS = frozenset({401, 403, 404, 405, 419, 429, 503})
_FAILED_FROM = 400
_UNSCOPED_PATHS = ("/static/", "/healthz", "/readyz")


class DoorwayMiddleware:
    """Every request comes through here, but for static files and the health checks, which read no row."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def process_exception(self, request: Request, error: Exception) -> HttpResponse | None:
        """Note a failure: Django answers below us, and without this the transaction would commit."""
        request.failure = error
        if isinstance(error, Refusal):
            request.refusal = error
            return errors.respond(request, error)
        if isinstance(error, DatabaseError):
            return self._answer_database(request, error)
        return None

    def process_template_response(self, request: Request, response: TemplateResponse) -> TemplateResponse:
        """Leave the response alone; it is rendered inside the scope."""
        return response

    def __call__(self, request: Request) -> HttpResponseBase:
        """Open the scope, let the request through, and close it by commit or rollback."""
        if request.path.startswith(_UNSCOPED_PATHS):
            request.tenant = None  # the gate asks of every request whose it is
            return self.get_response(request)
        _prepare(request)
        response: HttpResponseBase
        try:
            with scope(identity.beginning(request)):
                response = self._inside(request)
                if response.status_code >= _FAILED_FROM or request.failure is not None:
                    transaction.set_rollback(True)
            if (
                request.afterwards is not None
                and request.failure is None
                and response.status_code < _FAILED_FROM
            ):
                response = _do_afterwards(request, request.afterwards, response)
        except DatabaseError as error:
            response = self._answer_database(request, error)
        if isinstance(request.failure, InvalidCiphertext):
            _record_unreadable(request.actor, _route(request), request.tenant.pk if request.tenant else None)
        refusal = request.refusal
        if refusal is not None and (refusal.status in _RECORDED_STATUS or isinstance(refusal, Recorded)):
            response = self._record_refusal(request, refusal, response)
        return response

    def _inside(self, request: Request) -> HttpResponseBase:
        try:
            identity.establish(request)
        except Refusal as refusal:
            request.refusal = request.failure = refusal
            return errors.respond(request, refusal)
        with timezone.override(_zone(request)):
            response = self.get_response(request)
        if response.status_code < _FAILED_FROM and request.failure is None:
            try:
                leaving.refuse_undeclared(request, response)
            except Refusal as refusal:
                request.refusal = request.failure = refusal
                return errors.respond(request, refusal)
            _record_view(request)
        return response

    def _answer_database(self, request: Request, error: DatabaseError) -> HttpResponse:
        # Whatever was half done is rolled back. A serialization fault, deadlock or lock timeout is worth a retry;
        # so is a unique violation: the service has looked before, so that somebody else was faster.
        _log.error("the database refused", exc_info=error)
        code = getattr(error.__cause__, "sqlstate", "") or ""
        refusal: Refusal = errors.Unexpected()
        if code in ("23505", "40001", "40P01", "55P03"):
            refusal = Conflict()
        elif isinstance(error, OperationalError) and code[:2] in ("", "08", "53", "57"):
            # It is away or starting again (SQLSTATE 08, 53, 57): worth the same request once more.
            refusal = Unavailable(retry_after_seconds=2)
        request.failure, request.refusal = error, refusal
        return errors.respond(request, refusal)

    def _record_refusal(
        self, request: Request, refusal: Refusal, response: HttpResponseBase
    ) -> HttpResponseBase:
        full = _flood(request)
        if full is not None:
            return errors.respond(request, full)
        match = request.resolver_match
        facts: dict[str, str | int | bool] = {"status": refusal.status, "route": _route(request)}
        event, subject, tenant_id = ACCESS_REFUSED, None, request.tenant.pk if request.tenant else None
        result: audit.Result = "refused"
        if isinstance(refusal, Recorded):
            event, subject, result = refusal.event, refusal.subject, refusal.result
            tenant_id = refusal.tenant_id or tenant_id
            facts = {**facts, **refusal.event_facts}
        elif match is not None and isinstance(match.kwargs.get("pk"), str):
            # The trail cannot forget: what somebody typed in an identifier's place is not taken into it.
            named = match.kwargs["pk"]
            facts["object"] = named if ids.is_id(named) and audit.is_code(named) else "malformed"
        try:
            audit.record_apart(
                event,
                actor=request.actor,
                subject=subject,
                facts=facts,
                reason=refusal.code,
                result=result,
                tenant_id=tenant_id,
            )
        except DatabaseError as error:
            # Fail closed: what cannot be recorded is not answered as if it had been.
            _log.critical("a refusal could not be recorded", exc_info=error)
            away = isinstance(refusal, Unavailable)
            return response if away else errors.respond(request, errors.Unexpected())
        return response


def _flood(request: Request) -> Refusal | None:
    """Say that a stranger has been refused too often: a made-up link names the organization whose trail it would fill.

    Without the cache it is recorded as ever.
    """
    # Programs without a key are counted where they are found out (`edge.identity`).
    if request.door.kind is DoorKind.API or request.actor.kind is not ActorKind.STRANGER:
        return None
    try:
        throttle.take(name=f"refused:{request.network}", limit=throttle.API_STRANGER)
    except throttle.LimitReached as full:
        return full
    except Unavailable:
        return None
    return None


def _record_unreadable(actor: Actor, route: str, tenant_id: UUID | None) -> None:
    """Record that stored bytes did not open: they were changed, moved, or their key is gone."""
    try:
        audit.record_apart(
            DECRYPT_FAILED, actor=actor, facts={"route": route}, result="failed", tenant_id=tenant_id
        )
    except DatabaseError as error:
        _log.critical("a value that does not open could not be recorded", exc_info=error)


def _zone(request: Request) -> tzinfo:
    """Return the time zone in which the person wants times written, UTC where they have set none."""
    named = request.person.time_zone if request.person is not None else ""
    return ZoneInfo(named) if named else UTC


def _prepare(request: Request) -> None:
    request.door = door_of(request.path)
    request.network = network.pseudonym(network.client_address(request))
    via = Via.API if request.door.kind is DoorKind.API else Via.WEB
    request.actor = Actor.stranger(via=via, request_id=request.request_id, network=request.network)
    request.tenant = request.member = request.portal_access = request.person = None
    request.session_row = request.api_key = request.limit_left = None
    request.permissions = frozenset()
    request.opened_customers, request.granted_customers = frozenset(), None
    request.refusal = request.failure = None
    request.recorded = False
    request.afterwards = None


def _do_afterwards(
    request: Request, call: Callable[[], HttpResponseBase], before: HttpResponseBase
) -> HttpResponseBase:
    """Make a call that no transaction may wait for; what came before it is committed and stays, and so is told."""
    try:
        response = call()
        leaving.refuse_undeclared(request, response)
        response.cookies.update(before.cookies)
        return response
    except Refusal as refusal:
        request.refusal = request.failure = refusal
        return errors.respond(request, refusal)


def _route(request: Request) -> str:
    match = request.resolver_match
    return (match.view_name if match and match.view_name else request.door.kind.value)[:64]


def _record_view(request: Request) -> None:
    """Record a read that the view has not recorded itself: no page of an organization is opened unseen."""
    inside_organization = request.tenant is not None and request.actor.kind is not ActorKind.STRANGER
    if request.method in ("GET", "HEAD") and inside_organization and not request.recorded:
        audit.record(PAGE_VIEWED, actor=request.actor, facts={"route": _route(request)})


def observe(tenant: Tenant) -> None:
    """Tell the key ring what state an organization is in; a sealed one is not entered.

    Raises:
        Sealed: its keys are not to be used, or the app itself has no root key.
    """
    keyring.observe(tenant.pk, tenant.state, tenant.key_generation)
    if tenant.state == Tenant.State.SEALED:
        raise Sealed


@contextmanager
def enter_task(inside: Scope, permission: str, actor: Actor) -> Iterator[None]:
    """Open a task's scope, after asking again what was asked when it was sent (ASVS 8.3.3).

    Raises:
        Sealed, Suspended: the organization was sealed or suspended meanwhile.
        Forbidden: whoever sent it may no longer do this.
        NotFound: the organization is gone.
    """
    try:
        with scope(inside):
            tenant = Tenant.objects.filter(pk=inside.tenant).first() if inside.tenant else None
            if tenant is None:
                raise NotFound
            observe(tenant)
            suspension.refuse()
            if permission and actor.kind is not ActorKind.SYSTEM:
                held = accounts_queries.permissions_of_actor(actor=actor, tenant=tenant)
                if Permission(permission) not in held:
                    raise Forbidden
            yield
    except Refusal as refusal:
        recorded = isinstance(refusal, Recorded)
        audit.record_apart(
            refusal.event if isinstance(refusal, Recorded) else ACCESS_REFUSED,
            actor=actor,
            facts={
                "status": refusal.status,
                "route": actor.label or "task",
                "permission": permission.replace(":", ".") if not recorded else "",
            },
            reason=refusal.code,
            tenant_id=inside.tenant,
        )
        raise
    except InvalidCiphertext:
        _record_unreadable(actor, actor.label.rpartition(":")[2][:64] or "task", inside.tenant)
        raise
