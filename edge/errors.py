"""How a refusal is answered: problem details for machines (RFC 9457), a plain page for people.

Neither needs the database, and neither tells more than the refusal itself says.
"""

import json
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from core import ids
from core.errors import Forbidden, NotFound, Refusal, Suspended, TooMany, Unauthenticated
from edge.doors import DoorKind, door_of

PROBLEM_TYPE = "application/problem+json"
_PAGES = frozenset({403, 404, 410, 419, 422, 429, 500, 503})
# What cannot be done now is said in its own sentence; that something is not there would be wrong.
_LIKE = {400: 422, 409: 422}


class FormExpired(Refusal):
    """This form is too old, or it came from another page. Go back, reload and send it again."""

    code = "form_expired"
    status = 419


class NotTaken(Refusal):
    """This was more than one form may hold, or nothing that can be read. Nothing was changed."""

    code = "not_taken"
    status = 400


class Unexpected(Refusal):
    """Something went wrong on our side. Nothing was changed."""

    code = "internal_error"
    status = 500


class MethodNotAllowed(Refusal):
    """This address does not answer to that method."""

    code = "method_not_allowed"
    status = 405


def reference(request: HttpRequest) -> str:
    """Return the request's number, which support can find in the log and the audit trail."""
    return ids.encode("request", request.request_id)  # type: ignore[attr-defined]  # see edge.request.Request


def problem(request: HttpRequest, refusal: Refusal) -> dict[str, Any]:
    """Write a refusal as problem details (RFC 9457)."""
    body: dict[str, Any] = {
        "type": f"{settings.PUBLIC_URL}/api/v1/docs#{refusal.code}",
        "title": _title(refusal.status),
        "status": refusal.status,
        "detail": refusal.message,
        "code": refusal.code,
        "request_id": reference(request),
    }
    if refusal.errors:
        body["errors"] = [
            {"pointer": error.pointer, "code": error.code, "detail": error.detail} for error in refusal.errors
        ]
    return body


def _title(status: int) -> str:
    return "Form expired" if status == FormExpired.status else HTTPStatus(status).phrase


def respond(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Answer a refusal in the language of the door it happened at."""
    if door_of(request.path).speaks_json:
        response = HttpResponse(
            json.dumps(problem(request, refusal)), status=refusal.status, content_type=PROBLEM_TYPE
        )
    else:
        page = _LIKE.get(refusal.status, refusal.status)
        page = page if page in _PAGES else (404 if page < 500 else 500)
        name = "suspended" if isinstance(refusal, Suspended) else str(page)
        context = {
            "message": _(refusal.message),
            "reference": reference(request),
            "status": refusal.status,
            "permission": refusal.facts.get("facts_permission", ""),
            "withheld": refusal.code == "withheld",
            "home": _home(request),
            "portal": _portal(request),
        }
        response = HttpResponse(render_to_string(f"errors/{name}.html", context), status=refusal.status)
    if isinstance(refusal, TooMany):
        response.headers["Retry-After"] = str(refusal.retry_after_seconds)
    if isinstance(refusal, Unauthenticated) and door_of(request.path).speaks_json:
        response.headers["WWW-Authenticate"] = 'Bearer realm="strongbox"'
    if isinstance(refusal, MethodNotAllowed) and refusal.facts.get("allow"):
        response.headers["Allow"] = str(refusal.facts["allow"])
    return response


def _home(request: HttpRequest) -> str:
    """Return the address of the organization a staff page belongs to, empty for other pages."""
    door = door_of(request.path)
    return f"/o/{door.slug}/" if door.kind is DoorKind.STAFF else ""


def _portal(request: HttpRequest) -> str:
    """Return the address of the portal a customer's page belongs to, empty for other pages."""
    door = door_of(request.path)
    return f"/p/{door.slug}/" if door.kind is DoorKind.PORTAL else ""


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer Django's check against cross-site requests; the doorway records it."""
    refusal = FormExpired()
    request.refusal = refusal  # type: ignore[attr-defined]  # see edge.request.Request
    return respond(request, refusal)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself cannot read, or finds too large."""
    return respond(request, NotTaken())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that leads nowhere."""
    return respond(request, exception if isinstance(exception, Refusal) else NotFound())


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself refuses."""
    return respond(request, Forbidden())


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a fault of ours."""
    return respond(request, Unexpected())
