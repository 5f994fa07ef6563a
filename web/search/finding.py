"""What is found for some words, group by group: a pasted id, whole numbers, customers, amounts, cards and references,
then what one can do and where one can go.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from audit import queries as trail
from billing import finding
from billing.customers import queries as customers
from billing.customers.rules import normalize_name
from billing.finding import Amount
from core import clock, ids, money
from edge.request import Request
from payments import finding as paid
from web.billing import rows
from web.kit import navigation
from web.kit.forms import read_amount
from web.kit.parts import NavItem
from web.search import hits, jumps
from web.search.hits import NOUNS, Group, Hit

MOST = 6
_RECENT, _SINCE = 6, timedelta(days=30)
# Two letters, two digits that check the rest, and what the country makes of it (ISO 13616).
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\Z")
_LAST4 = re.compile(r"[0-9]{4}\Z")
# A name of one letter finds everybody.
_FEWEST_LETTERS = 2


def offered(request: Request, *, slug: str) -> list[Group]:
    """Return what the palette opens with: the records somebody last had open, what they can do, where they can go."""
    person = request.session_row.user_id if request.session_row else None
    last = (
        trail.last_subjects(person, kinds=list(NOUNS), since=clock.now() - _SINCE, limit=_RECENT)
        if person
        else []
    )
    return _filled(
        [
            Group("Recent", hits.by_ids(request, last, slug=slug)),
            Group("Do", _places(navigation.actions(slug, request.permissions))),
            Group("Go to", _pages(request, slug)),
        ]
    )


def groups(request: Request, words: str, *, slug: str) -> list[Group]:
    """Return what is found for some words; nothing that is not there is counted."""
    if ids.is_id(words):
        found = jumps.target(request, words, slug=slug)
        return [Group("This id", [found])] if found else []
    on = rows.today()
    numbered = any(letter.isdigit() for letter in words)
    wanted = _amounts(words) if numbered else []
    by_number = _numbered(request, words, slug, on) if numbered else []
    by_amount = _over(request, words, wanted, slug, on) if wanted or _LAST4.match(words) else []
    by_reference = _referenced(request, words, slug, on) if numbered else []
    known = {hit.id for hit in by_number}
    return _filled(
        [
            Group("Number", by_number),
            Group("Customers", _customers(request, words, slug, on)),
            Group("Amount or card", [hit for hit in by_amount if hit.id not in known]),
            Group("Payment reference", by_reference),
            Group("From this account", _from_account(request, words, slug, on)),
            Group("Do", _matching(_places(navigation.actions(slug, request.permissions)), words)),
            Group("Go to", _matching(_pages(request, slug), words)),
        ]
    )


def _filled(found: Sequence[Group]) -> list[Group]:
    return [group for group in found if group.hits]


def _numbered(request: Request, words: str, slug: str, on: date) -> list[Hit]:
    found: list[Hit] = []
    if allowed := hits.may(request, "invoice"):
        invoices = finding.invoices_numbered(words, limit=MOST, within=allowed.within)
        found += [hits.invoice(row, slug, on) for row in invoices]
    if hits.may(request, "credit_note"):
        notes = finding.credit_notes_numbered(words, limit=MOST)
        found += [hits.credit_note(row, slug, on) for row in notes]
    if hits.may(request, "quote"):
        found += [hits.quote(row, slug, on) for row in finding.quotes_numbered(words, limit=MOST)]
    return found


def _customers(request: Request, words: str, slug: str, on: date) -> list[Hit]:
    allowed = hits.may(request, "customer")
    if allowed is None or len(words) < _FEWEST_LETTERS:
        return []
    found = customers.search(words, limit=MOST, within=allowed.within)
    wanted = normalize_name(words)
    shown = []
    for row in found:
        hit = hits.customer(row, slug, on)
        # Not found by its name: then by a detail whose blind index knows whole values alone.
        exact = wanted not in normalize_name(row.name)
        shown.append(hits.noted(hit, "Exact match") if exact else hit)
    return shown


def _over(request: Request, words: str, wanted: Sequence[Amount], slug: str, on: date) -> list[Hit]:
    found: list[Hit] = []
    if wanted and (allowed := hits.may(request, "invoice")):
        invoices = finding.invoices_over(wanted, limit=MOST, within=allowed.within)
        found += [hits.invoice(row, slug, on) for row in invoices]
    if hits.may(request, "payment"):
        last4 = words if _LAST4.match(words) else ""
        found += [hits.payment(row, slug, on) for row in paid.payments_over(wanted, last4=last4, limit=MOST)]
    return found


def _referenced(request: Request, words: str, slug: str, on: date) -> list[Hit]:
    if hits.may(request, "payment") is None:
        return []
    found = [hits.payment(row, slug, on) for row in paid.payments_referenced(words, limit=MOST)]
    found += [hits.refund(row, slug, on) for row in paid.refunds_referenced(words, limit=MOST)]
    return found + [hits.dispute(row, slug, on) for row in paid.disputes_referenced(words)]


def _from_account(request: Request, words: str, slug: str, on: date) -> list[Hit]:
    account = words.replace(" ", "").upper()
    if not _IBAN.match(account) or hits.may(request, "payment") is None:
        return []
    return [hits.payment(row, slug, on) for row in paid.payments_from(account, limit=MOST)]


def _amounts(words: str) -> list[Amount]:
    """Read the words as an amount in each currency the organization bills in."""
    found = []
    for currency in finding.currencies():
        try:
            amount = read_amount(words, decimals=money.exponent(currency))
            minor = money.exact_minor(amount, currency)
        except (ValueError, money.AmountTooPrecise, money.AmountTooLarge):
            continue
        if minor > 0:
            found.append((currency, minor))
    return found


def _pages(request: Request, slug: str) -> list[Hit]:
    shown = navigation.groups(slug, request.permissions, "", granted=bool(request.opened_customers))
    return [
        Hit(kind=group.label, title=item.label, url=item.url, icon=item.icon, keys=item.keys)
        for group in shown
        for item in group.items
    ]


def _places(places: Iterable[NavItem]) -> list[Hit]:
    return [Hit(kind="", title=item.label, url=item.url, icon=item.icon, keys=item.keys) for item in places]


def _matching(places: Sequence[Hit], words: str) -> list[Hit]:
    """Return the places in whose words each of the words begins one."""
    asked = words.casefold().split()
    return [
        place
        for place in places
        if all(
            any(word.startswith(part) for word in f"{place.title} {place.kind}".casefold().split())
            for part in asked
        )
    ]
