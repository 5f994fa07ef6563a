"""A page that is sent twice acts once: its form carries a token, and the token's row is one commit with what it did.

Promise kept: where the page was refused, or the process died, the row is taken back with the rest and the same page can
be sent again. It is the mechanism of `Idempotency-Key` for people: a double click, going back, sending the same form
from two tabs.
"""

import re

from core import clock, ids
from core.errors import Conflict
from edge import idempotency
from edge.request import Request

FIELD = "once"
_TOKEN = re.compile(r"[0-9a-f]{32}\Z")


class SentAlready(Conflict):
    """This page was sent before, and what it asked for is done. Open it anew to do the same once more."""

    code = "sent_already"


def token(request: Request) -> str:
    """Return what a page's form carries: a new token, or the one that came with a form that is shown again."""
    sent = str(request.POST.get(FIELD, ""))
    return sent if _TOKEN.match(sent) else ids.uuid7().hex


def claim(request: Request) -> None:
    """Take the token of the form that was sent; call it before acting, in the same transaction.

    Raises:
        SentAlready: it was taken before, or the form carries none.
    """
    sent = str(request.POST.get(FIELD, ""))
    session = request.session_row
    if session is None or not _TOKEN.match(sent):
        raise SentAlready
    if not idempotency.claim_form(session.pk, path=request.path, token=sent, at=clock.now()):
        raise SentAlready
