"""What whoever looks may see: an auditor sees the frameworks they came for, and the controls behind them."""

from accounts.permissions import Permission
from compliance import frameworks
from compliance.auditors import services as auditors
from compliance.controls import registry
from compliance.frameworks.rules import Framework
from core import clock
from core.errors import NotFound
from edge.request import Request


def visible(request: Request) -> list[Framework]:
    """List the frameworks whoever asks may see."""
    came_for = auditors.visible_frameworks(actor=request.actor, at=clock.now())
    return [each for each in frameworks.ALL if came_for is None or each.code in came_for]


def codes(request: Request) -> list[str] | None:
    """List the controls whoever asks may see; None for all of them."""
    came_for = auditors.visible_frameworks(actor=request.actor, at=clock.now())
    if came_for is None:
        return None
    return [
        control.code
        for control in registry.controls()
        if any(framework in came_for for framework, _ in control.maps)
    ]


def framework(request: Request, code: str) -> Framework:
    """Return a framework whoever asks may see.

    Raises:
        NotFound: there is none of that code, or they did not come for it.
    """
    found = next((each for each in visible(request) if each.code == code), None)
    if found is None:
        raise NotFound
    return found


def check_control(request: Request, code: str) -> None:
    """Let a control pass that whoever asks may see.

    Raises:
        NotFound: there is none of that code, or it is behind no framework they came for.
    """
    allowed = codes(request)
    if registry.of(code) is None or (allowed is not None and code not in allowed):
        raise NotFound


def may_write(request: Request) -> bool:
    """Tell whether whoever asks may do more than look."""
    return Permission.COMPLIANCE_WRITE in request.permissions
