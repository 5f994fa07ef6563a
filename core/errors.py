"""Refusals: what the product says when it will not do something.

A refusal is an exception whose class name is the sentence and whose message is shown to people. It carries the
machine-readable code and the HTTP status that the faces answer with, so that no face invents its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of one field: where (RFC 6901 pointer), a stable code, and a sentence that names the way out."""

    pointer: str
    code: str
    detail: str


class Refusal(Exception):
    """This cannot be done."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 422

    def __init__(self, message: str = "", *, field: str = "", **facts: str | int | bool) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.field = field
        self.facts = facts
        super().__init__(self.message)

    @property
    def errors(self) -> Sequence[FieldError]:
        """Return the faults field by field; empty when the refusal is about no field."""
        return [FieldError(f"/{self.field}", self.code, self.message)] if self.field else []


class Invalid(Refusal):
    """Some of the values given cannot be used."""

    code = "invalid"

    def __init__(self, errors: Sequence[FieldError], message: str = "") -> None:
        super().__init__(message)
        self._errors = tuple(errors)

    @property
    def errors(self) -> Sequence[FieldError]:
        """Return every fault found, in the order of the fields."""
        return self._errors


class NotFound(Refusal):
    """There is nothing here, or nothing you may see."""

    code = "not_found"
    status = 404


class Unauthenticated(Refusal):
    """Sign in, or send a valid key."""

    code = "unauthenticated"
    status = 401


class Forbidden(Refusal):
    """Your role does not allow this."""

    code = "forbidden"
    status = 403


class StepUpRequired(Refusal):
    """Confirm it is you: use your second factor again."""

    code = "step_up_required"
    status = 403


class Conflict(Refusal):
    """Something else changed this first."""

    code = "conflict"
    status = 409


class TooMany(Refusal):
    """Too many attempts. Wait a little and try again."""

    code = "too_many_requests"
    status = 429

    def __init__(self, message: str = "", *, retry_after_seconds: int) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(TooMany):
    """A part of the service is starting again. Nothing was changed; try once more in a moment."""

    code = "unavailable"
    status = 503


class Sealed(Refusal):
    """This organization is sealed: its keys are not in memory and nothing of it can be read."""

    code = "organization_sealed"
    status = 503


class Suspended(Refusal):
    """This organization is suspended. Its owner settles that with whoever runs this installation."""

    code = "organization_suspended"
    status = 403


class ClosedForNow(Suspended):
    """This organization does nothing at present. What it billed can still be read; your rights over your data stand."""
