"""/v1/customers"""

from __future__ import annotations

from sandbox import methods, shapes, webhooks
from sandbox.api.calls import Call, listing
from sandbox.errors import missing
from sandbox.store import Body, Record

_TEXTS = ("name", "email", "description", "phone")
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def create(call: Call) -> Body:
    """Make a customer."""
    body = shapes.customer()
    record = Record(body)
    _fill(call, record)
    call.params.finish()
    made = call.account.add(record.body)
    webhooks.emit(call.account, "customer.created", made)
    return made.body


def update(call: Call) -> Body:
    """Change a customer."""
    found = _existing(call)
    _fill(call, found)
    call.params.finish()
    call.account.save(found)
    webhooks.emit(call.account, "customer.updated", found)
    return found.body


def _fill(call: Call, record: Record) -> None:
    for name in _TEXTS:
        if call.params.has(name):
            record[name] = call.params.text(name)
    if call.params.has("address"):
        address = call.params.group("address")
        record["address"] = {name: address.text(name) for name in _ADDRESS}
    if call.params.has("metadata"):
        record["metadata"] = merged(record["metadata"], call.params.metadata())
    settings = call.params.group("invoice_settings")
    if settings.has("default_payment_method"):
        record["invoice_settings"]["default_payment_method"] = settings.text("default_payment_method")
    locales = call.params.texts("preferred_locales")
    record["preferred_locales"] = locales or record["preferred_locales"]


def merged(before: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """Return metadata with changes; an empty value removes a name."""
    return {name: value for name, value in {**before, **given}.items() if value != ""}


def _existing(call: Call) -> Record:
    found = call.object("customer")
    if found.body.get("deleted"):
        raise missing("customer", found.id)
    return found


def retrieve(call: Call) -> Body:
    """Return a customer; a deleted one says so."""
    return call.object("customer").body


def delete(call: Call) -> Body:
    """Delete a customer and give up its methods."""
    found = _existing(call)
    for method in call.account.all("payment_method", customer=found.id):
        methods.detach(call.account, method)
    webhooks.emit(call.account, "customer.deleted", found)
    gone = {"id": found.id, "object": "customer", "deleted": True}
    found.body = {**gone}
    call.account.save(found)
    return gone


def all_of(call: Call) -> Body:
    """List customers."""
    email = call.params.text("email")
    return listing(
        call, "customer", keep=lambda body: "deleted" not in body and email in (None, body.get("email"))
    )


def payment_methods(call: Call) -> Body:
    """List what a customer has saved."""
    found, kind = _existing(call), call.params.text("type")
    return listing(call, "payment_method", customer=found.id, keep=lambda body: kind in (None, body["type"]))


def payment_method(call: Call) -> Body:
    """Return one method of a customer."""
    method = call.object("payment_method", "method")
    if method["customer"] != call.part["id"]:
        raise missing("PaymentMethod", method.id)
    return method.body
