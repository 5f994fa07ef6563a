"""The states of training and practice, as web.kit.status shows them."""

from __future__ import annotations

from web.kit.looks import Status
from web.kit.looks import care as _care
from web.kit.looks import good as _good
from web.kit.looks import idle as _idle
from web.kit.looks import moving as _moving
from web.kit.looks import waits as _waits
from web.kit.looks import wrong as _wrong

TRAINING: dict[str, dict[str, Status]] = {
    "training": {
        "free": _idle("Not taken"),
        "open": _moving("To take"),
        "due_soon": _care("Due soon"),
        "overdue": _wrong("Overdue"),
        "lapsed": _wrong("Rights wait"),
        "done": _good("Passed"),
        "expired": _idle("Ran out"),
        "excused": _idle("Excused"),
        "dropped": _idle("No duty"),
    },
    "training_try": {
        "open": _moving("Going on"),
        "passed": _good("Passed"),
        "failed": _care("Not passed"),
        "abandoned": _idle("Given up"),
    },
    "training_module": {
        "builtin": _good("Built in"),
        "draft": _idle("Draft"),
        "published": _good("Published"),
        "retired": _idle("Retired"),
    },
    "practice": {
        "waiting": _waits("To release"),
        "running": _moving("Running"),
        "ended": _good("Ended"),
        "stopped": _care("Stopped"),
        "dropped": _idle("Not released"),
    },
    "practice_result": {
        "queued": _idle("Not yet sent"),
        "sent": _moving("Sent"),
        "clicked": _care("Opened"),
        "typed": _care("Typed"),
        "spared": _idle("Not sent"),
        "reported": _good("Reported"),
    },
    "certificate": {"valid": _good("Valid"), "expired": _idle("Ran out")},
    "suspicious_message": {
        "new": _waits("To look at"),
        "harmless": _good("Harmless"),
        "spam": _idle("Unwanted"),
        "attack": _wrong("Attack"),
    },
}
