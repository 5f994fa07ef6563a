"""One line of JSON a request, without addresses, query strings, bodies or values; a request id on everything."""

import json
import logging
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from core import clock, ids
from core.cardnumbers import contains_card_number
from edge import requestlog

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_log = logging.getLogger("strongbox.request")
_FAULT_FROM = 500
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_SECRET_TEXT = re.compile(
    r"(?:sbk|sk|rk)_(?:test|live)_\S+|whsec_\S+|Bearer\s+\S+|[\w.+-]+@[\w-]+\.[\w.]+", re.IGNORECASE
)
# Links of invitations, recovery, payment and a provider's hook are bearer tokens; a library's line may quote a path.
_SECRET_PATH = re.compile(
    r"/(invite|recover|pay|certificates|was-this-you|doc|hooks/\w+)/[^\s?#\"'<>]+", re.IGNORECASE
)


def safe_path(request: HttpRequest, status: int) -> str:
    """Return a request's path with nothing in it that somebody typed: identifiers stay, all else is cut.

    Links of invitations and recovery are bearer tokens; an address that does not exist may be anything.
    """
    match = request.resolver_match
    if match is None:
        ours = status < 400 and request.path.startswith(f"/{settings.STATIC_URL.strip('/')}/")
        return request.path if ours else "/…"
    tenant = getattr(request, "tenant", None)
    known = {str(tenant.slug)} if tenant is not None else set()

    def shown(place: re.Match[str]) -> str:
        value = str(match.kwargs.get(place[1], ""))
        return value if value in known or ids.is_id(value) else "…"

    return "/" + _PARAMETER.sub(shown, match.route)


class RequestIdMiddleware:
    """Gives each request an id of our own making, and logs it once when it is answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Number the request; a client's own X-Request-Id is never taken over (it would enter the audit trail)."""
        request.request_id = ids.uuid7()  # type: ignore[attr-defined]  # see edge.request.Request
        name = ids.encode("request", request.request_id)  # type: ignore[attr-defined]  # as above
        token = _request_id.set(name)
        began = time.perf_counter()
        try:
            response = self.get_response(request)
        finally:
            _request_id.reset(token)
        response.headers["X-Request-Id"] = name
        path, took = safe_path(request, response.status_code), (time.perf_counter() - began) * 1000
        _log.info(
            "%s %s %s",
            request.method,
            path,
            response.status_code,
            extra={"milliseconds": round(took, 1), "request_id": name},
        )
        _note(request, response.status_code, name=name, path=path, milliseconds=round(took))
        return response


def _note(request: HttpRequest, status: int, *, name: str, path: str, milliseconds: int) -> None:
    """Note what an API key asked, for its owners."""
    key, tenant = getattr(request, "api_key", None), getattr(request, "tenant", None)
    if key is None or tenant is None:
        return
    refusal = getattr(request, "refusal", None)
    code = refusal.code if refusal is not None else "unexpected" if status >= _FAULT_FROM else ""
    noted = requestlog.Noted(
        id=name,
        at=clock.now().isoformat(),
        key_id=ids.encode("api_key", key.pk),
        method=request.method or "",
        path=path,
        status=status,
        milliseconds=milliseconds,
        code=code,
    )
    requestlog.note(tenant.pk, noted)


def note_unexpected(sender: object, **kwargs: object) -> None:
    """Log an exception that nobody expected, wherever below us it arose; Django's own line would quote the path."""
    _log.error("an exception nobody expected", exc_info=True)


class RedactingFilter(logging.Filter):
    """Cuts what must not stand in a log: keys, secret links, people's addresses, card numbers (ASVS 16.4.1)."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the message; a record is never dropped."""
        text = _SECRET_PATH.sub(r"/\1/…", _SECRET_TEXT.sub("[redacted]", record.getMessage()))
        record.msg = "[redacted: card number]" if contains_card_number(text) else text
        record.args = ()
        return True


class JsonFormatter(logging.Formatter):
    """A line a record. Of an exception, its type and place, never its text: that may quote a row."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as one line of JSON."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", "") or _request_id.get(),
        }
        if hasattr(record, "milliseconds"):
            line["milliseconds"] = record.milliseconds
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            frames = []
            trace = record.exc_info[2]
            while trace is not None:
                frames.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
                trace = trace.tb_next
            line["at_code"] = frames[-4:]
        return json.dumps({name: value for name, value in line.items() if value != ""}, ensure_ascii=False)
