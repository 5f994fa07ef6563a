"""Who is asking: a session, an API key, or a stranger. Found out once, before any view."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings

from accounts import queries as accounts_queries
from accounts.models import Session
from accounts.permissions import Permission
from accounts.services import apikeys, sessions
from billing.customers import queries as customers
from core import clock
from core.actor import ActorKind, SignInMethod, Via
from core.errors import NotFound, Unauthenticated
from edge import doorway, language, network, throttle
from edge.doors import DoorKind
from edge.request import Request
from tenancy import context
from tenancy.context import Scope
from tenancy.models import Tenant

_OPENED_BY_GRANTS = frozenset({Permission.CUSTOMER_READ, Permission.INVOICE_READ})


class BadKey(Unauthenticated):
    """This API key is not known, or it no longer works."""

    code = "bad_api_key"


class PlainHttp(Unauthenticated):
    """Keys are taken over https only. This one has now travelled in the clear: replace it."""

    code = "https_required"
    status = 403


def beginning(request: Request) -> Scope:
    """Return the scope a request begins in: the organization that an API key names in clear, else none.

    Naming it proves nothing. In that scope `establish` looks for the key, and without it nothing is answered.
    """
    raw = _bearer(request) if request.door.kind is DoorKind.API else ""
    try:
        return Scope(tenant=apikeys.tenant_of(raw)) if raw else Scope()
    except Unauthenticated:
        return Scope()


def establish(request: Request) -> None:
    """Find out who is asking and narrow the scope to what is theirs.

    Raises:
        NotFound: the address names an organization they do not belong to, or none.
        Unauthenticated: a key that does not work, or that came over plain HTTP.
        LimitReached: too many requests from this key or network.
        Sealed: the organization's keys are not in memory.
    """
    kind = request.door.kind
    if kind is DoorKind.API:
        _by_key(request)
        if request.api_key is not None:
            return
        # Without a key a session opens the reference pages (`Own`): with no organization it holds no right.
    session = _session(request)
    if session is None:
        return
    at = clock.now()
    fresh = session.step_up_at is not None and at - session.step_up_at < timedelta(
        seconds=settings.STEP_UP_SECONDS
    )
    request.session_row, request.person = session, session.user
    request.actor = replace(
        request.actor,
        kind=ActorKind.USER,
        id=session.user_id,
        session_id=session.pk,
        method=SignInMethod.SESSION_FRESH if fresh else SignInMethod.SESSION,
    )
    if not session.verified:
        # Half signed in is not signed in: such a session opens the second step and nothing else (ASVS 6.3.4).
        request.actor = replace(request.actor, method=SignInMethod.NONE)
        context.narrow(Scope(user=session.user_id))
        return
    if kind in (DoorKind.STAFF, DoorKind.OPERATOR):
        _as_member(request, session, at)
    elif kind is DoorKind.PORTAL:
        _as_customer(request, session, fresh=fresh)
    else:
        context.narrow(Scope(user=session.user_id))


def _session(request: Request) -> Session | None:
    raw = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    return sessions.resolve(raw, at=clock.now()) if raw else None


def _tenant(slug: str) -> Tenant:
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise NotFound
    return tenant


def _as_member(request: Request, session: Session, at: datetime) -> None:
    tenant = _tenant(request.door.slug)
    context.narrow(Scope(tenant=tenant.pk, user=session.user_id))
    request.tenant = tenant  # the attempt is recorded where it was made
    member = accounts_queries.membership(user_id=session.user_id, tenant_id=tenant.pk, at=at)
    if member is None:
        raise NotFound
    doorway.observe(tenant)
    request.member = member
    request.permissions = accounts_queries.permissions_of(
        member, of_operator=tenant.kind == Tenant.Kind.OPERATOR
    )
    if not request.permissions >= _OPENED_BY_GRANTS:
        request.opened_customers = customers.opened_to(session.user, at=at)


def _as_customer(request: Request, session: Session, *, fresh: bool) -> None:
    tenant = _tenant(request.door.slug)
    request.tenant = tenant
    context.narrow(Scope(tenant=tenant.pk, user=session.user_id))
    access = accounts_queries.portal_access(user_id=session.user_id, tenant_id=tenant.pk)
    if access is None:
        raise NotFound
    context.narrow(Scope(tenant=tenant.pk, user=session.user_id, customer=access.customer_id))
    doorway.observe(tenant)
    request.portal_access = access
    language.speak_to(request, access.customer_id)
    request.actor = replace(
        request.actor,
        kind=ActorKind.CUSTOMER,
        method=SignInMethod.PORTAL_FRESH if fresh else SignInMethod.PORTAL,
    )
    request.permissions = accounts_queries.PORTAL_PERMISSIONS


def _bearer(request: Request) -> str:
    """Return the text of a bearer key, empty where there is none."""
    scheme, _, raw = request.headers.get("Authorization", "").partition(" ")
    return raw.strip() if scheme.lower() == "bearer" else ""


def _by_key(request: Request) -> None:
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        raise PlainHttp
    if not request.headers.get("Authorization", "").partition(" ")[2]:
        throttle.take(name=f"api-stranger:{request.network}", limit=throttle.API_STRANGER)
        return
    try:
        raw = _bearer(request)
        apikeys.tenant_of(raw)
        key = apikeys.authenticate(raw, at=clock.now(), address=network.client_address(request))
    except Unauthenticated as refusal:
        inside = context.current()
        # The attempt is recorded where it was made, if there is such an organization.
        request.tenant = Tenant.objects.filter(pk=inside.tenant).first() if inside and inside.tenant else None
        throttle.take(name=f"api-stranger:{request.network}", limit=throttle.API_STRANGER)
        raise BadKey from refusal
    request.tenant = tenant = key.tenant
    doorway.observe(tenant)
    request.limit_left = throttle.take(name=f"api-key:{key.pk}", limit=throttle.of_api_key())
    request.api_key = key
    request.permissions = accounts_queries.permissions_of_key(key)
    request.actor = replace(
        request.actor,
        kind=ActorKind.API_KEY,
        id=key.pk,
        key_id=key.pk,
        via=Via.API,
        method=SignInMethod.API_KEY,
    )
