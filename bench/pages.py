"""Staff pages of an organization with many invoices, signed in, beside a page that shows nothing.

The baseline is a template of one sentence in the same frame, behind the same door: session, organization, permission,
row-level security. What a page costs beyond it is its own statements and rows.
"""

import http.client
import statistics
import time
from typing import Any
from uuid import UUID

from bench import billers, grown, runs, stack

# What people open: path under the organization's address, and what it is called in the table.
PAGES = {
    "overview": ("", "overview"),
    "list": ("invoices", "list of invoices"),
    "next": ("{next}", "its second page"),
    "open": ("invoices?view=open", "list, open ones"),
    "overdue": ("invoices?view=overdue", "list, overdue ones"),
    "paid": ("invoices?view=paid", "list, paid ones"),
    "age": ("invoices?view=open&age=31-60", "list, 31 to 60 days late"),
    "due": ("invoices?due_from={day}&due_to={day}", "list, due on one day"),
    "number": ("invoices?q={number}", "search for a number"),
    "name": ("invoices?q=Customer+77+Limited", "search for a customer"),
}


def measure(environment: dict[str, str], *, customers: int, invoices: int, times: int) -> dict[str, Any]:
    """Bill some, store them many times over with other due dates and payments, and open the pages by turns."""
    slug = "runs-pages"
    tenant, rate, _ = runs.found(slug, customers)
    billers.together(environment, tenant, rate, 1)
    grown.multiply(tenant, invoices // customers - 1, database="strongbox")
    number, day = _age(tenant)
    stored = int(
        runs.superuser(f"SELECT count(*) FROM billing_invoice WHERE tenant_id = '{tenant}'", "strongbox")
    )
    found = visit(environment, slug, tenant, number=number, day=day, times=times)
    return {"invoices": stored, "times": times, "pages": found}


def visit(
    environment: dict[str, str], slug: str, tenant: UUID, *, number: str, day: str, times: int
) -> dict[str, dict[str, float]]:
    """Open the pages by turns; return the middle and the slowest twentieth of each, in milliseconds."""
    cookie = _session(tenant)
    ours = {**environment, "DJANGO_SETTINGS_MODULE": "bench.minimal.settings"}
    with stack.serving("config.wsgi", ours) as port:
        following = _next_page(Visitor(port, cookie), f"/o/{slug}/invoices")
        paths = {
            name: f"/o/{slug}/{path.format(number=number, day=day, next=following)}"
            for name, (path, _) in PAGES.items()
        }
        paths["minimal"] = f"/o/{slug}/bench-minimal"
        visitor = Visitor(port, cookie)
        taken: dict[str, list[float]] = {name: [] for name in paths}
        for turn in range(times + 5):
            for name, path in paths.items():
                began = time.perf_counter()
                visitor.get(path)
                if turn >= 5:  # the first warm up
                    taken[name].append((time.perf_counter() - began) * 1e3)
    return {name: {"p50": statistics.median(each), "p95": _p95(each)} for name, each in taken.items()}


def _p95(taken: list[float]) -> float:
    return sorted(taken)[len(taken) * 95 // 100]


class Visitor:
    """A browser that keeps its connection and is signed in."""

    def __init__(self, port: int, cookie: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self._headers = {"Cookie": cookie, "Accept": "text/html", "Host": "localhost"}

    def get(self, path: str) -> str:
        """Open a page; anything but success stops the measurement."""
        self._connection.request("GET", path, None, self._headers)
        answer = self._connection.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]}")
        return body


def _next_page(visitor: Visitor, path: str) -> str:
    """Return the address of the second page, from the list on."""
    body = visitor.get(path)
    at = body.index("cursor=")
    start = body.rindex('"', 0, at) + 1
    query = body[start : body.index('"', at)].replace("&amp;", "&")
    return f"invoices{query[query.index('?') :]}"


def _age(tenant: UUID) -> tuple[str, str]:
    """Spread the due dates over half a year, let three of four be paid, and let the tallies follow.

    Returns a number and a due date that exist.
    """
    runs.superuser(
        f"""
        SET session_replication_role = replica;
        UPDATE billing_invoice SET due_on = current_date + 30 - (hashtext(id::text) & 65535) % 180,
          payment_status = CASE WHEN hashtext(number) % 4 = 0 THEN payment_status ELSE 'paid' END,
          amount_paid_minor = CASE WHEN hashtext(number) % 4 = 0 THEN 0 ELSE total_minor END
        WHERE tenant_id = '{tenant}';
        DELETE FROM billing_tally WHERE tenant_id = '{tenant}' AND noun = 'invoice';
        INSERT INTO billing_tally (tenant_id, id, noun, state, payment_status, currency, day, count, total_minor, due_minor)
        SELECT tenant_id, uuidv7(), 'invoice', status, payment_status, currency, day, count(*),
          sum(total_minor + rounding_minor), sum(amount_due_minor)
        FROM (SELECT *, CASE payment_status WHEN 'paid' THEN NULL ELSE due_on END AS day FROM billing_invoice) AS stands
        WHERE tenant_id = '{tenant}' GROUP BY tenant_id, status, payment_status, currency, day;
        VACUUM ANALYZE""",
        "strongbox",
    )
    found = runs.superuser(
        f"SELECT number || ' ' || due_on FROM billing_invoice WHERE tenant_id = '{tenant}' AND payment_status <> 'paid' "
        "ORDER BY id LIMIT 1 OFFSET 1000",
        "strongbox",
    )
    number, day = found.split()
    return number, day


def _session(tenant: UUID) -> str:
    """Sign the owner in past the pages, and return the cookie."""
    from django.conf import settings

    from accounts.models import Membership, Session, TotpDevice
    from accounts.services import sessions
    from accounts.services.sessions import Origin
    from core import clock
    from tenancy.context import Scope, scope

    with scope(Scope(tenant)):
        user = Membership.objects.select_related("user").get().user
    with scope(Scope(user=user.pk)):
        opened = sessions.start(
            user=user,
            origin=Origin(network="bench", device="bench"),
            stage=Session.Stage.ACTIVE,
            at=clock.now(),
            factor=TotpDevice.objects.get(user=user),
        )
        opened.session.tenant_id = tenant
        opened.session.save(update_fields=["tenant_id"])
    return f"{settings.SESSION_COOKIE_NAME}={opened.raw_key}"
