"""What the API refuses, in Stripe's error envelope."""

from __future__ import annotations

import re
from typing import Any

DOCS = "https://docs.stripe.com/error-codes/"


class ApiError(Exception):
    """An answer that is an error.

    `keep` means that what happened before stays: a declined card leaves its failed charge behind.
    """

    keep = False

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str = "",
        param: str = "",
        **facts: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"type": kind, "message": message}
        if code:
            self.body |= {"code": code, "doc_url": DOCS + code.replace("_", "-")}
        if param:
            self.body["param"] = param
        self.body |= {name: value for name, value in facts.items() if value is not None}

    def envelope(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {"error": self.body}


class Declined(ApiError):
    """The card or debit was refused; the attempt itself is kept."""

    keep = True

    def __init__(self, message: str, *, code: str, decline_code: str = "", **facts: Any) -> None:
        super().__init__(
            402, message, kind="card_error", code=code, decline_code=decline_code or None, **facts
        )


def missing(kind: str, reference: str, param: str = "id") -> ApiError:
    """Say that an object does not exist in this account; what is no reference is not repeated."""
    shown = reference if re.fullmatch(r"[A-Za-z]+_\w{1,80}", reference, re.ASCII) else "…"
    return ApiError(404, f"No such {kind}: '{shown}'", code="resource_missing", param=param)


def invalid(message: str, param: str = "", *, code: str = "parameter_invalid_empty") -> ApiError:
    """Say that a parameter is wrong."""
    return ApiError(400, message, code=code, param=param)


def wrong_state(message: str, code: str, **facts: Any) -> ApiError:
    """Say that the object is not in a state that allows this."""
    return ApiError(400, message, code=code, **facts)
