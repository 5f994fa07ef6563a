"""The payment page and the authentication page. They work without JavaScript; the second click changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from sandbox import checkout, methods, payments, scenarios
from sandbox.errors import ApiError
from sandbox.http import Answer, Request
from sandbox.pages import html, typed
from sandbox.pages.html import Html, fill, join, money
from sandbox.pages.overview import Overview
from sandbox.pages.typed import Typed
from sandbox.store import Account, Record, Store

_CHECKOUT = re.compile(r"/c/(cs_test_\w+)", re.ASCII)
_CHALLENGE = re.compile(r"/3ds/((?:pi|seti)_\w+)/(3ds_\w+)", re.ASCII)
_ROUTE, _CHALLENGE_ROUTE = "/c/{session}", "/3ds/{intent}/{challenge}"
_FOREVER = {"Cache-Control": "max-age=31536000, immutable"}
_BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "sepa_debit": "SEPA debit"}


def origin_of(*addresses: str | None) -> tuple[str, ...]:
    """Return the origins of addresses, for the policy of a page whose form ends there."""
    parts = [urlsplit(address) for address in addresses if address]
    return tuple(sorted({f"{part.scheme}://{part.netloc}" for part in parts}))


class Pages:
    """Answers browsers."""

    def __init__(self, store: Store, base: str, nudge: Callable[[], None], overview: Overview) -> None:
        self._store = store
        self._base = base
        self._nudge = nudge
        self._overview = overview

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if request.path == html.style_address():
            return Answer(200, html.style(), "text/css", _FOREVER, "/style")
        if request.path == "/icon.svg":
            return Answer(200, html.icon(), "image/svg+xml", _FOREVER, "/icon.svg")
        if match := _CHECKOUT.fullmatch(request.path):
            return self._in_account(request, match[1], self._checkout)
        if match := _CHALLENGE.fullmatch(request.path):
            challenge = match[2]
            return self._in_account(
                request, match[1], lambda account, found, form: _challenge(account, found, challenge, form)
            )
        if request.path == "/cards":
            return _cards()
        return self._overview.answer(request)

    def _in_account(
        self,
        request: Request,
        reference: str,
        show: Callable[[Account, Record, dict[str, str] | None], Answer],
    ) -> Answer:
        name = self._store.owner(reference)
        if name is None or request.method not in ("GET", "POST"):
            return message("Nothing here", "There is no such page, or not any more.", status=404)
        form = request.form() if request.method == "POST" else None
        with self._store.transaction() as db:
            account = Account(db, name, base=self._base)
            found = account.find(reference)
            if found is None:
                return message("Nothing here", "There is no such page, or not any more.", status=404)
            answer = show(account, found, form)
        self._nudge()
        return answer

    def _checkout(self, account: Account, session: Record, form: dict[str, str] | None) -> Answer:
        if session["status"] == "complete":
            if form is not None:
                return html.redirect(checkout.return_address(session), route=_ROUTE)
            return message("Done already", "This page has been used.", to=checkout.return_address(session))
        if session["status"] == "expired":
            return message("This page has expired", "Nothing was charged.", to=session["cancel_url"])
        if form is None:
            return _show(account, session, Typed())
        saved = form.get("saved")
        if saved:
            method = account.find(saved, "payment_method")
            if method is None or method["customer"] is None or method["customer"] != session["customer"]:
                return _show(account, session, Typed(errors={"saved": "This method is not saved any more."}))
            email = method["billing_details"]["email"]
        else:
            read = typed.account(form) if form.get("kind") == "sepa_debit" else typed.card(form)
            kind = "sepa_debit" if form.get("kind") == "sepa_debit" else "card"
            if kind not in session["payment_method_types"]:
                read.errors["number"] = "This way of paying is not offered."
            if read.errors or read.scenario is None:
                return _show(account, session, read, status=422)
            email = read.email or session["customer_email"]
            method = methods.make(
                account, read.scenario, expires=read.expires, name=read.name or None, email=email
            )
        return _submit(account, session, method, email)


def _submit(account: Account, session: Record, method: Record, email: str | None) -> Answer:
    try:
        checkout.submit(account, session, method, email=email)
    except ApiError as error:
        if not error.keep:
            raise
        # What went wrong is kept with the intent; the page shows it.
        return html.redirect(f"{account.base}/c/{session.id}", route=_ROUTE)
    intent = _intent(account, session)
    if intent is not None and intent["status"] == "requires_action":
        return html.redirect(intent["next_action"]["redirect_to_url"]["url"], route=_ROUTE)
    return html.redirect(checkout.return_address(session), route=_ROUTE)


def _intent(account: Account, session: Record) -> Record | None:
    return account.find(session["payment_intent"] or session["setup_intent"])


def _show(account: Account, session: Record, read: Typed, *, status: int = 200) -> Answer:
    intent = _intent(account, session)
    last = (intent.body.get("last_payment_error") or intent.body.get("last_setup_error")) if intent else None
    paying = session["mode"] == "payment"
    amount = money(session["amount_total"], session["currency"]) if paying else ""
    problem = read.errors.get("saved") or (last["message"] if last and not read.errors else "")
    if read.errors and not problem:
        problem = "Please check the marked fields."
    action = f"Pay {amount}" if paying else "Save"
    offered = session["payment_method_types"]
    keeps = paying and bool(session.notes["intent"]["setup_future_usage"])
    content = fill(
        "checkout.html",
        heading=amount if paying else "Save a payment method",
        title=session.notes.get("title", "") if paying else "For payments to come; nothing is charged now.",
        problem=fill("problem.html", text=problem) if problem else Html(""),
        saved=_saved(account, session, action) if paying else Html(""),
        card=_card_form(read, action) if "card" in offered else Html(""),
        debit=_debit_form(read, action, alone="card" not in offered) if "sepa_debit" in offered else Html(""),
        consent=Html("<p class=quiet>The method is saved for payments to come.</p>") if keeps else Html(""),
        back=fill("back.html", address=session["cancel_url"]) if session["cancel_url"] else Html(""),
    )
    title = f"Pay {amount}" if paying else "Save a payment method"
    leads = origin_of(session["success_url"], session["cancel_url"])
    return html.page(title, content, status=status, forms_to=leads, route=_ROUTE)


def _saved(account: Account, session: Record, action: str) -> Html:
    if session["customer"] is None:
        return Html("")
    seen: dict[str, Record] = {}
    for method in account.all("payment_method", customer=session["customer"]):
        if method["type"] in session["payment_method_types"]:
            seen.setdefault(method[method["type"]]["fingerprint"], method)
    if not seen:
        return Html("")
    rows = [
        fill("saved.html", id=method.id, name=describe(method), action=action) for method in seen.values()
    ]
    return Html("<section aria-labelledby=saved><h2 id=saved>Saved</h2>" + join(rows) + "</section>")


def describe(method: Record) -> str:
    """Name a method by its brand and last four digits."""
    details = method[method["type"]]
    expiry = f", {details['exp_month']:02d}/{details['exp_year'] % 100:02d}" if "exp_month" in details else ""
    return f"{_BRANDS[details.get('brand', 'sepa_debit')]} ending in {details['last4']}{expiry}"


def _field(name: str, errors: dict[str, str]) -> dict[str, object]:
    error = errors.get(name)
    return {
        f"{name}_error": Html(f'<p class="error" id="{name}-error">{error}</p>') if error else Html(""),
        f"{name}_invalid": Html(f' aria-invalid="true" aria-describedby="{name}-error"')
        if error
        else Html(""),
    }


def _card_form(read: Typed, action: str) -> Html:
    values: dict[str, object] = {
        "name": read.name,
        "email": read.email,
        "expiry": read.expiry,
        "action": action,
    }
    for name in ("number", "expiry", "cvc"):
        values |= _field(name, read.errors)
    return fill("card.html", **values)


def _debit_form(read: Typed, action: str, *, alone: bool) -> Html:
    shown = alone or "iban" in read.errors or "holder" in read.errors
    values: dict[str, object] = {
        "holder": read.name,
        "action": action,
        "open": Html(" open") if shown else Html(""),
    }
    for name in ("iban", "holder"):
        values |= _field(name, read.errors)
    return fill("debit.html", **values)


def _challenge(account: Account, intent: Record, challenge: str, form: dict[str, str] | None) -> Answer:
    session = account.find(intent.notes.get("session"), "checkout.session")
    paying = intent.kind == "payment_intent"
    current = intent["status"] == "requires_action" and intent.notes.get("challenge") == challenge
    if form is None:
        if not current:
            return message(
                "Answered already", "This question was answered, or another one took its place.",
                to=_after(account, intent, session),
            )  # fmt: skip
        amount = money(intent["amount"], intent["currency"]) if paying else ""
        content = fill("challenge.html", what=f"a payment of {amount}" if paying else "saving your card")
        leads = origin_of(session["success_url"] if session else intent.notes.get("return_url"))
        return html.page("Confirm that it is you", content, forms_to=leads, route=_CHALLENGE_ROUTE)
    passed = form.get("answer") == "confirm"
    answering = payments.authenticate if paying else checkout.authenticate_setup
    try:
        answering(account, intent, challenge=challenge, passed=passed)
    except ApiError as error:
        if not error.keep:
            raise
    # The session may have been completed by what just happened.
    session = account.find(intent.notes.get("session"), "checkout.session")
    return html.redirect(_after(account, intent, session) or account.base + "/", route=_CHALLENGE_ROUTE)


def _after(account: Account, intent: Record, session: Record | None) -> str | None:
    if session is not None:
        done = session["status"] == "complete"
        return checkout.return_address(session) if done else f"{account.base}/c/{session.id}"
    back = intent.notes.get("return_url")
    if back is None:
        return None
    paid = intent["status"] in ("succeeded", "processing", "requires_capture")
    query = urlencode(
        {
            "payment_intent": intent.id,
            "payment_intent_client_secret": intent["client_secret"],
            "redirect_status": "succeeded" if paid else "failed",
        }
    )
    return f"{back}{'&' if '?' in back else '?'}{query}"


def message(heading: str, text: str, *, status: int = 200, to: str | None = None) -> Answer:
    """Return a page that says one thing."""
    back = fill("on.html", address=to) if to else Html("")
    return html.page(
        heading, fill("message.html", heading=heading, text=text, back=back), status=status, route="message"
    )


def _cards() -> Answer:
    rows = [
        fill("card_row.html", number=_grouped(number), name=_BRANDS[scenario.brand], title=scenario.title)
        for number, scenario in scenarios.shown()
    ]
    return html.page("Test cards", fill("cards.html", rows=join(rows)), route="/cards")


def _grouped(number: str) -> str:
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))
