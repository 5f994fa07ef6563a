"""Authority is declared beside the view, per method. There is no second way in.

    @access(get=Permission.INVOICE_READ, post=Permission.INVOICE_WRITE)
    def invoices(request): …

The other forms are `Public(reason=…)`, `Own(reason=…)` for the signed-in person's own record, and
`Granted(permission)` for pages that a grant on one customer opens as well. What is undeclared is refused by
`edge.gate` and does not even boot (`edge.checks`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from accounts.permissions import Permission

_V = TypeVar("_V", bound=Callable[..., Any])
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Public:
    """Anybody may; the reason stands for its reader."""

    reason: str


@dataclass(frozen=True, slots=True)
class Own:
    """A signed-in person may, for their own record only. `second_factor=False` before it has been proved.

    `api_key`: any working key may as well, whatever its scopes.
    """

    reason: str
    second_factor: bool = True
    step_up: bool = False
    api_key: bool = False


@dataclass(frozen=True, slots=True)
class Needs:
    """Whoever holds the permission may, by a sign-in method that may use it."""

    permission: Permission


@dataclass(frozen=True, slots=True)
class Granted:
    """Whoever holds the permission may; and a member without it, for the customers that grants open to them.

    The view limits what it reads to `request.granted_customers`: None without a limit, or these and no others.
    """

    permission: Permission


Rule = Public | Own | Needs | Granted
Declared = Permission | Public | Own | Granted


def _rule(declared: Declared) -> Rule:
    return Needs(declared) if isinstance(declared, Permission) else declared


def access(
    *,
    get: Declared | None = None,
    post: Declared | None = None,
    put: Declared | None = None,
    patch: Declared | None = None,
    delete: Declared | None = None,
) -> Callable[[_V], _V]:
    """Declare who may call a view, method by method; a method not named is refused."""
    declared = dict(zip(METHODS, (get, post, put, patch, delete), strict=True))
    rules = {method: _rule(rule) for method, rule in declared.items() if rule is not None}
    if "GET" in rules:
        rules["HEAD"] = rules["GET"]

    def mark(view: _V) -> _V:
        view.access = rules  # type: ignore[attr-defined]  # read by edge.gate
        return view

    return mark


def rules_of(view: Callable[..., Any]) -> dict[str, Rule] | None:
    """Return what a view declares: a function's own, or that of the class behind it."""
    for holder in (view, getattr(view, "cls", None), getattr(view, "view_class", None)):
        rules: dict[str, Rule] | None = getattr(holder, "access", None)
        if rules:
            return rules
    return None
