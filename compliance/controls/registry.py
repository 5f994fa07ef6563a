"""Every control there is, by code. Whoever stands above compliance registers what only they can see.

Promise kept: a code is never given twice, and a control says what is checked, what passing and failing mean, why it
matters and what to do, before it can run.
"""

from collections.abc import Iterable

from compliance.controls.rules import FAMILIES, Control


class DuplicateControl(ValueError):
    """Two controls have the same code."""


class IncompleteControl(ValueError):
    """A control lacks a sentence, or is of a family nobody knows."""


_controls: dict[str, Control] = {}


def register(control: Control) -> Control:
    """Make a control known; call it in AppConfig.ready.

    Raises:
        DuplicateControl, IncompleteControl.
    """
    if control.code in _controls:
        raise DuplicateControl(control.code)
    words = (control.title, control.checks, control.passes, control.fails, control.matters, control.remedy)
    if not all(words) or control.family not in FAMILIES:
        raise IncompleteControl(control.code)
    _controls[control.code] = control
    return control


def register_all(controls: Iterable[Control]) -> None:
    """Make several controls known."""
    for control in controls:
        register(control)


def controls() -> list[Control]:
    """List the controls by family, in the families' order."""
    families = list(FAMILIES)
    return sorted(_controls.values(), key=lambda control: families.index(control.family))


def live() -> list[Control]:
    """List the controls that a machine decides."""
    return [control for control in controls() if control.is_live]


def of(code: str) -> Control | None:
    """Return a control by its code."""
    return _controls.get(code)
