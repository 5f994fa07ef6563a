"""A request that is sent twice acts once: `Idempotency-Key` on every POST of the API, and never without one where money
moves (decision 4).

Promise kept: the key's row and what the request changed are one commit. There is no moment at which a crash
leaves the one without the other, so that repeating a request after any failure is always safe. A secret that an
answer shows once is not kept with it.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from compliance.personaldata.parts import Traces
from core import clock, ids, primitives
from core.errors import Conflict, Refusal
from edge import errors, recording
from edge.doors import DoorKind
from edge.events import REQUEST_REPEATED
from edge.models import IdempotencyKey
from edge.request import Request
from tenancy import context
from tenancy.models import Tenant

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?\Z")
KEPT_FOR = timedelta(hours=48)
_KEPT_HEADERS = ("Content-Type", "ETag", "Location")
_LOCK_NOT_AVAILABLE = "55P03"
_RETRY_AFTER_SECONDS = 1
_FAILED_FROM = 400
_V = TypeVar("_V", bound=Callable[..., Any])


class IdempotencyKeyMissing(Refusal):
    """Money moves here: send an Idempotency-Key, so that sending the request again is safe."""

    code = "idempotency_key_missing"
    status = 428


class MalformedIdempotencyKey(Refusal):
    """An Idempotency-Key is at most 255 printable ASCII characters."""

    code = "malformed_idempotency_key"


class IdempotencyKeyReused(Refusal):
    """This Idempotency-Key was sent before with another request. Use a new key for a new request."""

    code = "idempotency_key_reused"


class StillRunning(Conflict):
    """The first request with this Idempotency-Key has not ended yet. Send it again in a moment."""

    code = "idempotency_key_in_use"


def demanded(view: _V) -> _V:
    """Let nobody POST to a view without an Idempotency-Key: it moves money."""
    view.demands_idempotency_key = True  # type: ignore[attr-defined]  # read by the middleware
    return view


def shown_once(request: Request, *names: str) -> None:
    """Say which fields of an answer are shown this once: they are not kept, and null in an answer that is repeated."""
    request.shown_once = frozenset(names)  # type: ignore[attr-defined]  # read by the middleware


def is_demanded(view: Callable[..., Any]) -> bool:
    """Tell whether a view, or the class behind it, moves money."""
    return bool(getattr(getattr(view, "cls", view), "demands_idempotency_key", False))


class IdempotencyMiddleware:
    """Stands behind the gate: a repeated answer is given only to who may still ask the question."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponseBase:
        """Keep the answer with the key, in the transaction that made it."""
        response = self.get_response(request)
        row: IdempotencyKey | None = getattr(request, "idempotency_row", None)
        succeeded = response.status_code < _FAILED_FROM and getattr(request, "failure", None) is None
        if row is not None and succeeded and isinstance(response, HttpResponse):
            row.status = response.status_code
            kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
            row.response = {"headers": kept, "body": _kept_body(request, response)}
            row.save(force_update=True, update_fields=["status", "response"])
        return response

    def process_view(
        self, request: Request, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Let the view run if it is the first time, or repeat the answer."""
        if request.method != "POST" or request.door.kind is not DoorKind.API or request.api_key is None:
            return None
        try:
            if HEADER in request.headers:
                return _claim(request, key_id=request.api_key.pk)
            if is_demanded(view):
                raise IdempotencyKeyMissing
            return None
        except Refusal as refusal:
            request.failure = request.refusal = refusal
            response = errors.respond(request, refusal)
            if isinstance(refusal, StillRunning):
                response.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
            return response


def _claim(request: Request, *, key_id: UUID) -> HttpResponse | None:
    """Insert the key's row, or find the one that is there; a request that is still running is waited for."""
    key = request.headers[HEADER]
    if not _KEY.match(key):
        raise MalformedIdempotencyKey
    try:
        body = request.body
    except RequestDataTooBig:
        return None  # the view refuses it, and then there is nothing to repeat
    scope_hash = _hash(key_id.bytes, key.encode())
    body_hash = _hash((request.method or "").encode(), request.get_full_path().encode(), body)
    row = IdempotencyKey(
        id=ids.uuid7(),
        tenant_id=context.current_tenant(),
        scope_hash=scope_hash,
        body_hash=body_hash,
        created_at=clock.now(),
    )
    if _insert(row):
        request.idempotency_row = row  # type: ignore[attr-defined]  # between this module's two halves only
        return None
    stored = IdempotencyKey.objects.get(scope_hash=scope_hash)
    if not primitives.constant_time_equal(bytes(stored.body_hash), body_hash):
        raise IdempotencyKeyReused
    return _repeat(request, stored)


def claim_form(session_id: UUID, *, path: str, token: str, at: datetime) -> bool:
    """Insert the row of a form's token, and tell whether it was not there yet (`edge.onetime`)."""
    row = IdempotencyKey(
        id=ids.uuid7(),
        tenant_id=context.current_tenant(),
        scope_hash=_hash(b"form", session_id.bytes, token.encode()),
        body_hash=_hash(path.encode()),
        created_at=at,
    )
    return _insert(row)


def _insert(row: IdempotencyKey) -> bool:
    """Insert the row unless the key is there; waits for another transaction that is inserting it."""
    table = connection.ops.quote_name(IdempotencyKey._meta.db_table)
    sql = (
        f"INSERT INTO {table} (id, tenant_id, scope_hash, body_hash, created_at) VALUES (%s, %s, %s, %s, %s) "  # noqa: S608
        "ON CONFLICT (tenant_id, scope_hash) DO NOTHING"
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                sql, [row.pk, row.tenant_id, bytes(row.scope_hash), bytes(row.body_hash), row.created_at]
            )
            return bool(cursor.rowcount)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == _LOCK_NOT_AVAILABLE:
            raise StillRunning from error
        raise


def _kept_body(request: Request, response: HttpResponse) -> str:
    body = response.content.decode()
    secret: frozenset[str] = getattr(request, "shown_once", frozenset())
    if not secret:
        return body
    return json.dumps({name: None if name in secret else value for name, value in json.loads(body).items()})


def _repeat(request: Request, stored: IdempotencyKey) -> HttpResponse:
    answer = stored.response
    shown = str(json.loads(answer["body"] or "{}").get("id", ""))
    recording.read(request, REQUEST_REPEATED, facts={"status": stored.status or 0, "object": shown})
    response = HttpResponse(answer["body"], status=stored.status)
    for name, value in answer["headers"].items():
        response.headers[name] = value
    response.headers[REPLAYED] = "true"
    return response


def _hash(*parts: bytes) -> bytes:
    """Return a keyed digest: neither a key nor a body can be guessed from the row, however short."""
    key = primitives.hkdf_expand(primitives.sha256(settings.SECRET_KEY.encode()), b"idempotency")
    return primitives.hmac_sha256(key, b"".join(len(part).to_bytes(8) + part for part in parts))


def forget_person(traces: Traces) -> int:
    """Take somebody who is erased out of the answers that are kept, and return how many named them.

    The row stays, so that a request sent again is still not carried out again; its answer says that it is gone.
    """
    forgotten = 0
    words = [*traces.outside, *traces.addresses]
    for row in IdempotencyKey.objects.filter(response__isnull=False):
        body = str(row.response.get("body", "")).casefold()
        if any(word.casefold() in body for word in words):
            row.response = {"headers": {"Content-Type": "application/json"}, "body": '{"object": "erased"}'}
            row.save(update_fields=["response"])
            forgotten += 1
    return forgotten


def forget_old(*, at: datetime) -> int:
    """Remove answers older than 48 hours, organization by organization, and return how many there were.

    It needs no key, so that a sealed organization's are removed as well.
    """
    with context.system_scope(reason="every organization's old answers are removed"):
        tenants = list(Tenant.objects.values_list("pk", flat=True))
    removed = 0
    for tenant_id in tenants:
        with context.scope(context.Scope(tenant_id)):
            removed += IdempotencyKey.objects.filter(created_at__lt=at - KEPT_FOR).delete()[0]
    return removed
