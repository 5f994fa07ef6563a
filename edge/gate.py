"""The gate: what is undeclared is refused, per view and per method. There is no default that allows."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts import permissions as authority
from accounts.permissions import Permission
from core.actor import SignInMethod
from core.errors import Forbidden, Refusal, StepUpRequired, Unauthenticated
from edge import errors, leaving, suspension
from edge.access import Granted, Own, Public, Rule, rules_of
from edge.request import Request


class Undeclared(Forbidden):
    """Nobody has decided who may do this, so nobody may."""

    code = "undeclared"


class MissingPermission(Forbidden):
    """Your role does not include this."""

    code = "missing_permission"


class Withheld(MissingPermission):
    """This right waits until your overdue training is done. It comes back the moment you have finished it."""

    code = "withheld"


class GateMiddleware:
    """Decides before the view runs, from what the view declares and what the doorway found out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on; the decision falls in `process_view`, when the view is known."""
        return self.get_response(request)

    def process_view(
        self, request: Request, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Let the view run, or answer in its place."""
        try:
            rule = rule_for(view, request.method or "")
            suspension.refuse(request)
            decide(request, rule)
            leaving.refuse_held(request, view)
        except (Unauthenticated, StepUpRequired) as refusal:
            if request.door.speaks_json:
                return _refuse(request, refusal)
            # A person is shown the way: to sign in, or to confirm that it is they.
            target = "signin:login" if isinstance(refusal, Unauthenticated) else "signin:step_up"
            if request.session_row is not None and not request.session_row.verified:
                target = "signin:mfa"
            back = request.get_full_path() if request.method in ("GET", "HEAD") else request.path
            request.failure = refusal
            if _is_attempt(request, refusal):
                request.refusal = refusal  # the doorway records it
            return HttpResponseRedirect(f"{reverse(target)}?{urlencode({'next': back})}")
        except Refusal as refusal:
            return _refuse(request, refusal)
        return None


def _is_attempt(request: Request, refusal: Refusal) -> bool:
    """Tell whether being shown the way is worth an event: something was to be done, or a session has ended.

    Somebody without any session who opens a page is no attempt at anything, and would only make noise.
    """
    if isinstance(refusal, StepUpRequired):
        return request.method not in ("GET", "HEAD")
    return bool(request.COOKIES.get(settings.SESSION_COOKIE_NAME))


def _refuse(request: Request, refusal: Refusal) -> HttpResponse:
    request.failure = request.refusal = refusal
    return errors.respond(request, refusal)


def rule_for(view: Callable[..., Any], method: str) -> Rule:
    """Return what a view declares for a method.

    Raises:
        Undeclared: the view declares nothing.
        MethodNotAllowed: it declares other methods.
    """
    rules = rules_of(view)
    if not rules:
        raise Undeclared
    if method not in rules:
        raise errors.MethodNotAllowed(allow=", ".join(sorted(rules)))
    return rules[method]


def decide(request: Request, rule: Rule) -> None:
    """Let a request pass a rule.

    Raises:
        Unauthenticated: nobody is signed in, or only half.
        StepUpRequired: a fresh second factor is needed.
        MissingPermission: the role, or the way of signing in, does not allow it.
    """
    if isinstance(rule, Public):
        return
    if isinstance(rule, Own):
        if rule.api_key and request.api_key is not None:
            return
        session = request.session_row
        if session is None or (rule.second_factor and not session.verified):
            raise Unauthenticated
        if rule.step_up and request.actor.method not in (
            SignInMethod.SESSION_FRESH,
            SignInMethod.PORTAL_FRESH,
        ):
            raise StepUpRequired
        return
    if isinstance(rule, Granted) and _is_granted(request, rule.permission):
        return
    require(request, rule.permission)


def _is_granted(request: Request, permission: Permission) -> bool:
    """Tell whether grants let a member pass who lacks a permission, and note which customers they open."""
    lacks = permission not in request.permissions
    if not lacks or not authority.usable(request.actor.method, frozenset({permission})):
        return False
    if request.opened_customers:
        request.granted_customers = request.opened_customers
    return bool(request.opened_customers)


def require(request: Request, permission: Permission) -> None:
    """Demand one permission of whoever is asking; also for views that decide by what they were sent.

    Raises:
        Unauthenticated, StepUpRequired, MissingPermission: see `decide`.
    """
    if request.actor.method is SignInMethod.NONE:
        raise Unauthenticated
    if permission not in request.permissions:
        waits = request.member is not None and permission in request.member.withheld_rights
        raise (Withheld if waits else MissingPermission)(facts_permission=permission.value)
    if permission not in authority.usable(request.actor.method, request.permissions):
        if authority.needs_step_up(request.actor.method, permission):
            raise StepUpRequired
        raise MissingPermission(facts_permission=permission.value)
