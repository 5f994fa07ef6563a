"""Every failure of the API in one shape: problem details (RFC 9457) with a stable code, see `edge.errors`.

Promise kept: whatever is answered here as an error is noted on the request, so that the doorway rolls back
and records it. What nobody expected is not answered here at all; it reaches the doorway as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpResponse, UnreadablePostError
from rest_framework import exceptions

from api.authentication import edge_request
from core.cardnumbers import CardNumberRefused, contains_card_number
from core.errors import FieldError, Forbidden, Invalid, NotFound, Refusal, Unauthenticated
from edge import errors as edge_errors

_LONGEST_NAME = 64


class Unreadable(Refusal):
    """The body is not the JSON document that this address takes."""

    code = "unreadable"
    status = 400


class BodyTooLarge(Refusal):
    """The body is larger than this address takes."""

    code = "body_too_large"
    status = 413


class UnsupportedMediaType(Refusal):
    """Send the body as application/json in UTF-8."""

    code = "unsupported_media_type"
    status = 415


class PreconditionFailed(Refusal):
    """The record has changed since you read it. Read it again."""

    code = "precondition_failed"
    status = 412


class HoldsCardNumber(Invalid):
    """Something that looks like a card number was sent. Nothing was stored; remove the number."""

    code = CardNumberRefused.code


def handle(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """Answer an exception of a view; None lets it travel on to the doorway, which answers 500."""
    refusal = refusal_of(error)
    if refusal is None:
        return None
    request = edge_request(context["request"])
    request.refusal = request.failure = refusal
    return edge_errors.respond(request, refusal)


def refusal_of(error: Exception) -> Refusal | None:
    """Translate what Django and REST framework raise into our own words; None for what nobody expected."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, exceptions.ValidationError):
        return invalid(flatten(error.detail))
    if isinstance(error, Http404):
        return NotFound()
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return Unauthenticated()
    if isinstance(error, exceptions.PermissionDenied | DjangoPermissionDenied):
        return Forbidden()
    if isinstance(error, RequestDataTooBig):
        return BodyTooLarge()
    if isinstance(error, UnreadablePostError | exceptions.ParseError):
        return Unreadable()
    return None


def invalid(faults: Sequence[FieldError]) -> Invalid:
    """Refuse all faults at once; a card number among them gives the whole refusal its name."""
    if any(fault.code == HoldsCardNumber.code for fault in faults):
        return HoldsCardNumber(faults)
    return Invalid(faults)


def flatten(detail: object, pointer: str = "") -> list[FieldError]:
    """Write the nested errors of a serializer as one list with pointers (RFC 6901)."""
    if isinstance(detail, exceptions.ErrorDetail):
        return [FieldError(pointer, detail.code or "invalid", str(detail))]
    found: list[FieldError] = []
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            # REST framework's name for the object as a whole.
            here = pointer if name == "non_field_errors" else f"{pointer}/{escape(str(name))}"
            found.extend(flatten(inner, here))
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        for index, inner in enumerate(detail):
            here = f"{pointer}/{index}" if isinstance(inner, Mapping) else pointer
            found.extend(flatten(inner, here))
    return found


def escape(name: str) -> str:
    """Write a member's name for a pointer; one that a stranger made up is neither long nor a card number."""
    if contains_card_number(name):
        return "…"
    return name[:_LONGEST_NAME].replace("~", "~0").replace("/", "~1")
