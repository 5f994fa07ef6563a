"""Which answers are files or go on as lists, and which of them stay in the house while exports are frozen.

Freezing exports is a containment act: whoever is taking data out must not find a second way. So every route that
answers with a file stands here, and a file from a route that does not is refused at any time: a new way out is held
until somebody has thought about it. Page after page of a list is an export that asks nobody: meanwhile every list ends
with its first page, but for those named here. Work with single records goes on. What is held is held before the view
reads a row.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponseBase, QueryDict

from accounts import queries as people
from accounts.refusals import Recorded
from audit.events import ACCESS_REFUSED
from billing.exports import queries as exports
from billing.exports.services import ExportsFrozen
from compliance.requests import queries as requests
from core import ids
from core.errors import Forbidden
from edge import throttle
from edge.doors import DoorKind
from edge.request import Request

# Many persons, or everything about one, in one answer.
HELD = frozenset({
    "api:export_file",
    "files:export_file",
    "files:refused_rows",
    "books:journal_csv",
    "books:trial_csv",
    "reports:statement_pdf",
    "reports:statement_csv",
    *(
        f"reports:{report}_{form}"
        for report in ("aging", "revenue", "mrr", "tax", "cash", "dso")
        for form in ("pdf", "csv", "rows_csv")
        if (report, form) != ("dso", "rows_csv")
    ),
    "compliance:pack_file",
    "compliance:access_review_record",
    "compliance:access_review_paper",
    # Owed to its subject within a month (GDPR Article 12(3)) and held all the same on this side: one file holds all
    # that is known about somebody, and whoever takes data out needs only to open a request for each person. A freeze
    # lasts hours and the month goes on: the refusal says until when, and who froze. The subject's own way stays open.
    "privacy:request_file",
})  # fmt: skip
# Pages that become such a file when they are asked for one: the page itself stays.
HELD_AS_FILE = frozenset({"privacy:breach_touched"})
# One record that somebody works with, and why it may go on leaving.
SINGLE: dict[str, str] = {
    **dict.fromkeys(
        [
            "billing:invoice_pdf", "billing:invoice_lines_csv", "billing:make_document", "billing:kept_document",
            "billing:credit_note_pdf", "billing:make_credit_document", "billing:quote_pdf", "billing:attachment",
            "api:invoice_pdf", "api:invoice_xml", "api:credit_note_pdf", "api:credit_note_xml", "api:quote_pdf",
            "api:attachment_file",
        ],
        "one document of one customer, which a house must be able to send; reading many of them is an alert",
    ),
    **dict.fromkeys(
        [
            "portal:invoice_pdf", "portal:credit_note_pdf", "portal:quote_pdf", "portal:receipt_pdf",
            "portal:statement_pdf", "portal:statement_csv", "pay:invoice_pdf", "pay:receipt_pdf",
        ],
        "a customer's own paper, handed to that customer",
    ),
    "portal:privacy_file": "the subject's own copy, which reaches nobody else: it is owed in time",
    "training:certificate_pdf": "a person's own certificate",
    "compliance:evidence_file": "one file that somebody brought as evidence",
    **dict.fromkeys(
        ["privacy:processing", "ops_backups:drill_json", "ops_backups:drill_pdf", "ops_patching:sbom"],
        "it holds no person's data",
    ),
}  # fmt: skip


# Lists that go on while exports are frozen, and why; every other one ends with its first page.
LISTS: dict[str, str] = {
    **dict.fromkeys(
        [
            "api:products", "api:prices", "api:tax_rates", "api:series", "api:exchange_rates", "api:meters",
            "api:periods", "api:ledger_accounts", "api:controls", "api:jobs", "api:webhook_endpoints",
        ],
        "it holds no person's data",
    ),
    **dict.fromkeys(
        ["api:invoice_lines", "api:invoice_attachments", "api:customer_credit_entries"],
        "the parts of one record that somebody works with",
    ),
    "api:events": "ids and states by which a program catches up on what it missed: each record is opened by itself",
    **dict.fromkeys(
        ["api:audit_events", "api:alerts"], "an incident is looked into with it, and it names nobody but by an id"
    ),
}  # fmt: skip
# The same for the pages of a whole room.
LIST_ROOMS: dict[str, str] = {
    **dict.fromkeys(["console", "alerts", "compliance"], "an incident is looked into and proved with it"),
    **dict.fromkeys(["patching", "training"], "software and lessons: it holds no customer's data"),
}
FIRST_PAGE = 50
# Other filters are other first pages: a program gets as many an hour as rule DATA-08 takes for reading a list from end
# to end (2,000 rows).
FIRST_PAGES = throttle.Limit(size=40, per_second=40 / 3600)
_PLACES = ("cursor", "after")


class Held(ExportsFrozen, Recorded):
    """Exports are frozen: none is made and none handed out until somebody who may lets them out again."""

    event = ACCESS_REFUSED


class FileUndeclared(Forbidden):
    """Nobody has decided whether this file may leave, so it does not."""

    code = "file_undeclared"


def refuse_held(request: Request, view: Callable[..., Any]) -> None:
    """Let no file of many persons leave, and no list go on, while exports are frozen. Asked before the view runs.

    Raises:
        Held: says since when and by whom, and of a person's own file until when it is owed.
    """
    match = request.resolver_match
    if match is None or request.tenant is None:
        return
    name = match.view_name
    is_file = name in HELD or (name in HELD_AS_FILE and "format" in request.GET)
    is_list = not is_file and _is_list(request, view)
    if not is_file and not is_list:
        return
    # Counted at all times, so that the everyday list of a program asks the database nothing more.
    if is_list and not _goes_on(request.GET) and _has_pages_left(request):
        return
    standing = exports.freeze()
    if standing is None or not standing.frozen:
        return
    who = "an alert, by itself"
    if standing.turned_by is not None:
        who = people.names_of({standing.turned_by}).get(standing.turned_by, "somebody who has left")
    # A program is not told who somebody is.
    by = "" if request.api_key is not None else f", by {who}"
    what = "none is made and none handed out"
    if is_list:
        what = f"a list ends with its first {FIRST_PAGE} entries, and a program reads {FIRST_PAGES.size} lists an hour,"
    owed = ""
    if name == "privacy:request_file":
        row = requests.get(ids.decode("privacy_request", match.kwargs["pk"]))
        owed = (
            f" Whoever asked must have it by {row.due_on:%-d %B %Y} at the latest (GDPR Article 12(3)); on the portal "
            "they can fetch their own copy meanwhile, once the request is answered."
        )
    raise Held(
        f"Exports are frozen since {standing.turned_at:%-d %B %Y %H:%M} UTC{by}: {what} "
        f"until somebody who may change the organization lets them out again.{owed}"
    )


def _is_list(request: Request, view: Callable[..., Any]) -> bool:
    """Tell whether a list is read that ends with its first page: each of the API, and the next page of a page.

    Without any filter it is the same first page again, which the everyday list of the API need not ask about.
    """
    match = request.resolver_match
    if match is None or request.method not in ("GET", "HEAD") or match.view_name in LISTS:
        return False
    if request.door.kind is DoorKind.API:
        return bool(request.GET) and bool(getattr(getattr(view, "cls", None), "listed", ""))
    if request.door.kind is not DoorKind.STAFF or match.namespace.partition(":")[0] in LIST_ROOMS:
        return False
    return _goes_on(request.GET)


def _goes_on(asked: QueryDict) -> bool:
    limit = asked.get("limit", "").lstrip("0")  # 0100 is a hundred, too
    return any(asked.get(place) for place in _PLACES) or (limit.isdecimal() and int(limit[:4]) > FIRST_PAGE)


def _has_pages_left(request: Request) -> bool:
    try:
        throttle.take(name=f"lists:{request.actor.key_id or request.actor.id}", limit=FIRST_PAGES)
    except throttle.LimitReached:
        return False
    return True


def refuse_undeclared(request: Request, response: HttpResponseBase) -> None:
    """Let no file leave about which nobody has decided.

    Raises:
        FileUndeclared
    """
    match = request.resolver_match
    name = match.view_name if match else ""
    known = name in HELD or name in SINGLE or name in HELD_AS_FILE
    if "Content-Disposition" in response.headers and not known:
        raise FileUndeclared
